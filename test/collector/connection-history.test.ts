import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openConnectionHistory, type ConnectionHistory } from '../../collector/connection-history.ts';
import { createMachineLinks, type MachineLinks } from '../../collector/ingest/machine-links.ts';
import { silentLog } from '../../shared/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { testMachine } from '../support/store-fixture.ts';

const MINUTE = 60_000;
const machine = testMachine(1);

let folder: string;
let clock: ManualClock;
let links: MachineLinks;
let history: ConnectionHistory;
let start: number;
let enrolledMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-strip-'));
  clock = new ManualClock();
  links = createMachineLinks(clock);
  history = openHistory();
  start = clock.now();
  enrolledMs = 0;
});

afterEach(() => {
  history.close();
  rmSync(folder, { recursive: true, force: true });
});

const openHistory = (): ConnectionHistory => openConnectionHistory(join(folder, 'connections.json'), { clock, links, log: silentLog });

const connect = (): void => links.connected(machine, {
  type: 'hello', protocol: 1, capabilities: [], version: '1', label: '', host: '', instance: '', nonce: '', positions_digest: '', clock: clock.now(),
}, 'http://127.0.0.1:1');

/** `state minutes` of each span of the last so many minutes. */
const strip = (minutes: number): string[] => history.spans(machine, { fromMs: clock.now() - minutes * MINUTE, toMs: clock.now(), enrolledMs })
  .map(({ from, to, state }) => `${state} ${(Date.parse(to) - Date.parse(from)) / MINUTE}`);

it('tells connected from away, and both from what nobody knows', () => {
  clock.advance(5 * MINUTE);
  connect();
  clock.advance(10 * MINUTE);
  links.disconnected(machine, null);
  clock.advance(3 * MINUTE);
  connect();
  clock.advance(2 * MINUTE);
  expect(strip(30)).toEqual(['unknown 10', 'away 5', 'connected 10', 'away 3', 'connected 2']);
  expect(strip(4)).toEqual(['away 2', 'connected 2']);
});

it('before it was enrolled it was not away', () => {
  clock.advance(5 * MINUTE);
  enrolledMs = clock.now();
  clock.advance(2 * MINUTE);
  connect();
  clock.advance(MINUTE);
  expect(strip(10)).toEqual(['unknown 7', 'away 2', 'connected 1']);
});

it('is kept over a restart; of the time between nobody knows', () => {
  connect();
  clock.advance(4 * MINUTE);
  links.disconnected(machine, null);
  clock.advance(MINUTE);
  history.close();
  clock.advance(7 * MINUTE);
  links = createMachineLinks(clock);
  history = openHistory();
  clock.advance(2 * MINUTE);
  expect(strip(14)).toEqual(['connected 4', 'away 1', 'unknown 7', 'away 2']);
});

it('of the time in which the computer slept nobody knows, to the minute; a clock that is set back does no harm', () => {
  connect();
  clock.advance(5 * MINUTE);
  clock.jump(60 * MINUTE);
  clock.advance(3 * MINUTE);
  expect(strip(68)).toEqual(['connected 5', 'unknown 61', 'connected 2']);
  clock.jump(-30 * MINUTE);
  expect(history.spans(machine, { fromMs: start, toMs: clock.now(), enrolledMs }).at(-1)?.to).toBe(new Date(clock.now()).toISOString());
});

it('two days are kept, and no endless coming and going', () => {
  for (let i = 0; i < 1200; i++) {
    connect();
    links.disconnected(machine, null);
    clock.advance(1);
  }
  clock.advance(2 * MINUTE);
  const kept = (): { machines: Record<string, unknown[]> } => JSON.parse(readFileSync(join(folder, 'connections.json'), 'utf8')) as never;
  expect(kept().machines[machine]).toHaveLength(1000);
  clock.jump(49 * 60 * MINUTE);
  clock.advance(MINUTE);
  expect(kept().machines).toEqual({});
});

it.each(['', 'nonsense', '{"version":2}'])('a file that says %j is begun anew', (content) => {
  history.close();
  writeFileSync(join(folder, 'connections.json'), content);
  history = openHistory();
  connect();
  clock.advance(MINUTE);
  expect(strip(2)).toEqual(['unknown 1', 'connected 1']);
});
