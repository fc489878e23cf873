import { beforeEach, expect, it } from 'vitest';
import { createMachineLinks, type MachineLinks } from '../../../collector/ingest/machine-links.ts';
import { createThroughput, type Throughput } from '../../../collector/ingest/throughput.ts';
import { rateSchema, throughputDocumentSchema } from '../../../shared/throughput-document.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { testMachine } from '../../support/store-fixture.ts';

const HOUR = 3_600_000;
const [a, b] = [testMachine(1), testMachine(2)];
const MACHINES = [{ machineId: b, label: 'b' }, { machineId: a, label: 'a' }];

let clock: ManualClock;
let links: MachineLinks;
let throughput: Throughput;
beforeEach(() => {
  clock = new ManualClock();
  links = createMachineLinks(clock);
  throughput = createThroughput({ clock, links });
});

function commit(machineId: typeof a, stored: number, duplicate = 0, refused = 0): void {
  links.committed({ committedAtMs: clock.now(), machines: [{ machineId, stored, duplicate, refused, lastEventAtMs: null }], storedRows: [] });
}

const document = () => throughputDocumentSchema.parse(throughput.document(MACHINES));

it('counts each verdict by machine and hour', () => {
  commit(a, 3, 1);
  commit(a, 2, 0, 1);
  clock.advance(HOUR);
  commit(a, 5);
  const [first, second] = document().machines;
  expect(first).toMatchObject({ machine: 'a', stored: 10, duplicate: 1, refused: 1, hours: [{ stored: 5, duplicate: 1, refused: 1 }, { stored: 5, duplicate: 0, refused: 0 }] });
  expect(second).toMatchObject({ machine: 'b', stored: 0, hours: [] });
});

it('looks back a day, and says since when it counts', () => {
  const started = clock.now();
  commit(a, 1);
  expect(document().since).toBe(printTimestamp(started));
  clock.advance(24 * HOUR);
  commit(a, 2);
  expect(document().machines[0]).toMatchObject({ stored: 2 });
  expect(Date.parse(document().since)).toBe(Math.floor(clock.now() / HOUR) * HOUR - 23 * HOUR);
});

it('tells the events of each of the last sixty seconds', () => {
  commit(a, 4);
  commit(b, 1);
  clock.advance(2000);
  commit(b, 7);
  const { second, stored } = rateSchema.parse(throughput.rate());
  expect(second).toBe(Math.floor(clock.now() / 1000));
  expect(stored).toHaveLength(60);
  expect(stored.slice(-3)).toEqual([5, 0, 7]);
  clock.advance(61_000);
  expect(throughput.rate().stored.every((count) => count === 0)).toBe(true);
});

it('a message of the machine that is no commit counts nothing', () => {
  commit(a, 4);
  links.refused(a, { code: 'closed', message: 'gone' });
  expect(document().machines[0]).toMatchObject({ stored: 4 });
});
