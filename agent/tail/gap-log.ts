/**
 * Bytes that are lost, written down until the collector has surely been told:
 * one line each in `gaps.jsonl`, synced at the end of the turn that declared them,
 * so before any checkpoint that no longer knows their generation.
 *
 * Status frames are not answered. But every connection tells its gaps before its
 * first batch, and again every few seconds: what is acknowledged a minute after
 * a gap was declared came behind a frame that named it. Seven days later it is
 * dropped here; a collector that is set back further than that has lost it.
 */
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, PRIVATE_FILE_MODE, readFileIfExists, writeFileAtomic, writeFully } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { KEPT_AFTER_ACK_MS } from '../../shared/limits.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';

export interface GapLog {
  /** Oldest first, at most 1000. */
  readonly gaps: readonly GapReport[];
  /** Told twice, it is one; a longer one of the same beginning replaces it. */
  declare(gap: GapReport): void;
  /** Lost unless it is stored after all: written down, but told to nobody before `settle`. */
  hold(gap: GapReport): void;
  readonly held: readonly GapReport[];
  /** What was held of a generation was acknowledged. */
  dropHeld(gen: string): void;
  /** How far the collector has each generation. What it has is not lost; the rest of what was held is. */
  settle(stored: ReadonlyMap<string, number>): void;
  /** The bytes turned up after all. */
  withdraw(gen: string): void;
  /** Something was acknowledged. Cheap. */
  acknowledged(): void;
  /** Drops what was told long ago, and tries again what the disk refused. */
  tidy(): void;
  /** Writes what is not written yet. */
  close(): void;
  /** Why it could not be written, in words: what was declared since is forgotten by a restart. */
  readonly problem: string | null;
}

const MOST_GAPS = 1000;
const TOLD_AFTER_MS = 60_000;
const RECORD_VERSION = 1;

const recordSchema = z.object({
  v: z.literal(RECORD_VERSION),
  gen: z.string(), path: z.string(), from: z.number(), to: z.number(), t_from: z.string(), t_to: z.string(),
  reason: z.enum(['truncated', 'released', 'unterminated']),
  declared_at: z.number(),
  told_at: z.number().nullable(),
  /** It was on its way when its file went: whether it is lost, the next ledger tells. */
  is_held: z.boolean().optional(),
});
type GapRecord = z.infer<typeof recordSchema>;

export function openGapLog(directory: string, clock: Pick<Clock, 'now' | 'after'>): GapLog {
  return new WrittenGaps(directory, clock);
}

class WrittenGaps implements GapLog {
  readonly #directory: string;
  readonly #file: string;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  #records: GapRecord[];
  #gaps: readonly GapReport[] = [];
  #held: readonly GapReport[] = [];
  #pending: GapRecord[] = [];
  #cancelFlush: (() => void) | undefined;
  #untold = 0;
  #isDirty = false;
  #problem: string | null = null;

  constructor(directory: string, clock: Pick<Clock, 'now' | 'after'>) {
    this.#directory = directory;
    this.#file = join(directory, 'gaps.jsonl');
    this.#clock = clock;
    this.#records = this.#load();
    this.#changed();
  }

