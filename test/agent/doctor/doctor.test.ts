import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentCommands } from '../../../agent/commands/table.ts';
import { judgeClaudeDirectories, judgeRetention, readClaudeDirectory } from '../../../agent/doctor/claude-directories.ts';
import { judgeReach, judgeRunning, readReach } from '../../../agent/doctor/connection.ts';
import { judgeHookActivity, readHookActivity } from '../../../agent/doctor/hook-activity.ts';
import { judgeClones, judgeIdentity, readIdentityFacts } from '../../../agent/doctor/identity.ts';
import { judgeReading, type ReadingFacts } from '../../../agent/doctor/reading.ts';
import { judgeWatchLimits, readWatchLimits } from '../../../agent/doctor/watch-limits.ts';
import { createHttpClient } from '../../../agent/uplink/http-client.ts';
import { systemClock } from '../../../shared/clock.ts';
import { doctorSchema, type Check, type CheckState } from '../../../shared/doctor/check.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { runCommand } from '../../support/command-run.ts';
import { openIngest } from '../../support/ingest-fixture.ts';
import { modelProcesses } from '../../support/model-processes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-doctor-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const NOW = Date.parse('2026-01-05T12:00:00.000Z');
const run = (argv: readonly string[]) => runCommand(agentCommands(() => modelProcesses()), argv, home, { clock: systemClock });
const states = (checks: readonly Check[]): [string, CheckState][] => checks.map(({ id, state }) => [id, state]);

describe('tt-agent doctor', () => {
  it('says what to do on a machine where nothing was set up, changes nothing, and exits 4', async () => {
    const { code, stdout } = await run(['doctor', '--json']);
    expect(code).toBe(4);
    const document = doctorSchema.parse(JSON.parse(stdout));
    expect(document).toMatchObject({ role: 'agent', state: 'fail' });
    expect(document.checks).toContainEqual(expect.objectContaining({ id: 'identity', state: 'fail', fix: expect.stringContaining('tt machines add') as unknown }));
    for (const { state, fix } of document.checks) expect(fix === null).toBe(state === 'ok');
    expect(readdirSync(home)).toEqual([]);
  });

  it('exits 0 with warnings alone, and prints what is wrong first', async () => {
    await using collector = await openIngest();
    await run(['join', collector.url, '--code', collector.codes.create('devbox').code]);
    const before = readFileSync(join(home, '.local/share/tt/machine.json'), 'utf8');
    const { code, stdout } = await run(['doctor']);
    // Nobody runs it: that is the one failure, and comes first.
    expect(code).toBe(4);
    expect(stdout.split('\n')[0]).toBe('FAIL  agent: the agent never ran here');
    expect(stdout).toContain(`ok    collector: answers at ${collector.url}`);
    expect(readFileSync(join(home, '.local/share/tt/machine.json'), 'utf8')).toBe(before);
  });

  it('goes on when a check can not look', async () => {
    mkdirSync(join(home, '.local/share/tt'), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, '.local/share/tt/machine.json'), 'no JSON', { mode: 0o600 });
    mkdirSync(join(home, '.config/tt'), { recursive: true });
    writeFileSync(join(home, '.config/tt/config.toml'), 'no TOML');
    const { checks } = doctorSchema.parse(JSON.parse((await run(['doctor', '--json'])).stdout));
    expect(states(checks)).toEqual(expect.arrayContaining([['identity', 'fail'], ['config', 'fail'], ['disk', expect.any(String)]]));
  });

  it('--probe without an agent says so', async () => {
    const { code, stdout } = await run(['doctor', '--probe']);
    expect(code).toBe(4);
    expect(stdout).toContain('the agent does not run');
  });
});

