import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createMachineLinks, type MachineLinks } from '../../collector/ingest/machine-links.ts';
import { openLastKnown, readLastKnown, type LastKnown } from '../../collector/last-known.ts';
import { parseMachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { statusFrame } from '../support/status-frame.ts';

const MACHINE = parseMachineId('11111111-1111-4111-8111-111111111111')!;

let folder: string;
let file: string;
let clock: ManualClock;
let links: MachineLinks;
let row: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-known-'));
  file = join(folder, 'state', 'last-known.json');
  clock = new ManualClock();
  row = 5;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(): LastKnown {
  links = createMachineLinks(clock);
  return openLastKnown(file, { clock, links, newestRow: () => row, log: silentLog });
}

it('what a machine said last is known after a restart, and that it is not connected', () => {
  const first = start();
  const status = statusFrame(clock.now(), { backlog_bytes: 3, oldest_unacked_at: 1 });
  links.heard(MACHINE, status);
  first.close();
  const known = start().of(MACHINE);
  expect(known).toMatchObject({ connected: false, version: '0.1.0', status: { backlog_bytes: 3, drained_at: status.drained_at } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('is noted every ten seconds, for a collector that is killed', () => {
  start();
  links.heard(MACHINE, statusFrame(clock.now()));
  clock.advance(10_000);
  expect(start().of(MACHINE)?.status).not.toBeNull();
});

it('is noted later when the database cannot be read now', () => {
  let isReadable = true;
  links = createMachineLinks(clock);
  const newestRow = (): number => {
    if (!isReadable) throw new Error('SQLITE_IOERR');
    return row;
  };
  openLastKnown(file, { clock, links, newestRow, log: silentLog });
  links.heard(MACHINE, statusFrame(clock.now()));
  isReadable = false;
  clock.advance(10_000);
  expect(readLastKnown(file, row).size).toBe(0);
  isReadable = true;
  clock.advance(10_000);
  expect(readLastKnown(file, row).size).toBe(1);
});

it('does not hold for a database that was lost or restored', () => {
  const first = start();
  links.heard(MACHINE, statusFrame(clock.now()));
  first.close();
  expect(readLastKnown(file, 5).size).toBe(1);
  row = 4;
  expect(start().of(MACHINE)).toBeUndefined();
  // Nor later, when the new one has as many rows.
  row = 5;
  expect(start().of(MACHINE)).toBeUndefined();
});

it('what it says now counts more than what it said before', () => {
  const first = start();
  links.heard(MACHINE, statusFrame(clock.now(), { backlog_bytes: 1 }));
  first.close();
  const second = start();
  links.heard(MACHINE, statusFrame(clock.now(), { backlog_bytes: 2 }));
  expect(second.of(MACHINE)?.status?.backlog_bytes).toBe(2);
});

it('a machine that was refused again and again keeps what it said before', () => {
  const first = start();
  links.heard(MACHINE, statusFrame(clock.now()));
  first.close();
  const second = start();
  links.refused(MACHINE, { code: 'unauthorised', message: 'no' });
  second.close();
  expect(start().of(MACHINE)?.status).not.toBeNull();
});

it('a damaged file is nothing known, and no error', () => {
  start().close();
  const first = start();
  links.heard(MACHINE, statusFrame(clock.now()));
  first.close();
  writeFileSync(file, '{');
  expect(start().of(MACHINE)).toBeUndefined();
});
