/**
 * How long kept files are kept: until seven days after the last acknowledged
 * byte, and as long as all that take room (whose original is gone, or that are
 * copies) fit the limit. Links of living files take none.
 *
 * At the limit what was acknowledged to its end goes first, the oldest first;
 * then the oldest of the others, whose unread range is declared a gap. One that has
 * lines on their way stays until they have arrived or are to be read again.
 */
import type { KeptStatus } from '../feed.ts';
import { KEPT_AFTER_ACK_MS, RESCAN_MS } from '../../shared/limits.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { Departed } from './departed.ts';
import type { FileTable } from './file-table.ts';
import type { GapLog } from './gap-log.ts';
import type { KeptFiles } from './kept-files.ts';
import { isSettled, scannedEnd, type TailedFile } from './tailed-file.ts';

export interface KeepingDeps {
  table: FileTable;
  kept: KeptFiles;
  gaps: GapLog;
  departed: Departed;
  now(): number;
  exists(path: string): boolean;
  /** Forgets the generation and what is kept of it. */
  drop(file: TailedFile): void;
}

export interface Forgotten {
  path: string;
  /** Room that was freed. */
  bytes: number;
  /** Of what was not sent and can not be read any more; 0 where none of that is lost. */
  lostBytes: number;
  /** Of what was sent and not acknowledged yet: lost if it does not arrive, and then told as a gap. */
  onTheWayBytes: number;
}

export interface Keeping {
  lookEnded(): void;
  /** Releases what is kept of a path or of all below it. What lies there itself stays, and stays followed. */
  forget(path: string): Forgotten[];
  readonly status: KeptStatus;
}

/** Going through all of them at each look is half of its cost, and a week is long. */
const SWEEP_MS = 60 * 60 * 1000;
const NOTHING_LOST = { lostBytes: 0, onTheWayBytes: 0 } as const;

interface Charged {
  file: TailedFile;
  bytes: number;
  since: number;
}

export function createKeeping(deps: KeepingDeps, { limitBytes }: { limitBytes: number }): Keeping {
  return new KeepingRules(deps, limitBytes);
}

/** Nothing of it can come any more: what is lost from `since` on, but for what the collector has. Undefined: nothing. */
export function releasedGap(file: TailedFile, since = file.positions.acknowledged.offset): GapReport | undefined {
  const from = Math.max(since, file.stored?.offset ?? 0);
  if (from >= file.size) return undefined;
  return { gen: file.gen, path: file.path, from, to: file.size, t_from: file.lastTimestamp, t_to: '', reason: 'released' };
}

class KeepingRules implements Keeping {
  readonly #deps: KeepingDeps;
  readonly #limitBytes: number;
  #status: KeptStatus;
  #sweptAt = 0;

  constructor(deps: KeepingDeps, limitBytes: number) {
    this.#deps = deps;
    this.#limitBytes = limitBytes;
    this.#status = { files: 0, bytes: 0, oldestAt: null, limitBytes };
    deps.kept.setRoom(limitBytes);
  }

  get status(): KeptStatus {
    return this.#status;
  }