describe('the connection', () => {
  const way = { collectorId: '', isFromTunnel: false };

  it('is tried by a challenge, which also tells the clock', async () => {
    await using collector = await openIngest();
    const { collectorId } = collector.identity;
    const http = createHttpClient(systemClock);
    const offset = 90_000;
    const clock = { now: () => collector.clock.now() + offset };
    const checks = judgeReach(await readReach({ ...way, url: collector.url, collectorId }, http, clock));
    expect(states(checks)).toEqual([['collector', 'ok'], ['clock', 'fail']]);
    expect(states(judgeReach(await readReach({ ...way, url: collector.url, collectorId: 'another' }, http, clock)))).toEqual([['collector', 'fail']]);
  });

  it('fails where nobody listens', async () => {
    const facts = await readReach({ ...way, url: `tt+unix://${home}/none.sock`, isFromTunnel: true }, createHttpClient(systemClock), systemClock);
    expect(judgeReach(facts)).toMatchObject([{ id: 'collector', state: 'fail', fix: expect.stringContaining('tt tunnel') as unknown }]);
  });

  it.each([
    [{ running: true, connected: true, as_of: null, version: '1' }, 'agent', 'ok'],
    [{ running: true, connected: true, as_of: null, version: '0' }, 'version', 'warn'],
    [{ running: true, connected: false, as_of: null, version: '1' }, 'agent', 'warn'],
    [{ running: false, connected: false, as_of: null, version: '1' }, 'agent', 'fail'],
  ])('of the agent is judged: %j', (status, id, state) => {
    expect(states(judgeRunning(status, '1'))).toEqual([[id, state]]);
  });
});

describe('the identity', () => {
  it('is complete after joining, and not without its key', async () => {
    await using collector = await openIngest();
    const paths = resolvePaths({}, home);
    expect(judgeIdentity(readIdentityFacts(paths))).toMatchObject([{ state: 'fail' }]);
    await run(['init']);
    expect(judgeIdentity(readIdentityFacts(paths))).toMatchObject([{ state: 'fail', summary: expect.stringContaining('has not joined') as unknown }]);
    await run(['join', collector.url, '--code', collector.codes.create('devbox').code]);
    expect(judgeIdentity(readIdentityFacts(paths))).toMatchObject([{ state: 'ok' }]);
    rmSync(paths.machineKeyFile);
    expect(judgeIdentity(readIdentityFacts(paths))).toMatchObject([{ state: 'fail', summary: expect.stringContaining('key') as unknown }]);
  });

  it('that another agent has is told by what the collector said', () => {
    expect(judgeClones({ label: 'devbox', problems: ['two agents have the identity of devbox, and the other one …'], formerMachines: 0 })).toMatchObject([{ state: 'warn' }]);
    expect(judgeClones({ label: 'devbox', problems: ['watch limit reached'], formerMachines: 1 })).toMatchObject([{ state: 'ok' }]);
  });
});

describe('Claude Code’s directories', () => {
  const claude = (): string => join(home, '.claude');

  it('are found with their projects, or missed', () => {
    expect(judgeClaudeDirectories([readClaudeDirectory(claude())])).toMatchObject([{ state: 'warn' }]);
    mkdirSync(join(claude(), 'projects/-home-me-shop'), { recursive: true });
    expect(judgeClaudeDirectories([readClaudeDirectory(claude())])).toMatchObject([{ state: 'ok', summary: expect.stringContaining('1 project') as unknown }]);
  });

  it.skipIf(process.getuid?.() === 0)('that can not be read fail', () => {
    mkdirSync(join(claude(), 'projects/closed'), { recursive: true });
    chmodSync(join(claude(), 'projects/closed'), 0);
    expect(judgeClaudeDirectories([readClaudeDirectory(claude())])).toMatchObject([{ state: 'fail' }]);
    chmodSync(join(claude(), 'projects/closed'), 0o700);
  });

  it.each<[string | undefined, CheckState]>([
    [undefined, 'warn'], ['{}', 'warn'], ['{"cleanupPeriodDays": 30}', 'warn'], ['{"cleanupPeriodDays": 90}', 'ok'],
    ['{"cleanupPeriodDays": 99999}', 'ok'], ['{"cleanupPeriodDays": 0}', 'fail'], ['no JSON', 'warn'],
  ])('keep logs as their settings say: %s', (settings, state) => {
    mkdirSync(join(claude(), 'projects'), { recursive: true });
    if (settings !== undefined) writeFileSync(join(claude(), 'settings.json'), settings);
    const checks = judgeRetention([readClaudeDirectory(claude())]);
    expect(checks).toMatchObject([{ id: 'retention', state }]);
    expect(checks[0]?.fix?.includes('"cleanupPeriodDays": 3650') ?? false).toBe(state !== 'ok');
  });
});

