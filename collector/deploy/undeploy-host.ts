/** Takes a machine off: what tt made there goes, what it sent stays here. */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { TtError } from '../../shared/errors.ts';
import { backlogWords } from '../../shared/status-words.ts';
import type { Control, MachineRow } from '../control/control-methods.ts';
import { runAgentProgram, uninstallService, type AgentProgram } from './agent-program.ts';
import { untilDrained } from './arrival.ts';
import { remoteFailed } from './failures.ts';
import { look, type RemoteFacts } from './look.ts';
import { PLACES } from './places.ts';
import { requireNode } from './plan.ts';
import type { Progress } from './progress.ts';
import type { RemoteShell } from './remote-shell.ts';
import { removeTmuxHooks } from './tmux.ts';

const REMOVE = readFileSync(new URL('../../deploy/remote-remove.sh', import.meta.url), 'utf8');
/** A full look begins every 30 s at the latest. */
const DRAIN_MS = 60_000;
const AWAY_MS = 3000;
const LOOK_EVERY_MS = 3000;

export interface UndeployDeps {
  shell: RemoteShell;
  control: Control;
  clock: Clock;
  stop: AbortSignal;
  progress: Progress;
  /** `label`: undefined where it is no machine of ours (any more). */
  agree: (label: string | undefined) => Promise<boolean>;
}

export interface UndeployedHost {
  label: string | undefined;
  /** Files of tt that are still there. */
  left: readonly string[];
}

export async function undeployHost({ keepData }: { keepData: boolean }, deps: UndeployDeps): Promise<UndeployedHost> {
  const { shell, control, progress, agree } = deps;
  const { facts, machine } = await progress.step('look', () => lookFor(deps));
  const node = requireNode(shell.host, facts).path;
  const program: AgentProgram = { node, file: `${facts.dataDir}/tt-agent.mjs` };
  const isOurs = machine !== undefined && machine.retired_at === null && machine.revoked_at === null;
  if (!(await agree(machine?.label))) throw new TtError('not_agreed', 'nothing was changed', { hint: `to bring it up to date instead: tt deploy ${shell.host}` });
  // Before anything is taken away: here it can still be called off.
  if (isOurs && !keepData) await progress.step('drain', () => drain(machine, program, deps));
  await progress.step('tmux', async () => {
    const file = await removeTmuxHooks(shell, node, facts);
    return { value: undefined, note: file === undefined ? 'no hooks in tmux.conf' : `hooks removed from ${file} and from running servers` };
  });
  if (facts.hasService && !facts.sums.has(program.file)) {
    throw new TtError('agent_gone', `${program.file}, which knows its service, is gone from ${shell.host}`, { hint: `put it back, then again: tt deploy ${shell.host}` });
  }
  if (facts.sums.has(program.file)) await progress.step('service', () => endService(shell, program, facts));
  if (isOurs) {
    await progress.step('retire', async () => {
      await control.call('tunnels.set', { label: machine.label, host: null });
      await control.call('machines.retire', { label: machine.label });
      return { value: undefined, note: `${machine.label}; its history stays` };
    });
  }
  // Of a machine that somebody else set up nobody knows what was there before.
  const mayRemoveData = !keepData && facts.deployed;
  const left = await progress.step('remove', () => removeFiles(shell, facts, mayRemoveData));
  return { label: machine?.label, left };
}

async function lookFor({ shell, control }: UndeployDeps): Promise<{ value: { facts: RemoteFacts; machine: MachineRow | undefined }; note: string }> {
  const facts = await look(shell);
  const { machines } = await control.call('machines.list', {});
  const machine = machines.find(({ machine_id }) => machine_id === facts.machineId);
  if (!facts.deployed && !facts.sums.has(`${facts.dataDir}/tt-agent.mjs`) && !facts.tmuxConf.hasBlock) {
    throw new TtError('not_deployed', `tt deploy was never at ${shell.host}, or all of it is gone`, { hint: '`tt tunnel` lists the hosts; to retire a machine that no longer is: tt machines retire LABEL' });
  }
  return { value: { facts, machine }, note: machine === undefined ? 'no machine of this collector' : machine.label };
}

async function drain({ machine_id, label, connected }: MachineRow, program: AgentProgram, { shell, control, clock, stop }: UndeployDeps): Promise<{ value: void; note: string }> {
  const sinceMs = clock.now();
  const isThere = connected === true;
  // One that is away is not waited for: a tunnel that is down has been tried for a while.
  const deadlineMs = clock.monotonic() + (isThere ? DRAIN_MS : AWAY_MS);
  let drained: Awaited<ReturnType<typeof untilDrained>>;
  do {
    // An older agent does not know that word: its next full look is waited for.
    if (isThere) await runAgentProgram(shell, program, ['look']);
    drained = await untilDrained(machine_id, sinceMs, { control, clock, stop }, Math.min(LOOK_EVERY_MS, Math.max(0, deadlineMs - clock.monotonic())));
  } while (!drained.isDrained && clock.monotonic() < deadlineMs && !stop.aborted);
  if (drained.isDrained) return { value: undefined, note: 'everything there has arrived' };
  const how = drained.machine?.connected === true ? `${backlogWords(drained.machine)} waits` : 'its agent is not connected';
  throw new TtError('not_drained', `what ${label} has not sent yet would be lost: ${how}; nothing was changed`, {
    hint: `wait until tt status shows it live, or leave its data there: tt undeploy ${shell.host} --keep-data`,
  });
}

/** Throws unless what the look found is gone: nothing may be removed below an agent that runs. */
export async function endService(shell: RemoteShell, program: AgentProgram, { hasService }: Pick<RemoteFacts, 'hasService'>): Promise<{ value: void; note: string }> {
  const wasThere = await uninstallService(shell, program);
  if (hasService && !wasThere) {
    throw new TtError('service_stays', `${shell.host} has a service of the agent, and its program does not find it`, { hint: `bring it up to date, then again: tt deploy ${shell.host}` });
  }
  return { value: undefined, note: wasThere ? 'tt-agent is stopped and no longer kept running' : 'tt-agent was not installed' };
}

async function removeFiles(shell: RemoteShell, { dataDir, stateDir }: RemoteFacts, mayRemoveData: boolean): Promise<{ value: string[]; note: string }> {
  const { said } = await shell.run(PLACES + REMOVE, { values: [dataDir, stateDir, mayRemoveData ? '' : 'keep'] });
  if (!said.some(({ name }) => name === 'removed')) throw remoteFailed(`write ${dataDir}`, shell.host);
  const left = said.filter(({ name }) => name === 'left').map(({ value }) => value);
  return { value: left, note: left.length === 0 ? 'nothing of tt is left' : `left there: ${left.join(', ')}` };
}
