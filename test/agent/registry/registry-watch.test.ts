// Real files, real processes, a clock that moves only when told. `look` finds what a watch would have told.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, watch, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStatusLogSource } from '../../../agent/event-log/source.ts';
import { rotateEventLog } from '../../../agent/event-log/segments.ts';
import { createProcesses, type Processes } from '../../../agent/processes.ts';
import { LIVENESS_MS, openRegistryWatch, type RegistryWatch } from '../../../agent/registry/registry-watch.ts';
import { createDirectoryWatch } from '../../../agent/tail/directory-watch.ts';
import type { DirectoryWatcher } from '../../../agent/tail/watcher.ts';
import type { TtEvent } from '../../../shared/event.ts';
import { parseEventId } from '../../../shared/event-id.ts';
import { RESCAN_MS } from '../../../shared/limits.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Collected, FULL_TEXTS, GENERATION, MACHINE, textIn } from '../../support/extraction.ts';

const SAMPLES = fileURLToPath(new URL('../../fixtures/registry/', import.meta.url));
const IDLE_AT = 1795241743643;
const SESSION = '4dce343a-fbbc-46a2-a6bc-6d9c489b0749';
const here = createProcesses({ pid: process.pid, probe: (pid) => process.kill(pid, 0) });
const NO_WATCH = (): DirectoryWatcher => ({ add() {}, remove() {}, close: () => Promise.resolve() });

let top: string;
let config: string;
let sessions: string;
let statusLog: string;
let clock: ManualClock;
let open: RegistryWatch[];
let children: ChildProcess[];

beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'tt-registry-')));
  config = join(top, 'claude');
  sessions = join(config, 'sessions');
  mkdirSync(sessions, { recursive: true });
  statusLog = join(top, 'data', 'status.jsonl');
  clock = new ManualClock(Date.UTC(2026, 10, 21, 10));
  open = [];
  children = [];
});
afterEach(async () => {
  for (const registry of open) await registry.close();
  for (const child of children) child.kill('SIGKILL');
  rmSync(top, { recursive: true, force: true });
});

interface StartOptions {
  configDirs?: string[];
  processes?: Processes;
  watch?: typeof createDirectoryWatch;
}

function start({ configDirs = [config], processes = here, watch: engine = NO_WATCH }: StartOptions = {}): RegistryWatch {
  const openStatusesFile = join(top, 'state', 'open-statuses.jsonl');
  const registry = openRegistryWatch(configDirs, { clock, processes, machineId: MACHINE, statusLog, openStatusesFile, log: silentLog, watch: engine });
  open.push(registry);
  return registry;
}

/** What the collector will be sent. */
function told(): TtEvent[] {
  const found = new Collected();
  const extractor = createStatusLogSource({ dataDir: join(top, 'data'), machineId: MACHINE, texts: FULL_TEXTS }).open({ gen: GENERATION, path: statusLog }, undefined);
  let offset = 0;
  for (const line of text().split('\n')) {
    const bytes = Buffer.from(line);
    extractor?.line(bytes, offset, offset + bytes.length, found);
    offset += bytes.length + 1;
  }
  expect(found.bads).toEqual([]);
  return found.events;
}

function text(): string {
  try {
    return readFileSync(statusLog, 'utf8');
  } catch {
    return '';
  }
}

const words = (): string[] => told().map((event) => [textIn(event, 'status'), textIn(event, 'waiting_for')].filter((word) => word !== '').join(': '));

function sample(name: '1-idle' | '2-waiting' | '3-idle-again', changes: Record<string, unknown> = {}): string {
  const file = JSON.parse(readFileSync(join(SAMPLES, `${name}.json`), 'utf8')) as Record<string, unknown>;
  return JSON.stringify({ ...file, ...changes });
}

interface Living {
  child: ChildProcess;
  pid: number;
  procStart: string;
  file: string;
  kill(): Promise<void>;
}

