/**
 * Bytes that are lost, written down until the collector has surely been told:
 * one line each in `gaps.jsonl`, synced at the end of the turn that declared them
 * at the latest. No checkpoint is written before (`flush`), so none that no longer
 * knows their generation is on disk without them.
 *
 * Status frames are not answered. But what is acknowledged behind one that named
 * a gap came to a collector that had it: then it is told, and seven days later
 * dropped here. A collector that is set back further than that has lost it. Of
 * more than 10,000 those that were told go first; of others only a count is kept.
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
  /** Oldest first, at most 10,000. */
  readonly gaps: readonly GapReport[];
  /** Those of them that were not told yet. */
  readonly untold: readonly GapReport[];
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
  /** The collector knows of exactly these. */
  told(gaps: readonly GapReport[]): void;
  /** Drops what was told long ago, writes down what was told, and tries again what the disk refused. */
  tidy(): void;
  /** Writes the lost ranges that are not written yet. False: the disk refuses them. */
  flush(): boolean;
  /** From now on nothing is written: the file is another agent's. */
  disown(): void;
  /** Why it could not be written, or what of it is forgotten, in words. */
  readonly problem: string | null;
}

const MOST_GAPS = 10_000;
/** At once, so that the file is not written anew for each. */
const FORGOTTEN_AT_ONCE = 1000;
const RECORD_VERSION = 1;
const FORGETS = 'lost ranges found since would be forgotten by a restart';
const TELLS_TWICE = 'after a restart some lost ranges would be told again, which does no harm';

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

/** How many that nobody was told of had to make room. */
const forgottenSchema = z.object({ v: z.literal(RECORD_VERSION), forgotten: z.number(), told_at: z.number().nullable() });
type Forgotten = z.infer<typeof forgottenSchema>;

interface Views {
  gaps: readonly GapReport[];
  untold: readonly GapReport[];
  held: readonly GapReport[];
}

export function openGapLog(directory: string, clock: Pick<Clock, 'now' | 'after'>): GapLog {
  return new WrittenGaps(directory, clock);
}

class WrittenGaps implements GapLog {
  readonly #directory: string;
  readonly #file: string;
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  /** By generation and beginning, oldest first. */
  #records = new Map<string, GapRecord>();
  #forgotten: Forgotten | null = null;
  #views: Views | undefined;
  #pending: GapRecord[] = [];
  #cancelFlush: (() => void) | undefined;
  /** The file lacks something that no restart may forget. */
  #isBehind = false;
  /** It only does not say that something was told. To tell a thing twice does no harm, so no checkpoint waits for it. */
  #isStale = false;
  #isDisowned = false;
  #problem: string | null = null;

  constructor(directory: string, clock: Pick<Clock, 'now' | 'after'>) {
    this.#directory = directory;
    this.#file = join(directory, 'gaps.jsonl');
    this.#clock = clock;
    this.#load();
  }

  /** A damaged line costs that line; an unreadable file is said and not written over before the next gap. */
  #load(): void {
    try {
      for (const line of (readFileIfExists(this.#file) ?? '').split('\n')) {
        const value = parseLine(line);
        const record = recordSchema.safeParse(value);
        if (record.success) this.#merge(record.data);
        else this.#forgotten = forgottenSchema.safeParse(value).data ?? this.#forgotten;
      }
    } catch (error) {
      this.#problem = `cannot read ${this.#file}: ${messageOf(error)}`;
    }
    this.#makeRoom();
  }

  declare(gap: GapReport): void {
    this.#add({ v: RECORD_VERSION, ...gap, declared_at: this.#clock.now(), told_at: null });
  }

  hold(gap: GapReport): void {
    this.#add({ v: RECORD_VERSION, ...gap, declared_at: this.#clock.now(), told_at: null, is_held: true });
  }

  #add(record: GapRecord): void {
    if (!this.#merge(record)) return;
    this.#makeRoom();
    this.#pending.push(record);
    this.#flushSoon();
  }

  /** False: it says nothing new. */
  #merge(record: GapRecord): boolean {
    const key = keyOf(record);
    const known = this.#records.get(key);
    if (known !== undefined && known.to >= record.to) return false;
    this.#records.delete(key);
    this.#records.set(key, record);
    this.#views = undefined;
    return true;
  }

