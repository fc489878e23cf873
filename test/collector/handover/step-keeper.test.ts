import { appendFileSync, mkdtempSync, readFileSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnrolledMachine } from '../../../collector/enrolment/machine-registry.ts';
import { readFiles } from '../../../collector/handover/in-step.ts';
import type { Receiver } from '../../../collector/handover/receiver.ts';
import { createStepKeeper, type StepKeeper } from '../../../collector/handover/step-keeper.ts';
import { createStepLooks, type LookRequest } from '../../../collector/handover/step-looks.ts';
import type { MachineLink } from '../../../collector/ingest/machine-links.ts';
import { TtError } from '../../../shared/errors.ts';
import { parseMachineId } from '../../../shared/ids.ts';
import { chain, HandedMachine, SESSION, text } from '../../support/handed-session.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const ID = parseMachineId('de7b0000-0000-4000-8000-000000000001')!;
let clock: ManualClock;
let laptop: HandedMachine;
let devbox: HandedMachine;
let archive: HandedMachine;
let keeper: StepKeeper | undefined;
let machine: EnrolledMachine;
let link: Pick<MachineLink, 'connected' | 'connectedSinceMs'> & { status: { archive: { waiting_files: number | null } } | null };
let changed: () => void;
let looks: LookRequest[];
let running: Promise<unknown>[];
let isAllowed: boolean;
let reachable: boolean;
let logins: number;
let said: string[];

beforeEach(() => {
  clock = new ManualClock(Date.now() + 60 * MINUTE);
  [laptop, devbox] = [new HandedMachine('laptop'), new HandedMachine('devbox')];
  const archiveDir = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  archive = new HandedMachine('archive', join(archiveDir, ID));
  machine = { machineId: ID, label: 'devbox', archive: true, sshHost: 'devbox', syncHost: null, retiredAt: null, revokedAt: null } as EnrolledMachine;
  link = { connected: false, connectedSinceMs: null, status: null };
  [looks, running, said, logins, isAllowed, reachable] = [[], [], [], 0, true, true];
  changed = () => {};
});
afterEach(async () => {
  await keeper?.close();
  keeper = undefined;
});

function receiverOf(to: HandedMachine, name: string): Receiver {
  return {
    name,
    async ask(request, content) {
      return await to.receive({ request, content: () => content ?? Readable.from([]) }, { clock: { now: () => clock.now(), random: () => clock.random() }, isAllowed }).catch((error: unknown) => {
        if (!(error instanceof TtError)) throw error;
        return { schema: 1 as const, ok: false as const, code: error.code, message: error.message, hint: error.hint, exit_code: error.exitCode, candidates: [] };
      });
    },
  };
}

function open(repositories = ['shop'], days = 7): void {
  const stop = new AbortController();
  const look = createStepLooks({
    clock, reading: readFiles, stop: stop.signal,
    roots: { archiveDir: join(archive.home, '..'), claudeDirs: [join(laptop.home, '.claude')], home: laptop.home },
    local: () => receiverOf(laptop, 'this computer'),
    async remote() {
      logins += 1;
      if (!reachable) throw new TtError('ssh_unreachable', 'devbox can not be reached', { hint: 'this must work: ssh devbox true' });
      return { receiver: receiverOf(devbox, 'devbox'), close: () => Promise.resolve() };
    },
  });
  keeper = createStepKeeper([{ repositories, machines: ['devbox'], days }], {
    clock, here: () => null,
    log: { info: (_fields, words) => void said.push(words), warn: (_fields, words) => void said.push(`warn: ${words}`) },
    registry: { list: () => [machine] },
    links: {
      get: () => link as MachineLink,
      onChange(listener) {
        changed = () => listener(ID);
        return () => {};
      },
    },
    thread: {
      look(request) {
        looks.push(request);
        const done = look(request);
        running.push(done.catch(() => {}));
        return done;
      },
      async close() {
        stop.abort();
        await Promise.all(running);
      },
    },
  });
}

async function pass(minutes: number): Promise<void> {
  for (let seconds = 0; seconds < minutes * 60; seconds += 5) {
    clock.advance(5000);
    await settle();
  }
}