/** A process that really runs; killed and reaped before `kill` resolves. */
async function startProcess(): Promise<Living> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  return {
    child, pid, procStart: here.startOf(pid) ?? '', file: join(sessions, `${pid}.json`),
    kill: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The registry's file of a living process, as it looks on this host. */
const fileOf = ({ pid, procStart }: Living, changes: Record<string, unknown> = {}): string =>
  sample('1-idle', { pid, procStart, pidDomain: here.pidDomain ?? undefined, ...changes });

describe('a status in the registry', () => {
  it('becomes an event that names session, process and place', () => {
    copyFileSync(join(SAMPLES, '2-waiting.json'), join(sessions, '20863.json'));
    start();
    expect(told()).toEqual([{
      id: `${MACHINE}:remote.agent:agent_status:2026-11-21T06:16:37.860Z:${SESSION}:20863:waiting:permission prompt`,
      timestamp: '2026-11-21T06:16:37.860Z', source: 'remote.agent', type: 'agent_status',
      agent: 'claude-code', cwd: '/home/dev/app5', entrypoint: 'cli', harness_version: '2.1.329', pane_id: '%0', pid: 20863,
      schema_version: 2, session_id: SESSION, session_kind: 'interactive', status: 'waiting', tmux_session: 'c',
      waiting_for: 'permission prompt', window_id: '@0',
    }]);
  });

  it('is one line with its keys in the order of the wire, for its owner only', () => {
    copyFileSync(join(SAMPLES, '2-waiting.json'), join(sessions, '20863.json'));
    start();
    const keys = Object.keys(JSON.parse(text()) as object);
    expect(keys.slice(0, 4)).toEqual(['id', 'timestamp', 'source', 'type']);
    expect(keys.slice(4)).toEqual(keys.slice(4).toSorted());
    expect(statSync(statusLog).mode & 0o777).toBe(0o600);
  });

  it('is told in the order of its changes', () => {
    const registry = start();
    for (const name of ['1-idle', '2-waiting', '3-idle-again'] as const) {
      writeFileSync(join(sessions, '20863.json'), sample(name));
      registry.lookNow();
    }
    expect(words()).toEqual(['idle', 'waiting: permission prompt', 'idle']);
    expect(told().map(({ timestamp }) => timestamp)).toEqual(told().map(({ timestamp }) => timestamp).toSorted());
    expect(new Set(told().map(({ id }) => id)).size).toBe(3);
  });

  it('is told once, however often it is looked at or rewritten', () => {
    const registry = start();
    for (let at = 0; at < 5; at += 1) {
      writeFileSync(join(sessions, '20863.json'), sample('1-idle', { updatedAt: IDLE_AT + at, name: `n${at}` }));
      registry.lookNow();
      clock.advance(RESCAN_MS);
    }
    expect(words()).toEqual(['idle']);
  });

  it('is told again when it began anew', () => {
    const registry = start();
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    registry.lookNow();
    writeFileSync(join(sessions, '20863.json'), sample('1-idle', { statusUpdatedAt: IDLE_AT + 1 }));
    registry.lookNow();
    expect(words()).toEqual(['idle', 'idle']);
  });

  it('keeps words that nobody knows', () => {
    writeFileSync(join(sessions, '1.json'), sample('1-idle', { pid: 1, status: 'dreaming: of sheep', waitingFor: 'электро: 🐑' }));
    start();
    expect(told()[0]).toMatchObject({ status: 'dreaming: of sheep', waiting_for: 'электро: 🐑' });
    expect(parseEventId(told()[0]!.id)?.discriminator).toBe(`${SESSION}:1:dreaming: of sheep:электро: 🐑`);
  });

  it('fits 4 KiB however long a directory is', () => {
    writeFileSync(join(sessions, '1.json'), sample('1-idle', { pid: 1, cwd: `/${'"'.repeat(4000)}`, waitingFor: '\n'.repeat(9000), status: 's'.repeat(9000) }));
    start();
    expect(Buffer.byteLength(text())).toBeLessThanOrEqual(4096);
    expect(told()).toHaveLength(1);
  });

  it('of a version that only says when it wrote last is told when it changes', () => {
    const registry = start();
    const write = (status: string, updatedAt: number): void => {
      writeFileSync(join(sessions, '1.json'), sample('1-idle', { pid: 1, status, updatedAt, statusUpdatedAt: undefined }));
      registry.lookNow();
    };
    write('busy', IDLE_AT);
    write('busy', IDLE_AT + 10);
    write('idle', IDLE_AT + 20);
    expect(told().map(({ status, timestamp }) => [status, timestamp.slice(-7)])).toEqual([['busy', '43.643Z'], ['idle', '43.663Z']]);
  });

  it('is found in each config directory, once where two are the same', () => {
    symlinkSync(config, join(top, 'same'));
    const other = join(top, 'other');
    mkdirSync(join(other, 'sessions'), { recursive: true });
    writeFileSync(join(sessions, '7.json'), sample('1-idle', { pid: 7 }));
    writeFileSync(join(other, 'sessions', '7.json'), sample('1-idle', { pid: 7, sessionId: 'another' }));
    const registry = start({ configDirs: [config, join(top, 'same'), other, join(top, 'none')] });
    registry.lookNow();
    expect(told().map(({ session_id: id }) => id)).toEqual([SESSION, 'another']);
  });
});

describe('what lies in a registry', () => {
  it.each(['', '{', sample('1-idle').slice(0, 300), '[]', '{}', sample('1-idle', { pid: 'x' }), sample('1-idle', { sessionId: '' }), '\0'.repeat(99)])(
    'is ignored until it parses, and counted: %j', (content) => {
      writeFileSync(join(sessions, '20863.json'), content);
      const registry = start();
      expect(text()).toBe('');
      expect(registry.problems()).toEqual(["1 files of Claude Code's session registry do not parse"]);
      writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
      clock.advance(LIVENESS_MS);
      expect(words()).toEqual(['idle']);
      expect(registry.problems()).toEqual([]);
    });

  it('tells nothing where it has no status, and that is no problem', () => {
    writeFileSync(join(sessions, '20863.json'), sample('1-idle', { status: undefined }));
    expect(start().problems()).toEqual([]);
    expect(text()).toBe('');
  });

  it('is not even opened where it is no registry file', () => {
    const names = ['20863.key', '20863.json.key', 'pid-20863.json', 'abc.json', '20863.json~'];
    const longAgo = new Date(Date.UTC(2020, 0, 1));
    for (const name of names) {
      writeFileSync(join(sessions, name), sample('1-idle'));
      // With `relatime` a read moves an access time that is older than the change.
      utimesSync(join(sessions, name), longAgo, new Date(Date.UTC(2021, 0, 1)));
    }
    start().lookNow();
    expect(text()).toBe('');
    for (const name of names) expect(statSync(join(sessions, name)).atime).toEqual(longAgo);
  });

  it('is not followed where it is a link or a directory', () => {
    writeFileSync(join(top, 'elsewhere'), sample('1-idle'));
    symlinkSync(join(top, 'elsewhere'), join(sessions, '1.json'));
    mkdirSync(join(sessions, '2.json'));
    expect(start().problems()).toHaveLength(1);
    expect(text()).toBe('');
  });

  it('may come and go, and so may the directory', () => {
    rmSync(sessions, { recursive: true });
    const registry = start();
    mkdirSync(sessions);
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle']);
    rmSync(sessions, { recursive: true });
    clock.advance(LIVENESS_MS);
    mkdirSync(sessions);
    writeFileSync(join(sessions, '20863.json'), sample('2-waiting'));
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle', 'waiting: permission prompt']);
    expect(registry.problems()).toEqual([]);
  });
});

describe('a restart', () => {
  it('repeats nothing', async () => {
    writeFileSync(join(sessions, '20863.json'), sample('2-waiting'));
    await start().close();
    const before = text();
    start().lookNow();
    expect(text()).toBe(before);
  });

  it('repeats nothing after a rotation', async () => {
    writeFileSync(join(sessions, '20863.json'), sample('2-waiting'));
    await start().close();
    rotateEventLog(statusLog, 1, clock);
    start().lookNow();
    expect(text()).toBe('');
  });

  it('tells what changed meanwhile', async () => {
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    await start().close();
    writeFileSync(join(sessions, '20863.json'), sample('2-waiting'));
    start();
    expect(words()).toEqual(['idle', 'waiting: permission prompt']);
  });

  it('is not confused by half a line, or by lines of others', async () => {
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    await start().close();
    const line = text();
    writeFileSync(statusLog, `${line}{"type":"other"}\nnonsense\n${line.slice(0, 50)}\n`);
    const before = text();
    start().lookNow();
    expect(text()).toBe(before);
  });
});

describe.skipIf(here.pidDomain === null)('the end of a process (Linux)', () => {
  it('is told when it was killed and left its file behind', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    start();
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle']);
    await living.kill();
    clock.advance(LIVENESS_MS);
    const [status, gone] = told();
    expect(gone).toMatchObject({ status: 'gone', reason: 'died', pid: living.pid, session_id: SESSION, tmux_session: 'c' });
    expect(gone?.timestamp).toBe(status?.timestamp);
    expect(gone?.['observed_at']).toBe(new Date(clock.now()).toISOString());
    expect(parseEventId(gone!.id)?.discriminator).toBe(`${SESSION}:${living.pid}:gone`);
    clock.advance(4 * RESCAN_MS);
    expect(told()).toHaveLength(2);
  });

  it('is told as an exit when it took its file away', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    start();
    rmSync(living.file);
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
    await living.kill();
    clock.advance(LIVENESS_MS);
    expect(told()[1]).toMatchObject({ status: 'gone', reason: 'exited' });
    clock.advance(4 * RESCAN_MS);
    expect(told()).toHaveLength(2);
  });

  it('is told behind the last status, even where nobody had looked at that', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    start();
    writeFileSync(living.file, fileOf(living, { status: 'busy', statusUpdatedAt: IDLE_AT + 5 }));
    await living.kill();
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle', 'busy', 'gone']);
    expect(told()[2]?.timestamp).toBe(told()[1]?.timestamp);
  });

  it.each(['its file left behind', 'its file taken away'])('is told by the next agent when no agent ran, %s', async (way) => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    await start().close();
    if (way === 'its file taken away') rmSync(living.file);
    await living.kill();
    await start().close();
    expect(words()).toEqual(['idle', 'gone']);
    start();
    expect(words()).toEqual(['idle', 'gone']);
  });

  describe.each(['its file left behind', 'its file taken away'])('while no agent runs, long after its last status, %s,', (way) => {
    const reason = way === 'its file taken away' ? 'exited' : 'died';
    const endUnseen = async (living: Living): Promise<void> => {
      if (reason === 'exited') rmSync(living.file);
      await living.kill();
    };

    it('is told once where the log has much that is newer', async () => {
      const living = await startProcess();
      writeFileSync(living.file, fileOf(living));
      await start().close();
      const [before, timestamp] = [text(), told()[0]?.timestamp];
      writeFileSync(statusLog, `${before}${`${JSON.stringify({ type: 'other', filler: 'x'.repeat(1000) })}\n`.repeat(2000)}`);
      const length = text().length;
      await start().close();
      expect(text()).toHaveLength(length);
      await endUnseen(living);
      await start().close();
      start();
      expect(text().slice(length).trim().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({ status: 'gone', reason, pid: living.pid, timestamp }),
      ]);
    });

    it('is told where what the log said was removed', async () => {
      const living = await startProcess();
      writeFileSync(living.file, fileOf(living));
      await start().close();
      rmSync(statusLog);
      await start().close();
      expect(text()).toBe('');
      await endUnseen(living);
      await start().close();
      start();
      expect(told()).toMatchObject([{ status: 'gone', reason, pid: living.pid }]);
    });
  });

  it('is told of a process that was seen only after its status was told', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living, { pidDomain: undefined }));
    let isReadable = false;
    const registry = start({ processes: { ...here, isRunning: (pid, procStart) => (isReadable ? here.isRunning(pid, procStart) : null) } });
    isReadable = true;
    registry.lookNow();
    clock.advance(RESCAN_MS);
    await registry.close();
    await living.kill();
    start();
    expect(words()).toEqual(['idle', 'gone']);
  });

  it('is told where it can not be kept who runs, which is named: the log says it', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    writeFileSync(join(top, 'state'), 'a file where the directory belongs');
    const registry = start();
    expect(registry.problems()).toEqual([expect.stringContaining('cannot write which sessions have not ended: ')]);
    await registry.close();
    await living.kill();
    expect(start().problems()).toEqual([]);
    expect(words()).toEqual(['idle', 'gone']);
  });

  it('of a zombie is told: only its parent has not looked yet', async () => {
    const shell = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(shell);
    const [line] = await once(shell.stdout.setEncoding('utf8'), 'data') as [string];
    const pid = Number(line.trim());
    const procStart = here.startOf(pid) ?? '';
    writeFileSync(join(sessions, `${pid}.json`), sample('1-idle', { pid, procStart, pidDomain: undefined }));
    start();
    process.kill(pid, 'SIGKILL');
    // Reaped by nobody: `sleep` does not wait for children.
    while (here.isRunning(pid, procStart) !== false) await new Promise(setImmediate);
    expect(here.isAlive(pid)).toBe(true);
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle', 'gone']);
  });

  it('is told when another process got its ID', async () => {
    const living = await startProcess();
    let start22 = living.procStart;
    const processes: Processes = { ...here, isRunning: (_pid, start) => start === start22 };
    writeFileSync(living.file, fileOf(living));
    start({ processes });
    start22 = '1';
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle', 'gone']);
  });

  it('is told before the status of a new session under the same ID', async () => {
    const living = await startProcess();
    let start22 = living.procStart;
    const processes: Processes = { ...here, isRunning: (_pid, start) => start === start22 };
    writeFileSync(living.file, fileOf(living));
    const registry = start({ processes });
    start22 = '999999999';
    writeFileSync(living.file, fileOf(living, { procStart: start22, sessionId: 'next', statusUpdatedAt: IDLE_AT + 1000 }));
    registry.lookNow();
    expect(told().map(({ session_id: id, status }) => [id, status])).toEqual([[SESSION, 'idle'], [SESSION, 'gone'], ['next', 'idle']]);
  });

  it('is told of a session that its process left for another one', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living));
    const registry = start();
    writeFileSync(living.file, fileOf(living, { sessionId: 'next', statusUpdatedAt: IDLE_AT + 1000 }));
    registry.lookNow();
    expect(told()[1]).toMatchObject({ session_id: SESSION, status: 'gone', reason: 'left' });
    writeFileSync(living.file, fileOf(living, { status: 'busy', statusUpdatedAt: IDLE_AT + 2000 }));
    registry.lookNow();
    expect(told().map(({ session_id: id, status }) => [id === SESSION, status])).toEqual([
      [true, 'idle'], [true, 'gone'], [false, 'idle'], [false, 'gone'], [true, 'busy'],
    ]);
  });

  it('waits while another process runs the same session since before', async () => {
    const [older, newer] = [await startProcess(), await startProcess()];
    writeFileSync(older.file, fileOf(older, { status: 'busy' }));
    writeFileSync(newer.file, fileOf(newer, { statusUpdatedAt: IDLE_AT + 1000 }));
    start();
    await newer.kill();
    clock.advance(RESCAN_MS);
    expect(words().toSorted()).toEqual(['busy', 'idle']);
    await older.kill();
    clock.advance(LIVENESS_MS);
    const gone = told().slice(2);
    expect(gone.map(({ status }) => status)).toEqual(['gone', 'gone']);
    expect(new Set(gone.map(({ pid }) => pid))).toEqual(new Set([older.pid, newer.pid]));
  });

  it('is told at once when a later process took the session up', async () => {
    const [older, newer] = [await startProcess(), await startProcess()];
    writeFileSync(older.file, fileOf(older));
    writeFileSync(newer.file, fileOf(newer, { statusUpdatedAt: IDLE_AT + 1000 }));
    start();
    await older.kill();
    clock.advance(LIVENESS_MS);
    expect(told().filter(({ status }) => status === 'gone').map(({ pid }) => pid)).toEqual([older.pid]);
  });

  it('is told of one that ended before anybody saw it, where its start fits this boot', async () => {
    const living = await startProcess();
    const startedAt = here.startedAtMs(living.procStart) ?? 0;
    await living.kill();
    writeFileSync(living.file, fileOf(living, { startedAt: startedAt + 800 }));
    start();
    expect(words()).toEqual(['idle', 'gone']);
  });
});