  /** A damaged line costs that line; an unreadable file is said and not written over before the next gap. */
  #load(): GapRecord[] {
    const records: GapRecord[] = [];
    try {
      for (const line of (readFileIfExists(this.#file) ?? '').split('\n')) {
        const record = parseRecord(line);
        if (record !== undefined) merge(records, record);
      }
    } catch (error) {
      this.#problem = `cannot read ${this.#file}: ${messageOf(error)}`;
    }
    return records;
  }

  #changed(): void {
    if (this.#records.length > MOST_GAPS) this.#records = this.#records.slice(-MOST_GAPS);
    const declared = this.#records.filter((record) => record.is_held !== true);
    this.#untold = declared.filter((record) => record.told_at === null).length;
    this.#gaps = declared.map(toReport);
    this.#held = this.#records.filter((record) => record.is_held === true).map(toReport);
  }

  declare(gap: GapReport): void {
    this.#add({ v: RECORD_VERSION, ...gap, declared_at: this.#clock.now(), told_at: null });
  }

  hold(gap: GapReport): void {
    this.#add({ v: RECORD_VERSION, ...gap, declared_at: this.#clock.now(), told_at: null, is_held: true });
  }

  #add(record: GapRecord): void {
    if (!merge(this.#records, record)) return;
    this.#changed();
    this.#pending.push(record);
    this.#cancelFlush ??= this.#clock.after(0, () => this.#flush());
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const pending = this.#pending;
    this.#pending = [];
    if (this.#isDirty) this.#write();
    else if (pending.length > 0) this.#append(pending);
  }

  withdraw(gen: string): void {
    this.#replace(this.#records.filter((record) => record.gen !== gen));
  }

  dropHeld(gen: string): void {
    this.#replace(this.#records.filter((record) => record.gen !== gen || record.is_held !== true));
  }

  settle(stored: ReadonlyMap<string, number>): void {
    const now = this.#clock.now();
    this.#replace(this.#records.flatMap((record) => {
      // Told long ago: the collector has it as it is, and its generation may have gone on behind it.
      if (record.told_at !== null) return [record];
      const from = Math.max(record.from, stored.get(record.gen) ?? 0);
      if (from >= record.to) return [];
      if (record.is_held === true) return [{ ...record, from, is_held: false, declared_at: now }];
      return [from === record.from ? record : { ...record, from }];
    }));
  }

  #replace(records: GapRecord[]): void {
    if (records.length === this.#records.length && records.every((record, at) => record === this.#records[at])) return;
    this.#records = records;
    this.#changed();
    this.#isDirty = true;
    this.#cancelFlush ??= this.#clock.after(0, () => this.#flush());
  }

  acknowledged(): void {
    if (this.#untold === 0) return;
    const now = this.#clock.now();
    for (const record of this.#records) {
      if (record.told_at !== null || record.is_held === true || now - record.declared_at < TOLD_AFTER_MS) continue;
      record.told_at = now;
      this.#untold -= 1;
      this.#isDirty = true;
    }
  }

  tidy(): void {
    const oldest = this.#clock.now() - KEPT_AFTER_ACK_MS;
    const kept = this.#records.filter(({ told_at: told }) => told === null || told > oldest);
    if (kept.length < this.#records.length) {
      this.#records = kept;
      this.#isDirty = true;
      this.#changed();
    }
    this.#flush();
  }

  close(): void {
    this.#flush();
  }

  #append(records: readonly GapRecord[]): void {
    this.#try(() => {
      makePrivateDirectory(this.#directory);
      const fd = openSync(this.#file, 'a', PRIVATE_FILE_MODE);
      try {
        // Behind a newline of its own: whatever a crash left before it stays a line apart.
        writeFully(fd, Buffer.from(records.map((record) => `\n${JSON.stringify(record)}\n`).join('')));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  #write(): void {
    this.#try(() => {
      makePrivateDirectory(this.#directory);
      writeFileAtomic(this.#file, this.#records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    });
  }

  #try(write: () => void): void {
    try {
      write();
      this.#isDirty = false;
      this.#problem = null;
    } catch (error) {
      this.#isDirty = true;
      this.#problem = `cannot write ${this.#file}: ${messageOf(error)}; lost ranges found since would be forgotten by a restart`;
    }
  }

  get gaps(): readonly GapReport[] {
    return this.#gaps;
  }

  get held(): readonly GapReport[] {
    return this.#held;
  }

  get problem(): string | null {
    return this.#problem;
  }
}

function toReport({ gen, path, from, to, t_from, t_to, reason }: GapRecord): GapReport {
  return { gen, path, from, to, t_from, t_to, reason };
}

/** False: it says nothing new. */
function merge(records: GapRecord[], record: GapRecord): boolean {
  const at = records.findIndex(({ gen, from }) => gen === record.gen && from === record.from);
  const known = records[at];
  if (known === undefined) {
    records.push(record);
    return true;
  }
  if (known.to >= record.to) return false;
  records.splice(at, 1);
  records.push(record);
  return true;
}

function parseRecord(line: string): GapRecord | undefined {
  if (line === '') return undefined;
  try {
    const parsed = recordSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
