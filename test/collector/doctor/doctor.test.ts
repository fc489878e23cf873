import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../collector/commands/table.ts';
import type { MachineReport } from '../../../shared/machine-document.ts';
import { judgeBackup } from '../../../collector/doctor/backup.ts';
import { judgeContent, type ContentFacts } from '../../../collector/doctor/content.ts';
import { judgeDatabase, readDatabaseFacts } from '../../../collector/doctor/database.ts';
import { judgeMachines } from '../../../collector/doctor/machines.ts';
import { isQuiet, judgeQuietSources } from '../../../collector/doctor/quiet-sources.ts';
import { countWithoutDirectory, findDamage, openForDoctor, readSourceDays } from '../../../collector/store/read-doctor.ts';
import { doctorSchema, type Check, type CheckState, type DoctorDocument } from '../../../shared/doctor/check.ts';
import { makePrivateDirectory } from '../../../shared/atomic-file.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import type { CollectorStatus, MachineStatus } from '../../../shared/status.ts';
import { sample } from '../../contract/samples.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';
import { generateDatabase } from '../../support/generate.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const clock = new ManualClock();
const NOW = clock.now();
const DAY = 86_400_000;
let home: string;
let generated: string;

beforeAll(() => {
  generated = mkdtempSync(join(tmpdir(), 'tt-generated-'));
  generateDatabase(join(generated, 'collector.db'), { machines: 2, sessions: 20, events: 3000, days: 20, seed: 7, endMs: NOW });
});
afterAll(() => rmSync(generated, { recursive: true, force: true }));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-doctor-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A home with a database of two machines, which the registry does not know. */
function withDatabase(): string {
  const { database, dataDir } = resolvePaths({}, home);
  makePrivateDirectory(dataDir);
  copyFileSync(join(generated, 'collector.db'), database);
  return database;
}
const run = (argv: readonly string[]): Promise<CommandRun> => runCommand(COMMANDS, argv, home, { clock });
const documentOf = ({ stdout }: CommandRun): DoctorDocument => doctorSchema.parse(JSON.parse(stdout));
const states = (checks: readonly Check[]): [string, CheckState][] => checks.map(({ id, state }) => [id, state]);

describe('tt doctor', () => {
  it('finds nothing to fail where no collector was ever started, and makes nothing', async () => {
    const ran = await run(['doctor', '--json']);
    expect(ran.code).toBe(0);
    expect(documentOf(ran)).toMatchObject({ role: 'collector', state: 'warn' });
    expect(states(documentOf(ran).checks)).toEqual(expect.arrayContaining([['identity', 'warn'], ['machines', 'warn'], ['database', 'ok']]));
  });

  it('looks into the database with the collector stopped, and leaves its bytes alone', async () => {
    const database = withDatabase();
    const before = readFileSync(database);
    const { checks } = documentOf(await run(['doctor', '--json', '--deep']));
    expect(states(checks)).toEqual(expect.arrayContaining([['schema', 'ok'], ['database', 'ok'], ['wal', 'ok'], ['directories', 'ok'], ['streams', 'ok'], ['unassigned', 'ok']]));
    // A database without the identity that its machines have pinned.
    expect(states(checks)).toContainEqual(['identity', 'fail']);
    expect(readFileSync(database).equals(before)).toBe(true);
  });

  it('fails on a damaged database with what to do, and asks it nothing more', async () => {
    const database = withDatabase();
    const bytes = readFileSync(database);
    bytes.fill(0x5a, 4096 * 3, 4096 * 40);
    writeFileSync(database, bytes);
    const ran = await run(['doctor', '--json']);
    expect(ran.code).toBe(4);
    expect(documentOf(ran).checks).toContainEqual(expect.objectContaining({ id: 'database', state: 'fail', fix: expect.stringContaining('restore') as unknown }));
    expect(documentOf(ran).checks.map(({ id }) => id)).not.toContain('streams');
  });

  it('fails on something that is no database, and goes on', async () => {
    writeFileSync(withDatabase(), 'no database at all, whatever it is called');
    const { checks } = documentOf(await run(['doctor', '--json']));
    expect(states(checks)).toContainEqual(['database', 'fail']);
    expect(checks.map(({ id }) => id)).toContain('permissions');
  });

  it('knows of the last backup', async () => {
    withDatabase();
    const backupOf = async (): Promise<Check | undefined> => documentOf(await run(['doctor', '--json'])).checks.find(({ id }) => id === 'backup');
    expect(await backupOf()).toMatchObject({ state: 'warn' });
    expect((await run(['collector', 'backup', join(home, 'copy.db')])).code).toBe(0);
    expect(await backupOf()).toMatchObject({ state: 'ok', summary: expect.stringContaining(join(home, 'copy.db')) as unknown });
    clock.jump(15 * DAY);
    expect(await backupOf()).toMatchObject({ state: 'warn' });
    clock.jump(-15 * DAY);
  });

  it('says how to look at the agent of the same machine', async () => {
    const { machineFile, dataDir } = resolvePaths({}, home);
    makePrivateDirectory(dataDir);
    writeFileSync(machineFile, '{"machine_id":"x"}', { mode: 0o600 });
    expect((await run(['doctor'])).stdout).toContain('tt-agent doctor');
  });

  it('--probe without a collector is unreachable; --machine is for probes', async () => {
    expect((await run(['doctor', '--probe'])).code).toBe(3);
    expect((await run(['doctor', '--machine', 'devbox'])).code).toBe(2);
  });
});