  #makeRoom(): void {
    if (this.#records.size <= MOST_GAPS) return;
    this.#views = undefined;
    for (const [key, { told_at: told }] of this.#records) {
      if (told !== null) this.#records.delete(key);
      if (this.#records.size <= MOST_GAPS) return;
    }
    const oldest = [...this.#records.keys()].slice(0, this.#records.size - MOST_GAPS + FORGOTTEN_AT_ONCE);
    for (const key of oldest) this.#records.delete(key);
    this.#forgotten = { v: RECORD_VERSION, forgotten: (this.#forgotten?.forgotten ?? 0) + oldest.length, told_at: null };
    this.#isBehind = true;
  }

  #flushSoon(): void {
    this.#cancelFlush ??= this.#clock.after(0, () => void this.flush());
  }

  flush(): boolean {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#isDisowned) return false;
    const pending = this.#pending;
    this.#pending = [];
    if (this.#isBehind) this.#isBehind = !this.#write(FORGETS);
    else if (pending.length > 0) this.#isBehind = !this.#append(pending);
    return !this.#isBehind;
  }

  disown(): void {
    this.#isDisowned = true;
  }

  withdraw(gen: string): void {
    this.#replace([...this.#records.values()].filter((record) => record.gen !== gen));
  }

  dropHeld(gen: string): void {
    this.#replace([...this.#records.values()].filter((record) => record.gen !== gen || record.is_held !== true));
  }

  settle(stored: ReadonlyMap<string, number>): void {
    const now = this.#clock.now();
    this.#replace([...this.#records.values()].flatMap((record) => {
      // Told already: the collector has it as it is, and its generation may have gone on behind it.
      if (record.told_at !== null) return [record];
      const from = Math.max(record.from, stored.get(record.gen) ?? 0);
      if (from >= record.to) return [];
      if (record.is_held === true) return [{ ...record, from, is_held: false, declared_at: now }];
      return [from === record.from ? record : { ...record, from }];
    }));
  }

  #replace(records: readonly GapRecord[]): void {
    const known = [...this.#records.values()];
    if (records.length === known.length && records.every((record, at) => record === known[at])) return;
    this.#records = new Map();
    for (const record of records) this.#merge(record);
    this.#views = undefined;
    this.#isBehind = true;
    this.#flushSoon();
  }

  told(gaps: readonly GapReport[]): void {
    const now = this.#clock.now();
    for (const gap of gaps) {
      const record = this.#records.get(keyOf(gap));
      if (record === undefined || record.to !== gap.to || record.told_at !== null || record.is_held === true) continue;
      record.told_at = now;
      this.#changed();
    }
    if (gaps.length === 0 || this.#forgotten === null || this.#forgotten.told_at !== null) return;
    this.#forgotten.told_at = now;
    this.#changed();
  }

  /** Written by the next `tidy`. */
  #changed(): void {
    this.#views = undefined;
    this.#isStale = true;
  }

  tidy(): void {
    const oldest = this.#clock.now() - KEPT_AFTER_ACK_MS;
    const isOver = ({ told_at: told }: Pick<GapRecord, 'told_at'>): boolean => told !== null && told <= oldest;
    for (const [key, record] of this.#records) {
      if (!isOver(record)) continue;
      this.#records.delete(key);
      this.#changed();
    }
    if (this.#forgotten !== null && isOver(this.#forgotten)) {
      this.#forgotten = null;
      this.#changed();
    }
    if (this.flush() && this.#isStale) this.#write(TELLS_TWICE);
  }

  #append(records: readonly GapRecord[]): boolean {
    return this.#try(FORGETS, () => {
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

  #write(cost: string): boolean {
    return this.#try(cost, () => {
      makePrivateDirectory(this.#directory);
      const lines = [...(this.#forgotten === null ? [] : [this.#forgotten]), ...this.#records.values()];
      writeFileAtomic(this.#file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      this.#isStale = false;
    });
  }

  /** False: it failed, and a restart before it succeeds has this cost. */
  #try(cost: string, write: () => void): boolean {
    try {
      write();
      this.#problem = null;
      return true;
    } catch (error) {
      this.#problem = `cannot write ${this.#file}: ${messageOf(error)}; ${cost}`;
      return false;
    }
  }

  /** Made when somebody asks: ten thousand files may be given up in one look. */
  get #view(): Views {
    if (this.#views !== undefined) return this.#views;
    const records = [...this.#records.values()];
    const declared = records.filter((record) => record.is_held !== true);
    this.#views = {
      gaps: declared.map(toReport),
      untold: declared.filter((record) => record.told_at === null).map(toReport),
      held: records.filter((record) => record.is_held === true).map(toReport),
    };
    return this.#views;
  }

  get gaps(): readonly GapReport[] {
    return this.#view.gaps;
  }

  get untold(): readonly GapReport[] {
    return this.#view.untold;
  }

  get held(): readonly GapReport[] {
    return this.#view.held;
  }

  get problem(): string | null {
    const forgotten = this.#forgotten === null ? [] : [
      `${this.#forgotten.forgotten} lost ranges were forgotten before the collector could be told of them: more than ${MOST_GAPS} waited`,
    ];
    const problems = [...(this.#problem === null ? [] : [this.#problem]), ...forgotten];
    return problems.length === 0 ? null : problems.join('; ');
  }
}

function keyOf({ gen, from }: Pick<GapReport, 'gen' | 'from'>): string {
  return `${gen} ${from}`;
}

function toReport({ gen, path, from, to, t_from, t_to, reason }: GapRecord): GapReport {
  return { gen, path, from, to, t_from, t_to, reason };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
