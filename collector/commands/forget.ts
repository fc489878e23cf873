/** `tt forget`: really removes what was collected of a session, a project or a machine, and keeps it out. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { bytesWords, clockWords, countWords, plural } from '../../shared/status-words.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { Control, ControlResponse } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
import { openMachineRegistry, type MachineRegistry } from '../enrolment/machine-registry.ts';
import { openReader } from '../store/database.ts';
import { archivedMachines, archivedSessions } from '../archive/session-entries.ts';
import { readLastBackup } from '../last-backup.ts';
import { planForget, sessionsOfTarget, type ForgetPlan } from '../store/forget-scope.ts';
import { FORGET_SCOPES, readTombstones, type ForgetTarget, type Tombstone } from '../store/tombstones.ts';
import { isConfirmed } from './confirm.ts';
import { parseTarget } from './forget-target.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

export async function forget(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const registry = openMachineRegistry(paths.machinesFile);
  const control = openControl(paths, io.clock);
  const [name] = parsed.args;
  if (flag(parsed, 'list')) return list(paths, registry, parsed, io);
  if (flag(parsed, 'compact')) return compact(control, parsed, io);
  if (name === undefined) throw usageError('forget what?', 'tt forget SESSION, a label of `tt machines`, or the path of a directory; --list shows what was forgotten');
  const scope = FORGET_SCOPES.find((known) => known === textOption(parsed, 'as'));
  const { target, counts, sessions } = look(paths, (database) => {
    const found = parseTarget(name, scope, { database, registry, home: io.home });
    return { target: found, counts: planForget(database, found), sessions: new Set(sessionsOfTarget(database, found)) };
  });
  if (flag(parsed, 'undo')) return undo(target, control, parsed, io);
  const plan = { ...counts, archived_sessions: await countArchived(paths.archiveDir, target, sessions) };
  const isJson = flag(parsed, 'json');
  const notes = notesOf(target, paths, registry, io.clock.now());
  const out = isJson ? io.stderr : io.stdout;
  out.write(planWords(nameOf(target, registry), plan));
  if (flag(parsed, 'dryRun')) {
    if (isJson) print(io, { target, dry_run: true, ...plan });
    return EXIT_CODES.ok;
  }
  if (!flag(parsed, 'yes') && !(await isConfirmed(io, 'All this will be removed for good.', 'look at the counts, then repeat it with --yes'))) {
    out.write('nothing was forgotten\n');
    return EXIT_CODES.failed;
  }
  const { removed, archived, compacted } = await remove(target, control, io);
  if (isJson) print(io, { target, dry_run: false, ...plan, archived_sessions: archived, removed, ...compacted });
  else io.stdout.write([`forgotten; it stays out until: tt forget ${name} --undo`, ...sizeWords(compacted), ...notes].map((line) => `${line}\n`).join(''));
  return compacted.clean ? EXIT_CODES.ok : EXIT_CODES.failed;
}

function print(io: CommandIo, value: object): void {
  io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, ...value })}\n`);
}

function look<T>(paths: Paths, work: (database: ReturnType<typeof openReader>) => T): T {
  const database = openReader(paths.database);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

async function remove(target: ForgetTarget, control: Control, io: CommandIo): Promise<{ removed: number; archived: number; compacted: ControlResponse<'forget.compact'> }> {
  for (;;) {
    const { removed, share, done, archived_sessions: archived } = await control.call('forget.step', target);
    if (io.stderr.isTTY) io.stderr.write(`\rremoved ${countWords(removed)} (${Math.floor(share * 100)} % looked through) `);
    if (!done) continue;
    if (io.stderr.isTTY) io.stderr.write('\rwriting the database file anew; agents wait meanwhile \n');
    return { removed, archived, compacted: await control.call('forget.compact', {}) };
  }
}

function nameOf({ scope, value }: ForgetTarget, registry: MachineRegistry): string {
  const label = scope === 'machine' ? registry.list().find((machine) => machine.machineId === value)?.label : undefined;
  return `${scope} ${label ?? value}`;
}

/** Sessions whose files are archived; a machine's are all of them. */
async function countArchived(archiveDir: string, { scope, value }: ForgetTarget, sessions: ReadonlySet<string>): Promise<number> {
  let count = 0;
  for (const machineId of await archivedMachines(archiveDir)) {
    if (scope === 'machine' && machineId !== value) continue;
    count += (await archivedSessions(archiveDir, machineId)).filter(({ session }) => scope === 'machine' || sessions.has(session)).length;
  }
  return count;
}

