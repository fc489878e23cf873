/** Adds a machine: the exact command, and what of it has come true. */
import { useState } from 'hono/jsx/dom';
import { reverseTunnel } from '../../shared/loopback.ts';
import type { MachineDocument } from '../../shared/machine-document.ts';
import { clockWords, durationWords, STATE_WORDS } from '../../shared/status-words.ts';
import type { CollectorStatus, MachineAdded, MachineStatus } from '../../shared/status.ts';
import { act, useActing } from './actions.ts';
import { CopyButton } from './copy-button.tsx';
import { useAnswer } from './answer.ts';
import { machineAddress } from './route.ts';
import { Said } from './said.tsx';

/** Between two looks at what has come true. */
const LEAST_MS = 1000;

interface AddProps {
  /** What it shall be called; '' where that is still to be said. */
  name: string;
  status: CollectorStatus;
  stamp: string;
  nowMs: number;
}

export function AddMachine({ name, status, stamp, nowMs }: AddProps) {
  const acting = useActing();
  const [added, setAdded] = useState<MachineAdded | undefined>(undefined);
  const ask = (label: string): void => acting.run(async () => {
    const isKnown = status.machines.some((machine) => machine.label === label);
    setAdded(await act<MachineAdded>('machines.add', { label, again: isKnown }));
    return `The commands for ${label} are below.`;
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    const label = new FormData(event.target).get('label');
    ask(typeof label === 'string' ? label.trim() : '');
  };
  const machine = added && status.machines.find(({ label }) => label === added.label);
  return (
    <section class="first" aria-labelledby="add-title">
      <h2 id="add-title">Add a machine</h2>
      <form onSubmit={submit}>
        <label>Its name <input name="label" type="text" value={name} required autocomplete="off" spellcheck={false} placeholder="devbox" /></label>{' '}
        <button type="submit">{added ? 'A fresh code' : 'Show the command'}</button>
      </form>
      <Said {...acting} />
      {!added && <p class="quiet">Lower case letters, digits, - and _. Take the name by which ssh knows it, if it has one.</p>}
      {added && <Commands added={added} nowMs={nowMs} />}
      {added && <Steps key={added.code} machine={machine} stamp={stamp} />}
    </section>
  );
}

function Commands({ added: { label, url, command, expires_at: expires }, nowMs }: { added: MachineAdded; nowMs: number }) {
  const leftMs = Date.parse(expires) - nowMs;
  const deploy = `tt deploy ${label}`;
  const tunnel = reverseTunnel(url, label);
  return (
    <>
      <p>On this computer, where <code>ssh {label}</code> works. It does everything:</p>
      <Command text={deploy} what="the command that does everything" />
      <details open={leftMs > 0}>
        <summary>Or by hand</summary>
        <p>{tunnel === undefined ? `On ${label} join, then run:` : `Keep a tunnel open, and on ${label} join, then run:`}</p>
        {tunnel !== undefined && <Command text={tunnel} what="the command of the tunnel" />}
        <Command text={command} what="the command that joins" />
        <Command text="tt-agent run" what="the command that runs the agent" />
        <p class={leftMs > 0 ? 'quiet' : 'problem'}>{leftMs > 0 ? `The code works once, for ${durationWords(leftMs)} more.` : `The code ended at ${clockWords(expires, nowMs)}: take a fresh one.`}</p>
      </details>
    </>
  );
}

function Command({ text, what }: { text: string; what: string }) {
  return <p><code>{text}</code> <CopyButton text={text} what={what} /></p>;
}

interface Step {
  words: string;
  isDone: boolean;
  /** What to do as long as it is not. */
  next: string;
}

function stepsOf(machine: MachineStatus | undefined, sources: readonly string[]): Step[] {
  return [
    { words: 'it has joined', isDone: machine !== undefined && machine.ended_at === null, next: 'run one of the commands above' },
    { words: 'its agent is connected', isDone: machine?.connected === true, next: 'tt-agent run on it, with the tunnel open; tt-agent doctor there tells why not' },
    { words: 'its history is read', isDone: machine !== undefined && machine.drained_at !== null, next: 'the newest sessions come first; this takes as long as its logs are big' },
    { words: 'sessions of Claude Code arrive', isDone: sources.includes('remote.agent'), next: 'use Claude Code there once; its logs are in ~/.claude/projects' },
    { words: 'tmux tells where you look', isDone: sources.includes('remote.tmux'), next: 'the hooks are not loaded: without them your own time can not be told; tt deploy sets them up' },
    { words: 'it is live', isDone: machine?.state === 'live', next: machine === undefined ? 'it is not there yet' : `it is ${STATE_WORDS[machine.state]}` },
  ];
}

function Steps({ machine, ...rest }: { machine: MachineStatus | undefined; stamp: string }) {
  return machine ? <JoinedSteps machine={machine} {...rest} /> : <StepList steps={stepsOf(undefined, [])} />;
}

function JoinedSteps({ machine, stamp }: { machine: MachineStatus; stamp: string }) {
  const { document } = useAnswer<MachineDocument>(`/api/v1/machines/${machine.machine_id}`, `${stamp} ${machine.state}`, LEAST_MS);
  return (
    <>
      <StepList steps={stepsOf(machine, document?.sources.map(({ source }) => source) ?? [])} />
      <p><a href={machineAddress(machine.label)}>The page of {machine.label}</a></p>
    </>
  );
}

function StepList({ steps }: { steps: readonly Step[] }) {
  const done = steps.filter(({ isDone }) => isDone).length;
  return (
    <>
      <p role="status" class="quiet">{done === steps.length ? 'Everything is there.' : `Waiting: ${done} of ${steps.length} are there.`}</p>
      <ul class="steps" aria-label="What is there, and what is missing">
        {steps.map(({ words, isDone, next }) => (
          <li key={words} class={isDone ? 'done' : ''}>
            <span class="shape" aria-hidden="true">{isDone ? '✓' : '○'}</span> {words}<span class="unseen">: {isDone ? 'yes' : 'not yet'}</span>
            {!isDone && <span class="quiet"> – {next}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}