describe('what is asked of the database', () => {
  it('counts what has no directory, and days by source', () => {
    const database = openForDoctor(join(generated, 'collector.db'));
    try {
      const { events, without } = countWithoutDirectory(database, 0);
      expect(events).toBeGreaterThan(1000);
      expect(without).toBe(0);
      const days = readSourceDays(database, 0);
      expect(new Set(days.map(({ machineId }) => machineId)).size).toBe(2);
      for (const { days: list } of days) expect(list).toEqual([...new Set(list)].toSorted((a, b) => a - b));
      expect(findDamage(database, { deep: true })).toEqual([]);
    } finally {
      database.close();
    }
  });

  it('is judged: a long log, an older schema', () => {
    const path = join(generated, 'collector.db');
    const database = openForDoctor(path);
    const facts = readDatabaseFacts(database, path, { deep: false });
    database.close();
    expect(states(judgeDatabase({ ...facts, freeBytes: 1e12, walBytes: 1e9, schema: { found: 1, known: 2 } }))).toEqual([['schema', 'warn'], ['database', 'ok'], ['wal', 'warn'], ['disk', 'ok']]);
    expect(judgeDatabase({ ...facts, bytes: 1e13, freeBytes: 1e12 }).at(-1)).toMatchObject({ id: 'disk', state: 'warn' });
  });
});

describe('a source', () => {
  const week = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15];

  it('is quiet by its own habit only', () => {
    expect(isQuiet(week, 18)).toBe(false); // a weekend and a day
    expect(isQuiet(week, 21)).toBe(false); // twice its longest pause
    expect(isQuiet(week, 22)).toBe(true);
    expect(isQuiet([0, 1, 2, 3, 4], 7)).toBe(false);
    expect(isQuiet([0, 1, 2, 3, 4], 8)).toBe(true);
    expect(isQuiet([0, 1, 2], 30)).toBe(false); // too few days for a habit
    expect(isQuiet([], 30)).toBe(false);
  });

  it('of a machine that is gone for good is not missed', () => {
    const today = Math.floor(NOW / DAY);
    const days = [12, 11, 10, 9, 8].map((ago) => today - ago);
    const sources = [{ machineId: 'a', source: 'remote.tmux', days }, { machineId: 'b', source: 'remote.agent', days }];
    const checks = judgeQuietSources({ sources, nowMs: NOW, labelOf: (id) => (id === 'a' ? 'devbox' : undefined) });
    expect(checks).toMatchObject([{ id: 'quiet', state: 'warn', machine: 'devbox', summary: expect.stringContaining('8 days') as unknown }]);
    expect(judgeQuietSources({ sources: [], nowMs: NOW, labelOf: () => undefined })).toMatchObject([{ state: 'ok' }]);
  });
});

describe('the content', () => {
  const fine: ContentFacts = { directories: { events: 100, without: 0 }, streamsWithoutTimes: [], unassignedMs: 0, assignedMs: 3_600_000, streams: 1 };

  it.each<[string, Partial<ContentFacts>, string, CheckState]>([
    ['events without a directory', { directories: { events: 100, without: 6 } }, 'directories', 'warn'],
    ['a few without', { directories: { events: 100, without: 5 } }, 'directories', 'ok'],
    ['a stream without times', { streamsWithoutTimes: ['checkout'] }, 'streams', 'fail'],
    ['much unassigned', { unassignedMs: 20 * 3_600_000 }, 'unassigned', 'warn'],
    ['little unassigned', { unassignedMs: 4 * 3_600_000 }, 'unassigned', 'ok'],
    ['nothing assigned at all', { unassignedMs: 20 * 3_600_000, assignedMs: 0 }, 'unassigned', 'ok'],
  ])('is judged: %s', (_what, change, id, state) => {
    expect(states(judgeContent({ ...fine, ...change }))).toContainEqual([id, state]);
  });

  it('is backed up now and then', () => {
    expect(judgeBackup({ last: null, nowMs: NOW })).toMatchObject([{ state: 'warn' }]);
    expect(judgeBackup({ last: { file: '/b', atMs: NOW - 13 * DAY, isThere: false }, nowMs: NOW })).toMatchObject([{ state: 'ok', summary: expect.stringContaining('moved') as unknown }]);
  });
});