function planWords(name: string, plan: ForgetPlan & { archived_sessions: number }): string {
  const kept = plan.kept === 0 ? '' : ` (${countWords(plan.kept)} of them are also said elsewhere and stay as that)`;
  const parts = [
    `${plural(plan.events, 'event')}${kept}`, plan.copies === 1 ? '1 copy' : `${countWords(plan.copies)} copies`, plural(plan.sessions, 'session'), plural(plan.responses, 'response'),
    plural(plan.states, 'session state'), plural(plan.assignments, 'assignment'), plural(plan.dead_letters, 'dead letter'), plural(plan.gaps, 'gap'),
    ...(plan.archived_sessions === 0 ? [] : [`the files of ${plural(plan.archived_sessions, 'archived session')}`]),
  ];
  return `${name}: ${parts.join(', ')}\n`;
}

function sizeWords({ clean, bytes_before, bytes_after }: ControlResponse<'forget.compact'>): string[] {
  const size = `the database file was written anew: ${bytesWords(bytes_before)}, now ${bytesWords(bytes_after)}`;
  return clean ? [size] : [size, 'but another program is reading it, so its write-ahead log still holds old pages; when that has ended: tt forget --compact'];
}

/** What this does not reach. */
function notesOf(target: ForgetTarget, paths: Paths, registry: MachineRegistry, nowMs: number): string[] {
  const backup = readLastBackup(paths.lastBackupFile);
  const machine = target.scope === 'machine' ? registry.list().find(({ machineId }) => machineId === target.value) : undefined;
  const isEnrolled = machine !== undefined && machine.revokedAt === null && machine.retiredAt === null;
  return [
    ...(isEnrolled ? [`${machine.label} is still enrolled, and what it sends is refused: tt machines revoke ${machine.label}`] : []),
    ...databasesAside(paths.database).map((file) => `not reached, a database that was set aside: rm ${file}*`),
    ...(backup !== null && existsSync(backup.file) ? [`not reached, the backup of ${clockWords(printTimestamp(backup.atMs), nowMs)}, which still holds its events: rm ${backup.file}`] : []),
    `not reached: ${backup === null ? '' : 'other '}backups written before (delete their files), the logs on the machines, and what their agents keep of deleted ones (there: tt-agent forget PATH)`,
  ];
}

function databasesAside(database: string): string[] {
  const prefix = `${basename(database)}.before-`;
  return readdirSync(dirname(database)).filter((name) => name.startsWith(prefix) && !/-(wal|shm)$/.test(name)).map((name) => join(dirname(database), name));
}

async function compact(control: Control, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const compacted = await control.call('forget.compact', {});
  if (flag(parsed, 'json')) print(io, compacted);
  else io.stdout.write(sizeWords(compacted).map((line) => `${line}\n`).join(''));
  return compacted.clean ? EXIT_CODES.ok : EXIT_CODES.failed;
}

async function undo(target: ForgetTarget, control: Control, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { found } = await control.call('forget.undo', target);
  if (!found) throw usageError(`${target.scope} ${target.value} was not forgotten`, '`tt forget --list` shows what was');
  if (flag(parsed, 'json')) print(io, { target, undone: true });
  else io.stdout.write('it may come in again; what was removed comes back only where a machine still has it: tt machines rewind LABEL\n');
  return EXIT_CODES.ok;
}

function list(paths: Paths, registry: MachineRegistry, parsed: ParsedCommand, io: CommandIo): ExitCode {
  const stones = look(paths, readTombstones);
  if (flag(parsed, 'json')) print(io, { tombstones: stones.map(toJson) });
  else io.stdout.write(stones.length === 0 ? 'nothing was forgotten\n' : toText(stones, registry, io.clock.now()));
  return EXIT_CODES.ok;
}

function toJson({ scope, value, atMs, finishedAtMs }: Tombstone): object {
  return { scope, value, forgotten_at: printTimestamp(atMs), finished_at: finishedAtMs === null ? null : printTimestamp(finishedAtMs) };
}

function toText(stones: readonly Tombstone[], registry: MachineRegistry, nowMs: number): string {
  const rows = stones.map((stone) => [
    clockWords(printTimestamp(stone.atMs), nowMs), nameOf(stone, registry), stone.finishedAtMs === null ? 'interrupted: forget it again to finish' : '',
  ]);
  return toTextTable([['WHEN', 'WHAT', ''], ...rows]);
}
