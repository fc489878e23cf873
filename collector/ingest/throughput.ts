/**
 * How much came in lately, by second and by hour, out of the verdicts that each
 * machine's link counts. Limit: it begins anew with each start of the collector,
 * and says since when it counts.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { RATE_SECONDS, THROUGHPUT_SCHEMA, type Counts, type Rate, type ThroughputDocument } from '../../shared/throughput-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { MachineLinks } from './machine-links.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** With the one that goes on. */
const HOURS = 24;

export interface Throughput {
  rate(): Rate;
  document(machines: readonly { machineId: MachineId; label: string }[]): ThroughputDocument;
  close(): void;
}

type Hours = Map<number, Counts>;

const NOTHING: Counts = { stored: 0, duplicate: 0, refused: 0 };

function sumOf(a: Counts, b: Counts): Counts {
  return { stored: a.stored + b.stored, duplicate: a.duplicate + b.duplicate, refused: a.refused + b.refused };
}

export function createThroughput({ clock, links }: { clock: Pick<Clock, 'now'>; links: Pick<MachineLinks, 'get' | 'onChange'> }): Throughput {
  const startedMs = clock.now();
  const known = new Map<MachineId, Counts>();
  const hours = new Map<MachineId, Hours>();
  const seconds = new Map<number, number>();
  const stop = links.onChange((machineId) => {
    const link = links.get(machineId) ?? NOTHING;
    const before = known.get(machineId) ?? NOTHING;
    const came = { stored: link.stored - before.stored, duplicate: link.duplicate - before.duplicate, refused: link.refused - before.refused };
    if (came.stored === 0 && came.duplicate === 0 && came.refused === 0) return;
    known.set(machineId, sumOf(before, came));
    const nowMs = clock.now();
    const ofMachine = hours.get(machineId) ?? new Map<number, Counts>();
    hours.set(machineId, ofMachine);
    add(ofMachine, Math.floor(nowMs / HOUR_MS), HOURS, (counts = NOTHING) => sumOf(counts, came));
    add(seconds, Math.floor(nowMs / SECOND_MS), RATE_SECONDS, (count = 0) => count + came.stored);
  });
  return {
    rate() {
      const second = Math.floor(clock.now() / SECOND_MS);
      return { schema: THROUGHPUT_SCHEMA, second, stored: Array.from({ length: RATE_SECONDS }, (_, index) => seconds.get(second - RATE_SECONDS + 1 + index) ?? 0) };
    },
    document(machines) {
      const nowMs = clock.now();
      const firstHour = Math.floor(nowMs / HOUR_MS) - HOURS + 1;
      return {
        schema: THROUGHPUT_SCHEMA,
        since: printTimestamp(Math.max(startedMs, firstHour * HOUR_MS)),
        as_of: printTimestamp(nowMs),
        machines: machines.toSorted((a, b) => (a.label < b.label ? -1 : 1)).map(({ machineId, label }) => {
          const lately = [...(hours.get(machineId) ?? [])].filter(([hour]) => hour >= firstHour).toSorted(([a], [b]) => a - b);
          return {
            machine: label, machine_id: machineId, ...lately.reduce((sum, [, counts]) => sumOf(sum, counts), NOTHING),
            hours: lately.map(([hour, counts]) => ({ from: printTimestamp(hour * HOUR_MS), ...counts })),
          };
        }),
      };
    },
    close: stop,
  };
}

/** Keeps the latest `most` places and no more. */
function add<Value>(places: Map<number, Value>, place: number, most: number, change: (value: Value | undefined) => Value): void {
  places.set(place, change(places.get(place)));
  for (const old of places.keys()) if (old <= place - most) places.delete(old);
}