describe('a machine', () => {
  const status = sample<CollectorStatus>('collector-status');
  const [first] = status.machines;
  const fine: MachineStatus = {
    ...first!, label: 'devbox', state: 'live', connected: true, ended_at: null, lag_ms: 0, gaps: 0, gap_reasons: [], refused_lately: 0,
    clock_offset_ms: 0, version: status.version, problem: null, tunnel: null, last_event_at: new Date(NOW).toISOString(),
  };
  const report: MachineReport = { machine_id: fine.machine_id, label: 'devbox', as_of: '2026-01-05T10:00:00.000Z', problems: [], bad_lines: 0, unknown_entries: {}, kept_bytes: 0 };
  const judged = (machine: Partial<MachineStatus>, said: Partial<MachineReport> = {}, running = true): Check[] => judgeMachines({
    status: { ...status, running, machines: [{ ...fine, ...machine }] }, nowMs: NOW, reports: new Map([[fine.machine_id, { ...report, ...said }]]),
  });
  const tunnel = { host: 'me@devbox', mode: 'always', state: 'up', since: '', problem: null, hint: null, warning: null } as const;

  it('that is well has nothing but ok', () => {
    expect(new Set(judged({ tunnel }).map(({ state }) => state))).toEqual(new Set(['ok']));
    expect(judged({}).every(({ machine }) => machine === 'devbox')).toBe(true);
  });

  it.each<[string, Partial<MachineStatus>, string, CheckState]>([
    ['never seen', { state: 'never_seen', connected: false }, 'machines', 'warn'],
    ['away for long', { state: 'away', connected: false, last_event_at: new Date(NOW - 2 * DAY).toISOString() }, 'machines', 'warn'],
    ['away for lunch', { state: 'away', connected: false }, 'machines', 'ok'],
    ['refused', { state: 'away', connected: false, problem: 'two agents have the identity of devbox' }, 'machines', 'fail'],
    ['late', { state: 'catching_up', lag_ms: 700_000 }, 'machines', 'warn'],
    ['a clock off', { clock_offset_ms: -5000 }, 'clock', 'warn'],
    ['a clock far off', { clock_offset_ms: 5_000_000 }, 'clock', 'fail'],
    ['another version', { version: '0.0.1' }, 'version', 'warn'],
    ['a tunnel down', { tunnel: { ...tunnel, state: 'down', problem: 'host key changed', hint: 'look at it' } }, 'tunnel', 'fail'],
    ['a tunnel with a warning', { tunnel: { ...tunnel, warning: 'a port, not a socket' } }, 'tunnel', 'warn'],
    ['a gap', { gaps: 1, gap_bytes: 10, gap_reasons: ['truncated'] }, 'gaps', 'warn'],
    ['refusals', { refused_lately: 2 }, 'refused', 'warn'],
  ])('is judged: %s', (_what, change, id, state) => {
    expect(states(judged(change))).toContainEqual([id, state]);
  });

  it.each<[string, Partial<MachineReport>, string]>([
    ['problems', { problems: ['cannot read /x: EACCES'] }, 'problems'], ['bad lines', { bad_lines: 1 }, 'bad-lines'],
    ['unknown entries', { unknown_entries: { odd: 1 } }, 'unknown-entries'], ['kept files', { kept_bytes: 4e9 }, 'kept'],
  ])('is known by what its agent reported: %s', (_what, said, id) => {
    expect(states(judged({}, said))).toContainEqual([id, 'warn']);
  });

  it('that was retired is nobody’s concern, and a stopped collector blames no machine', () => {
    expect(judged({ ended_at: '2026-01-01T00:00:00.000Z' })).toMatchObject([{ id: 'machines', state: 'warn' }]);
    expect(states(judged({ state: 'away', connected: false, last_event_at: new Date(NOW - 9 * DAY).toISOString() }, {}, false))).toContainEqual(['machines', 'ok']);
  });
});
