/** Brings the sessions of this computer and of one machine in step: pulls before it pushes, and goes on behind what fails. */
import { messageOf, TtError } from '../../shared/errors.ts';
import type { SteppedSession } from '../../shared/step-document.ts';
import { openBundle } from './bundle.ts';
import { lacking, type FileReading, type Lacking, type StepRoots, type Wished } from './in-step.ts';
import { put, type Receiver, type RemoteReceiver } from './receiver.ts';

export interface StepMachine {
  id: string;
  label: string;
  /** How ssh reaches it; null: nobody knows, so that nothing is pushed. */
  host: string | null;
}

export type Way = SteppedSession['way'];
export const WAYS: readonly Way[] = ['pull', 'push'];

export interface MachineStepDeps {
  roots: StepRoots;
  reading: FileReading;
  /** What this computer is called. */
  here: string;
  local(): Receiver;
  /** Asked for when the first session is to go there. */
  remote(host: string): Promise<RemoteReceiver>;
  /** No session is begun any more. */
  stop: AbortSignal;
  /** Is it to be done at all now? */
  isDue(row: Pick<SteppedSession, 'machine' | 'way'>, file: Lacking): boolean;
  onMoved(moved: SteppedSession, file: Lacking): void;
}

export interface MachineStepOptions {
  wished: Wished;
  ways: readonly Way[];
  isDryRun: boolean;
}

/** These pass, or say that the machine has no such repository: nothing that a person has to do. */
const PASSING: ReadonlySet<string> = new Set(['session_in_use', 'just_changed', 'directory_missing', 'directory_unknown']);

/** Of a machine that can not be reached, or does not allow it, the next session would say the same. */
export function isOfMachine({ code }: { code: string }): boolean {
  return code.startsWith('ssh_') || code === 'not_allowed' || code === 'no_agent' || code === 'agent_old' || code === 'stopped';
}

/** Never rejects for what one session or the way there is in: that is told, and the rest goes on. */
export async function stepMachine(machine: StepMachine, options: MachineStepOptions, deps: MachineStepDeps): Promise<void> {
  const { label, id, host } = machine;
  if (options.ways.includes('pull')) await handOverAll(lacking({ from: id, to: null }, options.wished, deps), { label, way: 'pull', receiver: async () => deps.local() }, options, deps);
  if (!options.ways.includes('push') || host === null) return;
  let opened: Promise<RemoteReceiver> | undefined;
  const receiver = async (): Promise<Receiver> => (await (opened ??= deps.remote(host))).receiver;
  try {
    // Looked at behind the pull: what came by it need not go back.
    await handOverAll(lacking({ from: null, to: id }, options.wished, deps), { label, way: 'push', receiver }, options, deps);
  } finally {
    await opened?.then((remote) => remote.close(), () => {});
  }
}

interface OneWay {
  label: string;
  way: Way;
  receiver(): Promise<Receiver>;
}

async function handOverAll(files: Iterable<Lacking>, { label, way, receiver }: OneWay, { isDryRun }: MachineStepOptions, deps: MachineStepDeps): Promise<void> {
  for (const file of files) {
    if (deps.stop.aborted) return;
    if (!deps.isDue({ machine: label, way }, file)) continue;
    const row = { machine: label, session: file.sessionId, way, directory: file.directory, bytes: file.bytes, error: null };
    const moved: SteppedSession = isDryRun
      ? { ...row, result: 'would', note: null }
      : await receiver().then((found) => handOver(file, found, { isOwn: way === 'pull', machine: way === 'pull' ? label : deps.here, home: deps.roots.home }))
        .then((done) => ({ ...row, ...done }), (error: unknown) => ({ ...row, ...failureOf(error) }));
    deps.onMoved(moved, file);
    if (moved.error && isOfMachine(moved.error)) return;
  }
}

async function handOver(file: Lacking, receiver: Receiver, { isOwn, machine, home }: { isOwn: boolean; machine: string; home: string }): Promise<Pick<SteppedSession, 'result' | 'note'>> {
  const bundle = openBundle(file, { machine, home, isHere: file.machine === null });
  const { result, other } = await put(receiver, { ...bundle.request, to: null, is_own: isOwn }, bundle.content());
  return {
    result,
    note: other === null ? null : `both went on; ${other.entries} of ${other.whose === 'held' ? 'those that were there' : 'those that came'} are in ${other.session}`,
  };
}

function failureOf(error: unknown): Pick<SteppedSession, 'result' | 'note' | 'error'> {
  const { code, hint } = error instanceof TtError ? error : { code: 'failed', hint: 'run it again with TT_DEBUG=1, and report it' };
  return { result: PASSING.has(code) ? 'skipped' : 'failed', note: null, error: { code, message: messageOf(error), hint } };
}