  lookEnded(): void {
    const now = this.#deps.now();
    const isSweep = Math.abs(now - this.#sweptAt) >= SWEEP_MS;
    if (isSweep) this.#sweptAt = now;
    if (isSweep) this.#releaseMissing();
    if (isSweep || this.#deps.kept.hasCopies) this.#releaseOld();
    const charged = this.#makeRoom(this.#charged());
    this.#deps.kept.setRoom(this.#limitBytes - sum(charged));
    this.#note(charged);
  }

  /** Returns what still takes some. */
  #makeRoom(charged: Charged[]): Charged[] {
    let bytes = sum(charged);
    if (bytes <= this.#limitBytes) return charged;
    for (const { file, bytes: room } of charged.sort(bySacrifice)) {
      if (bytes <= this.#limitBytes) break;
      bytes -= room;
      // What is on its way is not known to be lost, and soon stored, most likely: a later look decides, and nothing younger goes instead.
      if (file.presence === 'present' || !file.positions.hasPending) this.#giveUp(file);
    }
    return charged.filter(({ file }) => this.#deps.kept.get(file.gen) !== undefined);
  }

  #note(charged: readonly Charged[]): void {
    const oldestAt = charged.length === 0 ? null : Math.floor(Math.min(...charged.map(({ since }) => since)));
    this.#status = { files: charged.length, bytes: sum(charged), oldestAt, limitBytes: this.#limitBytes };
  }

  /** Somebody cleared `kept/`, or a part of it: the next look keeps a file that is there again. */
  #releaseMissing(): void {
    const { kept, table } = this.#deps;
    for (const { gen } of [...kept.all()]) {
      if (table.byGeneration(gen)?.presence === 'present' && kept.measure(gen) === undefined) kept.release(gen);
    }
  }

  #releaseOld(): void {
    const { kept, table } = this.#deps;
    const now = this.#deps.now();
    for (const { gen, isCopy } of [...kept.all()]) {
      const file = table.byGeneration(gen);
      if (file === undefined) kept.release(gen);
      else if (file.source === undefined) this.#releaseUnclaimed(file);
      else if (isSettled(file)) {
        file.acknowledgedAt ??= now;
        const isSpent = now - file.acknowledgedAt >= KEPT_AFTER_ACK_MS;
        if (isSpent || (isCopy && file.presence === 'present')) kept.release(gen);
      }
    }
  }

  /** No source reads it: its path is not known any more, or not configured. It waits seven days for one that does. */
  #releaseUnclaimed(file: TailedFile): void {
    const measure = this.#deps.kept.measure(file.gen);
    const since = Math.max(measure?.changedMs ?? 0, file.acknowledgedAt ?? 0);
    if (measure !== undefined && this.#deps.now() - since < KEPT_AFTER_ACK_MS) return;
    const isElsewhere = file.path !== this.#deps.kept.get(file.gen)?.at && this.#deps.exists(file.path);
    if (measure !== undefined && measure.size > file.positions.acknowledged.offset && !isElsewhere) {
      file.size = measure.size;
      const gap = releasedGap(file);
      if (gap !== undefined) this.#deps.gaps.declare(gap);
    }
    this.#deps.kept.release(file.gen);
  }

  /** What takes room. */
  #charged(): Charged[] {
    const { kept, table } = this.#deps;
    const charged: Charged[] = [];
    for (const file of table.all()) {
      if (!this.#isAbsent(file) && !(kept.hasCopies && kept.get(file.gen)?.isCopy === true)) continue;
      const measure = kept.measure(file.gen);
      if (measure !== undefined) charged.push({ file, bytes: measure.roomBytes, since: file.vanishedAt ?? measure.mtimeMs });
    }
    return charged;
  }

  /** Not merely renamed, as far as the looks since tell. */
  #isAbsent({ presence, vanishedAt }: TailedFile): boolean {
    return presence === 'gone' || (presence === 'vanished' && this.#deps.now() - (vanishedAt ?? 0) > 2 * RESCAN_MS);
  }

  /** Returns what of it is lost, or may be. */
  #giveUp(file: TailedFile): Pick<Forgotten, 'lostBytes' | 'onTheWayBytes'> {
    const { kept, gaps, departed, drop } = this.#deps;
    if (file.presence === 'present') {
      kept.release(file.gen);
      return NOTHING_LOST;
    }
    file.size = Math.max(file.size, kept.measure(file.gen)?.size ?? 0);
    // What is on its way may still be acknowledged: the next ledger tells.
    const onTheWayBytes = departed.add(file, 0, 'released');
    const hasUnread = file.gap === null && file.size > scannedEnd(file);
    const gap = hasUnread ? releasedGap(file, file.positions.cursor.offset) : undefined;
    if (gap !== undefined) gaps.declare(gap);
    drop(file);
    return { lostBytes: gap === undefined ? 0 : gap.to - gap.from, onTheWayBytes };
  }

  forget(path: string): Forgotten[] {
    const forgotten: Forgotten[] = [];
    for (const { gen } of [...this.#deps.kept.all()]) {
      const file = this.#deps.table.byGeneration(gen);
      if (file === undefined || (file.path !== path && !file.path.startsWith(`${path}/`))) continue;
      const bytes = this.#deps.kept.measure(gen)?.roomBytes ?? 0;
      const isThere = file.presence === 'present' || (file.presence === 'unseen' && this.#deps.exists(file.path));
      if (isThere) this.#deps.kept.release(gen);
      forgotten.push({ path: file.path, ...(isThere ? { bytes: 0, ...NOTHING_LOST } : { bytes, ...this.#giveUp(file) }) });
    }
    this.#note(this.#charged());
    return forgotten;
  }
}

function bySacrifice(a: Charged, b: Charged): number {
  const aSettled = isSettled(a.file);
  if (aSettled !== isSettled(b.file)) return aSettled ? -1 : 1;
  return a.since - b.since;
}

function sum(charged: readonly Charged[]): number {
  return charged.reduce((total, { bytes }) => total + bytes, 0);
}
