/** `tt sessions sync`: pulls before it pushes, is quiet when there is nothing, and goes on behind what fails. */
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, messageOf, TtError, type ExitCode } from '../../shared/errors.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { plural } from '../../shared/status-words.ts';
import { openBundle } from '../handover/bundle.ts';
import { lacking, type Wished } from '../handover/in-step.ts';
import { localReceiver, refusedBy, remoteReceiver, type Receiver } from '../handover/receiver.ts';
import { ownerOf } from '../session-files/named-session.ts';
import type { SessionFile, SessionRoots } from '../session-files/session-files.ts';
import { machineNames, type MachineNames } from './machine-names.ts';
import { shellAt } from './other-machine.ts';
import { countOption, listOption } from './reading.ts';

const JSON_SCHEMA = 1;
const DAY_MS = 86_400_000;

interface Moved {
  machine: string;
  session: string;
  way: 'pull' | 'push';
  /** `would`: a dry run. `skipped`: not now, or not there; it comes by itself when that has changed. */
  result: 'new' | 'longer' | 'kept' | 'diverged' | 'would' | 'skipped' | 'failed';
  note: string | null;
}

/** These pass, or say that the machine has no such repository: nothing that a person has to do. */
const PASSING: ReadonlySet<string> = new Set(['session_in_use', 'just_changed', 'directory_missing', 'directory_unknown']);

export async function syncSessions(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const run: Run = {
    io, names: machineNames(paths), isDryRun: flag(parsed, 'dryRun'),
    roots: { archiveDir: paths.archiveDir, claudeDirs: claudeConfigDirs(io.environment, io.home) },
    wished: {
      sinceMs: io.clock.now() - (countOption(textOption(parsed, 'days'), '--days') ?? 7) * DAY_MS,
      projects: listOption(parsed, 'project').map((project) => project.replace(/^~(?=\/|$)/, io.home).replace(/(.)\/+$/, '$1')),
    },
  };
  const machines = [...new Set(parsed.args)].map((label) => ({ label, id: machineIdOf(label, run.names) }));
  const moved: Moved[] = [];
  for (const machine of machines) moved.push(...await syncMachine(machine, run));
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, sessions: moved })}\n`);
  else io.stdout.write(machines.map(({ label }) => summary(label, moved.filter(({ machine }) => machine === label))).join(''));
  return moved.some(({ result }) => result === 'failed') ? EXIT_CODES.failed : EXIT_CODES.ok;
}

interface Run {
  io: CommandIo;
  names: MachineNames;
  roots: SessionRoots;
  wished: Wished;
  isDryRun: boolean;
}

function machineIdOf(label: string, names: MachineNames): string {
  const id = names.machineIdOf(label);
  if (id === undefined) throw usageError(`no machine is called ${JSON.stringify(label)}`, '`tt machines` lists them');
  if (id === names.here) throw usageError(`${label} is this computer`, 'name another machine');
  return id;
}

async function syncMachine({ label, id }: { label: string; id: string }, run: Run): Promise<Moved[]> {
  const { io, names, roots, wished } = run;
  const pulled = await each(lacking({ from: id, to: null }, wished, roots), { label, way: 'pull', receiver: async () => localReceiver(io.program, io.environment) }, run);
  // Looked at behind the pull: what came by it need not go back.
  const toPush = lacking({ from: null, to: id }, wished, roots);
  const host = names.hostOf(label);
  if (toPush.length === 0 || host === undefined) return pulled;
  const shell = shellAt(host, io);
  let receiver: Promise<Receiver> | undefined;
  try {
    return [...pulled, ...await each(toPush, { label, way: 'push', receiver: () => (receiver ??= remoteReceiver(shell)) }, run)];
  } finally {
    await shell.close();
  }
}

interface Way {
  label: string;
  way: Moved['way'];
  receiver(): Promise<Receiver>;
}

async function each(files: readonly SessionFile[], { label, way, receiver }: Way, run: Run): Promise<Moved[]> {
  const moved: Moved[] = [];
  for (const file of files) {
    if (run.io.stop.aborted) break;
    const row = { machine: label, session: file.sessionId, way };
    if (run.isDryRun) {
      moved.push({ ...row, result: 'would', note: null });
      continue;
    }
    try {
      moved.push({ ...row, ...await handOver(file, await receiver(), way === 'pull', run) });
    } catch (error) {
      const isPassing = error instanceof TtError && PASSING.has(error.code);
      if (!isPassing) run.io.stderr.write(`${file.sessionId}: ${messageOf(error)}${error instanceof TtError ? `\n  next: ${error.hint}` : ''}\n`);
      moved.push({ ...row, result: isPassing ? 'skipped' : 'failed', note: messageOf(error) });
      // Of a machine that can not be reached, or does not allow it, the next one would say the same.
      if (error instanceof TtError && (error.code.startsWith('ssh_') || error.code === 'not_allowed' || error.code === 'no_agent')) break;
    }
  }
  return moved;
}

async function handOver(file: SessionFile, receiver: Receiver, isOwn: boolean, { names, io }: Run): Promise<Pick<Moved, 'result' | 'note'>> {
  const bundle = openBundle(file, { machine: ownerOf(file, names) ?? 'this computer', home: io.home, isHere: file.machine === null });
  const answer = await receiver.ask({ ...bundle.request, action: 'put', to: null, is_own: isOwn }, bundle.content());
  if (!answer.ok) throw refusedBy(answer, receiver.name);
  if (answer.action !== 'put') return { result: 'failed', note: null };
  const note = answer.other === null ? null : `both went on; ${answer.other.entries} of ${answer.other.whose === 'held' ? 'those that were there' : 'those that came'} are in ${answer.other.session}`;
  if (note !== null) io.stderr.write(`${file.sessionId}: ${note}\n`);
  return { result: answer.result, note };
}

/** Nothing where nothing was to do. */
function summary(label: string, moved: readonly Moved[]): string {
  const count = (way: Moved['way'], ...results: Moved['result'][]): number => moved.filter((each) => each.way === way && results.includes(each.result)).length;
  const words = (['pull', 'push'] as const).flatMap((way) => {
    const [done, would] = [count(way, 'new', 'longer', 'diverged'), count(way, 'would')];
    return [...(done > 0 ? [`${plural(done, 'session')} ${way}ed`] : []), ...(would > 0 ? [`would ${way} ${plural(would, 'session')}`] : [])];
  });
  const failed = count('pull', 'failed') + count('push', 'failed');
  if (failed > 0) words.push(`${failed} failed`);
  const lines = moved.filter(({ result }) => result === 'would').map(({ way, session }) => `  ${way} ${session}\n`);
  return words.length === 0 ? '' : `${label}: ${words.join(', ')}\n${lines.join('')}`;
}