async function settle(): Promise<void> {
  await Promise.all(running);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function connect(waiting = 0): Promise<void> {
  Object.assign(link, { connected: true, connectedSinceMs: clock.now(), status: { archive: { waiting_files: waiting } } });
  changed();
  await settle();
}

function disconnect(): void {
  Object.assign(link, { connected: false, connectedSinceMs: null });
  changed();
}

const quiet = (path: string): void => utimesSync(path, clock.now() / 1000 - 3600, clock.now() / 1000 - 3600);
const archived = (session = SESSION): string => join(archive.home, 'projects/-x-shop', `${session}.jsonl`);
const uuids = (on: HandedMachine, path: string): unknown[] => on.lines(path).map(({ uuid }) => uuid);
/** As the agent there mirrors it. */
function mirror(path: string, session = SESSION): void {
  archive.write(archived(session), readFileSync(path, 'utf8'));
  quiet(archived(session));
}

describe('sessions that a rule names', () => {
  it('come and go as their machine connects, and again when they have gone on', async () => {
    const [here, there] = [laptop.repository('src/shop'), devbox.repository('work/shop')];
    laptop.write(laptop.fileOf(here), text(chain([], 2, { name: 'a', cwd: here })));
    const theirs = '7e110000-0000-4000-8000-000000000002';
    archive.write(archived(theirs), text(chain([], 2, { name: 't', cwd: there, session: theirs })));
    for (const path of [laptop.fileOf(here), archived(theirs)]) quiet(path);
    open();
    await pass(2);
    expect(looks).toEqual([]);
    await connect();
    expect(uuids(laptop, laptop.fileOf(here, theirs))).toEqual(['t-0', 't-1']);
    expect(uuids(devbox, devbox.fileOf(there))).toEqual(['a-0', 'a-1']);
    mirror(devbox.fileOf(there));
    quiet(devbox.fileOf(there));

    appendFileSync(devbox.fileOf(there), `${chain(readFileSync(devbox.fileOf(there), 'utf8').trimEnd().split('\n'), 2, { name: 'b', cwd: there }).slice(2).join('\n')}\n`);
    mirror(devbox.fileOf(there));
    await pass(2);
    expect(uuids(laptop, laptop.fileOf(here))).toEqual(['a-0', 'a-1', 'b-0', 'b-1']);
    expect(laptop.lines(laptop.fileOf(here)).every(({ cwd }) => cwd === here)).toBe(true);
    expect(said.filter((line) => line.startsWith('a session is in step'))).toHaveLength(3);
    const before = said.length;
    await pass(10);
    expect([said.length, logins, keeper?.state(ID)?.problem]).toEqual([before, 1, null]);
  });

  it('are looked at once a minute, and not before the archive has caught up, or a minute has gone', async () => {
    open();
    await connect(3);
    expect(looks).toHaveLength(0);
    await pass(1);
    expect(looks).toHaveLength(1);
    await pass(5);
    expect(looks.length).toBeLessThanOrEqual(6);
    disconnect();
    await pass(5);
    const before = looks.length;
    await connect();
    expect(looks).toHaveLength(before + 1);
    disconnect();
    await connect();
    expect(looks).toHaveLength(before + 1);
    disconnect();
    await pass(2);
    expect(looks.slice(before + 1).map(({ ways }) => ways)).toEqual([['pull']]);
  });

  it('wait until they are quiet, and until nobody uses them there', async () => {
    const [here, there] = [laptop.repository('src/shop'), devbox.repository('work/shop')];
    laptop.write(laptop.fileOf(here), text(chain([], 4, { name: 'a', cwd: here })));
    utimesSync(laptop.fileOf(here), clock.now() / 1000 + 10, clock.now() / 1000 + 10);
    devbox.write(devbox.fileOf(there), text(chain([], 2, { name: 'a', cwd: there })));
    mirror(devbox.fileOf(there));
    utimesSync(devbox.fileOf(there), clock.now() / 1000 + 150, clock.now() / 1000 + 150);
    open();
    await connect();
    expect(logins).toBe(0);
    await pass(2);
    expect([logins, uuids(devbox, devbox.fileOf(there)), keeper?.state(ID)?.problem]).toEqual([1, ['a-0', 'a-1'], null]);
    await pass(10);
    expect(uuids(devbox, devbox.fileOf(there))).toHaveLength(4);
    expect(said.filter((line) => line.startsWith('warn'))).toEqual([]);
  });

  it('that can not go are warned of once, tried again later and later, and at once when the machine is back', async () => {
    const here = laptop.repository('src/shop');
    devbox.repository('work/shop');
    laptop.write(laptop.fileOf(here), text(chain([], 2, { name: 'a', cwd: here })));
    quiet(laptop.fileOf(here));
    isAllowed = false;
    open();
    await connect();
    expect(keeper?.state(ID)?.problem).toEqual({ message: expect.stringContaining('takes no sessions') as string, hint: expect.stringContaining('receive = true') as string });
    await pass(60);
    expect(said.filter((line) => line.startsWith('warn'))).toHaveLength(1);
    expect(logins).toBeLessThanOrEqual(7);
    const before = logins;
    isAllowed = true;
    disconnect();
    await connect();
    await pass(1);
    expect([logins, keeper?.state(ID)?.problem]).toEqual([before + 1, null]);
  });

  it('that can not be pushed are pulled all the same', async () => {
    const here = laptop.repository('src/shop');
    laptop.write(laptop.fileOf(here), text(chain([], 2, { name: 'a', cwd: here })));
    quiet(laptop.fileOf(here));
    reachable = false;
    open();
    await connect();
    const theirs = '7e110000-0000-4000-8000-000000000002';
    archive.write(archived(theirs), text(chain([], 2, { name: 't', cwd: '/x/shop', session: theirs })));
    quiet(archived(theirs));
    await pass(3);
    expect(uuids(laptop, laptop.fileOf(here, theirs))).toEqual(['t-0', 't-1']);
    expect(keeper?.state(ID)?.problem?.message).toBe('devbox can not be reached');
  });

  it('of other repositories, or older than the rule says, stay where they are', async () => {
    const here = laptop.repository('src/other');
    const old = laptop.repository('src/shop');
    devbox.repository('shop');
    devbox.repository('other');
    laptop.write(laptop.fileOf(here), text(chain([], 2, { name: 'a', cwd: here })));
    laptop.write(laptop.fileOf(old, 'old'), text(chain([], 2, { name: 'o', cwd: old, session: 'old' })));
    quiet(laptop.fileOf(here));
    utimesSync(laptop.fileOf(old, 'old'), clock.now() / 1000 - 3 * 86_400, clock.now() / 1000 - 3 * 86_400);
    open(['shop'], 2);
    await connect();
    await pass(3);
    expect([looks.length > 0, logins]).toEqual([true, 0]);
  });

  it('need the archive of their machine, and it is said how to have it', async () => {
    machine = { ...machine, archive: false };
    open();
    await connect();
    await pass(10);
    expect([looks.length, keeper?.state(ID)?.problem?.hint, said.length]).toEqual([0, 'tt archive on devbox', 1]);
    machine = { ...machine, archive: true };
    await pass(1);
    expect([looks.length, keeper?.state(ID)?.problem]).toEqual([1, null]);
  });
});