describe.skipIf(here.pidDomain === null)('what proves no end (Linux)', () => {
  it('is another start of the same ID, of a process that was never seen here', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living, { procStart: '1' }));
    start();
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
  });

  it.each(['linux:00000000000000000000000000000000:pid:[1]', undefined])('is a process that is not here, of a registry that was synced (%s)', (pidDomain) => {
    writeFileSync(join(sessions, '4194300.json'), sample('1-idle', { pid: 4194300, pidDomain }));
    start();
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
  });

  it('is a name of the host that a clone has too, where the start does not fit this boot', () => {
    writeFileSync(join(sessions, '4194300.json'), sample('1-idle', { pid: 4194300, pidDomain: here.pidDomain }));
    start();
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
  });

  it('is a process table that can not be read', async () => {
    const living = await startProcess();
    let isReadable = true;
    const processes: Processes = { ...here, isRunning: (pid, procStart) => (isReadable ? here.isRunning(pid, procStart) : null) };
    writeFileSync(living.file, fileOf(living));
    start({ processes });
    isReadable = false;
    await living.kill();
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
    isReadable = true;
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['idle', 'gone']);
  });

  it('is a log that another host wrote, although it saw the process', async () => {
    const living = await startProcess();
    writeFileSync(living.file, fileOf(living, { pidDomain: undefined }));
    await start({ processes: { ...here, host: 'elsewhere' } }).close();
    await living.kill();
    start();
    clock.advance(RESCAN_MS);
    expect(words()).toEqual(['idle']);
  });
});

