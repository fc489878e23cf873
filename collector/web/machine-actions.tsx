/** What can be done with a machine. Each asks first; all are the methods of `tt machines` and `tt tunnel`. */
import { useState } from 'hono/jsx/dom';
import type { Probe } from '../../shared/probe.ts';
import { plural } from '../../shared/status-words.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { act, useActing } from './actions.ts';
import { Question } from './question.tsx';
import { go, machineAddress } from './route.ts';
import { Said } from './said.tsx';

interface Action {
  verb: string;
  /** Of the keyboard, on this page. */
  key: string;
  title(label: string): string;
  /** What it means, before it is done. */
  meaning: string;
  isGrave?: true;
  /** The label as it is to be, or a box to tick. */
  field?: 'label' | 'replace';
  isOffered(machine: MachineStatus): boolean;
  /** What became of it. */
  run(label: string, answers: FormData): Promise<string>;
}

const has = ({ ended_at }: MachineStatus): boolean => ended_at === null;

const ACTIONS: readonly Action[] = [
  {
    verb: 'Rename', key: 'e', title: (label) => `Rename ${label}`, meaning: 'Only the name changes; its history stays with it.', field: 'label', isOffered: () => true,
    async run(label, answers) {
      const field = answers.get('label');
      const renamed = await act<{ label: string }>('machines.rename', { label, new_label: typeof field === 'string' ? field.trim() : '' });
      go(machineAddress(renamed.label));
      return `${label} is ${renamed.label} now.`;
    },
  },
  {
    verb: 'Rewind', key: 'w', title: (label) => `Read the files of ${label} again`, meaning: 'It sends everything that it still has once more. Nothing counts twice.', field: 'replace', isOffered: has,
    async run(label, answers) {
      const { files, happens } = await act<{ files: number; happens: string }>('machines.rewind', { label, replace: answers.get('replace') !== null });
      return `${label} sends ${plural(files, 'file')} again, ${happens === 'now' ? 'now' : 'when it connects next'}.`;
    },
  },
  {
    verb: 'Send a probe', key: 'p', title: (label) => `Send a probe through ${label}`, meaning: 'A line of its own goes all the way: file, agent, tunnel, store, this page. It counts in no report.', isOffered: ({ connected }) => connected,
    async run(label) {
      const { complete, total_ms: ms, hops, problem } = await act<Probe>('machines.probe', { label });
      const delays = hops.flatMap(({ name, delay_ms: delay }) => (delay === null ? [] : [`${name} +${delay} ms`])).join(', ');
      if (!complete) throw new Error(`the probe did not arrive: ${problem ?? 'tt doctor tells where it stopped'}`);
      return `${ms ?? '?'} ms all the way: ${delays}.`;
    },
  },
  {
    verb: 'Restart the tunnel', key: 't', title: (label) => `Restart the tunnel to ${label}`, meaning: 'Its ssh is ended and begun anew.', isOffered: (machine) => has(machine) && machine.tunnel !== null && machine.tunnel !== undefined,
    async run(label) {
      await act('tunnels.restart', { label });
      return 'The tunnel begins anew.';
    },
  },
  {
    verb: 'Retire', key: 'r', title: (label) => `Retire ${label}`, isGrave: true, isOffered: ({ state }) => state !== 'retired',
    meaning: 'It can not send any more, and no number waits for it any more. Its history stays. To have it back, it must join again.',
    async run(label) {
      await act('machines.retire', { label });
      return `${label} is retired; its history stays.`;
    },
  },
  {
    verb: 'Revoke', key: 'v', title: (label) => `Revoke ${label}`, isGrave: true, isOffered: ({ state }) => state !== 'revoked',
    meaning: 'For a machine that was lost or is no longer trusted: its key is refused from now on and its connection is cut. Its history stays. To have it back, it must join again.',
    async run(label) {
      await act('machines.revoke', { label });
      return `${label} is revoked.`;
    },
  },
];

export function MachineActions({ machine }: { machine: MachineStatus }) {
  const acting = useActing();
  const [asked, setAsked] = useState<string | null>(null);
  const { label } = machine;
  const offered = ACTIONS.filter(({ isOffered }) => isOffered(machine));
  const action = offered.find(({ verb }) => verb === asked);
  return (
    <section id="actions" aria-label="Actions">
      <p class="actions">
        {offered.map(({ verb, key, isGrave }) => (
          <button key={verb} type="button" data-key={key} class={isGrave ? 'grave' : ''} disabled={acting.isBusy} onClick={() => setAsked(verb)}>{verb} <kbd>{key}</kbd></button>
        ))}
        {machine.ended_at !== null && <a class="button" href={`/add/${encodeURIComponent(label)}`}>Let it join again</a>}
      </p>
      <Said {...acting} />
      <Question
        isOpen={action !== undefined} title={action?.title(label) ?? ''} verb={action?.verb ?? ''} isGrave={action?.isGrave === true}
        onYes={(answers) => action && acting.run(() => action.run(label, answers))} onClose={() => setAsked(null)}
      >
        <p>{action?.meaning}</p>
        {action?.field === 'label' && <p><label>New name <input name="label" type="text" value={label} required autofocus autocomplete="off" spellcheck={false} /></label></p>}
        {action?.field === 'replace' && <p><label><input name="replace" type="checkbox" /> and put what is read anew in place of what an older agent read</label></p>}
      </Question>
    </section>
  );
}
