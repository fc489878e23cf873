import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeRules, judgeSyncEvery } from '../../../collector/doctor/sync.ts';
import { changeSyncEvery, readSyncEvery, toSyncEveryDocument } from '../../../collector/sync/sync-every.ts';
import type { HostOutcome } from '../../../collector/sync/sync-host.ts';
import { createSyncSchedule, type SyncSchedule } from '../../../collector/sync/sync-schedule.ts';
import { TtError } from '../../../shared/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOUR = 3_600_000;
const SYNCED: HostOutcome = { state: 'synced', machine: 'box', stored: 3, duplicates: 0, refused: 0, badLines: 0, gaps: 0, error: null };
let directory = '';
let file: string;
let clock: ManualClock;
let schedule: SyncSchedule;
let asked: string[];
let said: string[];
let answer: (host: string, stop: AbortSignal) => Promise<HostOutcome>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-every-'));
  file = join(directory, 'data', 'sync-every.json');
  clock = new ManualClock();
  [asked, said] = [[], []];
  answer = () => Promise.resolve(SYNCED);
  schedule = createSyncSchedule({
    clock, file,
    log: { info: (_fields, words) => void said.push(words), warn: (_fields, words) => void said.push(`warn: ${words}`) },
    runs: { targets: () => [{ host: 'box', label: 'box' }, { host: 'me@far', label: 'far' }] },
    fetch({ host }, stop) {
      asked.push(host);
      return answer(host, stop);
    },
  });
});
afterEach(async () => {
  await schedule.close();
  rmSync(directory, { recursive: true, force: true });
});

async function pass(ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 60_000) {
    clock.advance(60_000);
    for (let turn = 0; turn < 8; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}

const failing = (code: string): void => {
  answer = () => Promise.resolve({ ...SYNCED, state: 'failed', stored: 0, error: new TtError(code, 'it does not work', { hint: 'look there' }) });
};

describe('fetching by itself', () => {
  it('does nothing until it is asked for, then at once and as often as was said, until it is ended', async () => {
    await pass(2 * HOUR);
    expect(asked).toEqual([]);
    changeSyncEvery(file, { every_ms: HOUR, hosts: [] });
    await pass(60_000);
    expect(asked).toEqual(['box', 'me@far']);
    await pass(3 * HOUR);
    expect(asked).toHaveLength(8);
    expect(toSyncEveryDocument(readSyncEvery(file), clock.now())).toMatchObject({ every_ms: HOUR, hosts: [], results: [{ host: 'box', new: 3, error: null }, { host: 'me@far' }] });
    changeSyncEvery(file, { every_ms: null, hosts: [] });
    await pass(3 * HOUR);
    expect(asked).toHaveLength(8);
  });

  it('asks the hosts that were named, one run at a time, and goes on behind a clock that was set back', async () => {
    let finish = (): void => {};
    answer = () => new Promise((resolve) => {
      finish = () => resolve(SYNCED);
    });
    changeSyncEvery(file, { every_ms: HOUR, hosts: ['only'] });
    await pass(3 * HOUR);
    expect(asked).toEqual(['only']);
    finish();
    await pass(120_000);
    expect(asked).toEqual(['only', 'only']);
    finish();
    await pass(60_000);
    writeFileSync(file, JSON.stringify({ version: 1, every_ms: HOUR, hosts: ['only'], last_ms: clock.now() + 9 * HOUR, results: [] }));
    await pass(60_000);
    expect(asked).toHaveLength(3);
    finish();
  });

  it('warns once of a host that fails, and again when it fails anew', async () => {
    changeSyncEvery(file, { every_ms: HOUR, hosts: ['box'] });
    failing('ssh_auth');
    await pass(5 * HOUR);
    expect(said).toEqual(['warn: not fetched: it does not work']);
    answer = () => Promise.resolve(SYNCED);
    await pass(HOUR);
    failing('ssh_auth');
    await pass(HOUR);
    expect(said.filter((words) => words.startsWith('warn'))).toHaveLength(2);
  });

  it('ends with the collector, and what was begun counts as not done', async () => {
    answer = (_host, stop) => new Promise((resolve) => {
      stop.addEventListener('abort', () => resolve({ ...SYNCED, state: 'failed' }));
    });
    changeSyncEvery(file, { every_ms: HOUR, hosts: ['box'] });
    await pass(60_000);
    await schedule.close();
    expect(readSyncEvery(file)).toMatchObject({ last_ms: null, results: [] });
  });

  it('is off where its file can not be read', () => {
    changeSyncEvery(file, { every_ms: HOUR, hosts: [] });
    writeFileSync(file, '{"version":1,');
    expect(readSyncEvery(file).every_ms).toBeNull();
  });
});

describe('what the doctor says of it', () => {
  const judged = async (hosts: string[], code: string): Promise<unknown> => {
    changeSyncEvery(file, { every_ms: HOUR, hosts });
    failing(code);
    await pass(60_000);
    return judgeSyncEvery(toSyncEveryDocument(readSyncEvery(file), clock.now()), clock.now()).map(({ state, machine, summary }) => [state, machine, summary]);
  };

  it('is nothing where it is off, and of a host that fails why', async () => {
    expect(judgeSyncEvery(toSyncEveryDocument(readSyncEvery(file), clock.now()), clock.now())).toEqual([]);
    expect(await judged(['box'], 'ssh_auth')).toEqual([['warn', 'box', 'fetched every 1 h, but not the last time: it does not work']]);
  });

  it('is no complaint that a host is off which nobody named', async () => {
    expect(await judged([], 'ssh_unreachable')).toEqual([['ok', null, expect.stringMatching(/^fetched every 1 h; last \d+ s ago$/) as string]]);
    expect(await judged(['box'], 'ssh_unreachable')).toMatchObject([['warn', 'box', expect.any(String) as string]]);
  });

  it('is that a rule names a machine which there is not', () => {
    const rules = [{ repositories: ['*'], machines: ['*', 'devbox', 'gone'], days: 7 }];
    expect(judgeRules(rules, ['devbox']).map(({ state, summary }) => [state, summary])).toEqual([['warn', '[sync] names gone, but no machine is called so']]);
  });
});
