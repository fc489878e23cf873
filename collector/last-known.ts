/**
 * What each agent said last, kept over restarts: a machine that is away when the
 * collector starts was complete to some time all the same.
 *
 * What an agent said about its progress holds for the database it said it to. A
 * database that was deleted or restored is recognised by its newest row being
 * older than the one noted here, and then nothing of this counts.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { MachineId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import type { MachineLinks } from './ingest/machine-links.ts';
import type { LinkKnowledge } from './status.ts';

const SAVE_MS = 10_000;

const numberOrNull = z.number().nullable();
const fileSchema = z.looseObject({
  version: z.literal(1),
  newest_row: z.number(),
  machines: z.record(z.string(), z.looseObject({
    last_seen_ms: numberOrNull,
    version: z.string().nullable(),
    clock_offset_ms: numberOrNull,
    status_at_ms: numberOrNull,
    status: z.object({
      backlog_bytes: numberOrNull, backlog_events: numberOrNull, oldest_unacked_at: numberOrNull, drained_at: numberOrNull, clock: z.number(),
    }).nullable(),
  })),
});
type Noted = z.infer<typeof fileSchema>['machines'][string];

export type KnownLinks = ReadonlyMap<string, LinkKnowledge>;

/** Empty where nothing was noted, it can not be read, or it is about another database. */
export function readLastKnown(file: string, newestRow: number, log?: Log): KnownLinks {
  try {
    const text = readFileIfExists(file);
    if (text === undefined) return new Map();
    const { newest_row, machines } = fileSchema.parse(JSON.parse(text));
    if (newest_row > newestRow) return new Map();
    return new Map(Object.entries(machines).map(([machineId, noted]) => [machineId, toKnowledge(noted)]));
  } catch (error) {
    log?.warn({ file, error: messageOf(error) }, 'what machines said last can not be read; it is known again when they connect');
    return new Map();
  }
}

function toKnowledge(noted: Noted): LinkKnowledge {
  return {
    connected: false, lastSeenMs: noted.last_seen_ms, version: noted.version, clockOffsetMs: noted.clock_offset_ms,
    statusAtMs: noted.status_at_ms, status: noted.status,
  };
}

function toNoted({ lastSeenMs, version, clockOffsetMs, statusAtMs, status }: LinkKnowledge): Noted {
  return {
    last_seen_ms: lastSeenMs, version, clock_offset_ms: clockOffsetMs, status_at_ms: statusAtMs,
    status: status && {
      backlog_bytes: status.backlog_bytes, backlog_events: status.backlog_events, oldest_unacked_at: status.oldest_unacked_at,
      drained_at: status.drained_at, clock: status.clock,
    },
  };
}

export interface LastKnown {
  /** Of the present connection, else as it was last heard, in this run or an earlier one. */
  of(machineId: MachineId): LinkKnowledge | undefined;
  close(): void;
}

export interface LastKnownDeps {
  clock: Pick<Clock, 'every'>;
  links: Pick<MachineLinks, 'get' | 'onChange'>;
  newestRow(): number;
  log: Log;
}

/** Notes changes at most every ten seconds, and at `close`. */
export function openLastKnown(file: string, { clock, links, newestRow, log }: LastKnownDeps): LastKnown {
  const known = new Map(readLastKnown(file, newestRow(), log));
  // About another database: it must not become true when this one has grown as long.
  if (known.size === 0) rmSync(file, { force: true });
  const changed = new Set<MachineId>();
  const of = (machineId: MachineId): LinkKnowledge | undefined => {
    const [link, earlier] = [links.get(machineId), known.get(machineId)];
    if (!link || link.status || !earlier) return link ?? earlier;
    // Connected, and has not said yet how it is: what it said before is not true of now, but was of then.
    return link.connected ? link : { ...earlier, lastSeenMs: link.lastSeenMs ?? earlier.lastSeenMs };
  };
  const save = (): void => {
    if (changed.size === 0) return;
    try {
      // The row is read first: what was said is never noted for less than what is stored.
      const row = newestRow();
      for (const machineId of changed) {
        const knowledge = of(machineId);
        if (knowledge) known.set(machineId, { ...knowledge, connected: false });
      }
      const machines = Object.fromEntries([...known].map(([machineId, knowledge]) => [machineId, toNoted(knowledge)]));
      makePrivateDirectory(dirname(file));
      writeFileAtomic(file, `${JSON.stringify({ version: 1, newest_row: row, machines })}\n`);
      changed.clear();
    } catch (error) {
      log.warn({ file, error: messageOf(error) }, 'what machines said last could not be noted');
    }
  };
  const stopWatching = links.onChange((machineId) => changed.add(machineId));
  const stopSaving = clock.every(SAVE_MS, save);
  return {
    of,
    close() {
      stopWatching();
      stopSaving();
      save();
    },
  };
}