describe('what the agent reads', () => {
  const fine: ReadingFacts = {
    running: true, backlog_bytes: 0, drained_at: '2026-01-05T11:59:59.000Z', bad_lines: 0, unknown_entries: {}, kept_bytes: 0, kept_limit_bytes: 1000, gaps: [], problems: [],
  };

  it.each<[string, Partial<ReadingFacts>, string, CheckState]>([
    ['nothing wrong', {}, 'backlog', 'ok'],
    ['a late backlog', { backlog_bytes: 5, drained_at: '2026-01-05T11:49:00.000Z' }, 'backlog', 'warn'],
    ['a fresh backlog', { backlog_bytes: 5 }, 'backlog', 'ok'],
    ['a gap', { gaps: [{ path: '/x', from: 0, to: 9, reason: 'truncated' }] }, 'gaps', 'warn'],
    ['bad lines', { bad_lines: 2 }, 'bad-lines', 'warn'],
    ['unknown entries', { unknown_entries: { odd: 3 } }, 'unknown-entries', 'warn'],
    ['kept near the limit', { kept_bytes: 900 }, 'kept', 'warn'],
    ['kept at the limit', { kept_bytes: 1000 }, 'kept', 'fail'],
    ['a problem', { problems: ['watch limit reached: rescanning every 5 s'] }, 'problems', 'warn'],
  ])('is judged: %s', (_what, change, id, state) => {
    expect(states(judgeReading({ ...fine, ...change }, NOW))).toContainEqual([id, state]);
  });

  it('is compared with what the system lets it watch', () => {
    for (const name of ['a', 'a/b', 'a/c', 'd']) mkdirSync(join(home, 'root', name), { recursive: true });
    mkdirSync(join(home, 'proc'));
    writeFileSync(join(home, 'proc/max_user_watches'), '8\n');
    writeFileSync(join(home, 'proc/max_user_instances'), '128\n');
    const limits = readWatchLimits([join(home, 'root'), join(home, 'none')], join(home, 'proc'));
    expect(limits).toEqual({ watches: 8, instances: 128, directories: 5 });
    expect(judgeWatchLimits(limits)).toMatchObject([{ state: 'warn', fix: expect.stringContaining('fs.inotify.max_user_watches=524288') as unknown }]);
    expect(judgeWatchLimits({ ...limits, watches: 10 })).toMatchObject([{ state: 'ok' }]);
    expect(judgeWatchLimits({ ...limits, watches: 10, instances: 32 })).toMatchObject([{ state: 'warn' }]);
    expect(judgeWatchLimits(readWatchLimits([], join(home, 'none')))).toMatchObject([{ state: 'ok' }]);
  });
});

describe('the hooks', () => {
  it('that fell silent while sessions go on are told of, and those that failed', () => {
    const paths = resolvePaths({}, home);
    const log = join(home, '.claude/projects/p/s.jsonl');
    for (const file of [paths.eventLog, log, join(paths.logDir, 'hook.log')]) {
      mkdirSync(join(file, '..'), { recursive: true });
      appendFileSync(file, '');
    }
    const touched = (file: string, at: number): void => utimesSync(file, at / 1000, at / 1000);
    touched(log, NOW);
    touched(paths.eventLog, NOW - 2 * 86_400_000);
    const read = () => readHookActivity(paths, [join(home, '.claude')], NOW);
    expect(judgeHookActivity(read(), { usesTmux: true })).toMatchObject([{ id: 'hooks', state: 'ok' }]);
    touched(paths.eventLog, NOW - 4 * 86_400_000);
    expect(judgeHookActivity(read(), { usesTmux: true })).toMatchObject([{ id: 'hooks', state: 'warn' }]);
    expect(judgeHookActivity(read(), { usesTmux: false })).toEqual([]);
    writeFileSync(join(paths.logDir, 'hook.log'), '2025-06-01T00:00:00.000Z hook.sh: long ago\n2026-01-05T00:00:00.000Z hook.sh: no pane given\n');
    expect(judgeHookActivity(read(), { usesTmux: false })).toMatchObject([{ state: 'warn', summary: expect.stringMatching(/^1 hook failed.*no pane given/) as unknown }]);
    expect(statSync(paths.eventLog).size).toBe(0);
  });
});