describe('a log that can not be written', () => {
  it('is written later, and named until then', async () => {
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    const registry = start();
    renameSync(join(top, 'data'), join(top, 'moved'));
    writeFileSync(join(top, 'data'), 'a file where the directory belongs');
    writeFileSync(join(sessions, '20863.json'), sample('2-waiting'));
    registry.lookNow();
    expect(registry.problems()[0]).toContain('cannot write the status log');
    rmSync(join(top, 'data'));
    clock.advance(LIVENESS_MS);
    expect(words()).toEqual(['waiting: permission prompt']);
    expect(registry.problems()).toEqual([]);
  });
});

describe('the watch', () => {
  it.each(['written in place', 'renamed into place'])('tells a change without any clock, %s', async (way) => {
    start({ watch: createDirectoryWatch });
    mkdirSync(join(top, 'data'), { recursive: true });
    const lines = watch(join(top, 'data'));
    const appended = once(lines, 'change');
    const began = performance.now();
    if (way === 'written in place') writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    else {
      writeFileSync(join(sessions, '20863.json.tmp'), sample('1-idle'));
      renameSync(join(sessions, '20863.json.tmp'), join(sessions, '20863.json'));
    }
    await appended;
    while (text() === '') await once(lines, 'change');
    if (process.env['TT_MEASURE'] !== undefined) console.log(`${way}: ${(performance.now() - began).toFixed(1)} ms`);
    lines.close();
    expect(words()).toEqual(['idle']);
  });

  it('sees a directory that was removed and made again', async () => {
    start({ watch: createDirectoryWatch });
    rmSync(sessions, { recursive: true });
    mkdirSync(sessions);
    clock.advance(LIVENESS_MS);
    mkdirSync(join(top, 'data'), { recursive: true });
    const lines = watch(join(top, 'data'));
    const appended = once(lines, 'change');
    writeFileSync(join(sessions, '20863.json'), sample('1-idle'));
    await appended;
    lines.close();
    expect(words()).toEqual(['idle']);
  });
});
