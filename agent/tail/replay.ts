/**
 * Going back: to the checkpoints when a connection is gone, to the collector's
 * ledger when it knows less than we, to any offset when it asks. Reading twice
 * is always safe; a lowered checkpoint is on disk before the promise resolves. On
 * a disk that refuses it holds in memory only, and the store says so: after a
 * restart the digests differ, and the ledger lowers it again.
 */
import type { CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { Mark } from '../checkpoint/positions.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';
import type { Position } from '../../shared/protocol/frames.ts';
import type { Departed } from './departed.ts';
import type { DrainedLooks } from './drained-looks.ts';
import type { FileAccess } from './file-access.ts';
import type { FileTable } from './file-table.ts';
import { readRange, readTailHash } from './generation.ts';
import type { Lanes } from './lanes.ts';
import type { KeptFiles } from './kept-files.ts';
import type { Looks } from './looks.ts';
import { isAbsent, type Readers } from './readers.ts';
import { START, type TailedFile } from './tailed-file.ts';

export interface ReplayDeps {
  files: FileAccess;
  table: FileTable;
  lanes: Lanes;
  readers: Readers;
  kept: KeptFiles;
  store: CheckpointStore;
  looks: Looks;
  drained: DrainedLooks;
  departed: Departed;
  drop(file: TailedFile): void;
  lookNow(): void;
}

export interface Replay {
  resync(): boolean;
  settle(ledger: readonly Position[]): Promise<Generation[]>;
  rewind(gen: Generation, to: number, options: { replace: boolean }): Promise<void>;
  reset(gen: Generation): Promise<void>;
}

const NEWLINE = 10;

export function createReplay(deps: ReplayDeps): Replay {
  return new FileReplay(deps);
}

class FileReplay implements Replay {
  readonly #deps: ReplayDeps;

  constructor(deps: ReplayDeps) {
    this.#deps = deps;
  }

  resync(): boolean {
    for (const file of this.#deps.table.all()) {
      if (!file.positions.hasPending) continue;
      file.positions.forget();
      this.#readAgain(file);
    }
    return this.#deps.departed.isInDoubt;
  }

  /** Also where nothing is left to read: it may have been cut, and have grown to where we know it, since that was stored. */
  #compareAgain(file: TailedFile): void {
    file.verifiedMtimeMs = Number.NaN;
    this.#deps.lanes.enqueue(file);
  }

  #readAgain(file: TailedFile): void {
    file.scannedTo = 0;
    file.gap = null;
    file.verifiedMtimeMs = Number.NaN;
    this.#deps.lanes.remove(file);
    if (file.presence === 'present' || this.#deps.readers.isHeld(file)) this.#deps.lanes.enqueue(file);
  }

  #isLost(file: TailedFile): boolean {
    return isAbsent(file) && !this.#deps.readers.isHeld(file);
  }

  /** The mark at an offset below the checkpoint; the beginning where the bytes cannot be read or no line begins there. */
  #markAt(file: TailedFile, offset: number): Mark {
    const path = isAbsent(file) ? this.#deps.kept.get(file.gen)?.at : file.path;
    const bytes = offset === 0 ? undefined : this.#deps.readers.borrow(file, path, (fd) => ({
      last: readRange(this.#deps.files, fd, offset - 1, offset)?.[0],
      tail: readTailHash(this.#deps.files, fd, offset),
    }));
    if (bytes?.tail === undefined || bytes.last !== NEWLINE) return START;
    return { offset, tail: bytes.tail, carry: null };
  }

  #lower(file: TailedFile, mark: Mark): void {
    file.positions.lower(mark);
    file.lane = 'backfill';
    this.#deps.store.mark(file.gen);
    this.#readAgain(file);
  }

  async settle(ledger: readonly Position[]): Promise<Generation[]> {
    this.resync();
    this.#deps.departed.settle(new Map(ledger.map(([gen, offset]) => [gen, offset])));
    const known = new Map(ledger.map((position) => [position[0], position]));
    let hasLowered = false;
    for (const file of [...this.#deps.table.all()]) {
      const ours = file.positions.acknowledged;
      const [, offset, tail] = known.get(file.gen) ?? [file.gen, 0, ''];
      known.delete(file.gen);
      file.stored = offset > ours.offset ? { offset, tail } : null;
      if (file.stored !== null) this.#compareAgain(file);
      if (ours.offset === 0 || offset > ours.offset || (offset === ours.offset && tail === ours.tail)) continue;
      hasLowered = true;
      // The next look declares a gap from there on.
      const mark = offset > 0 && this.#isLost(file) ? { offset, tail, carry: null } : this.#markAt(file, offset);
      if (offset > 0 && mark.tail !== tail) this.#replace(file);
      else this.#lower(file, mark);
    }
    if (hasLowered) {
      this.#deps.drained.restart();
      await this.#deps.store.flush();
      this.#deps.lookNow();
    }
    return [...known.keys()].map(parseGeneration).filter((gen) => gen !== undefined);
  }

  async rewind(gen: Generation, to: number, { replace: isReplaced }: { replace: boolean }): Promise<void> {
    const file = this.#deps.table.byGeneration(gen);
    // What the collector has of it stays; to go back where nothing can be read would declare it lost.
    if (file === undefined || (isReplaced && this.#isLost(file))) return;
    const ours = file.positions.acknowledged;
    // All that is there: after a restart the collector may have stored more than we know of.
    if (isReplaced) file.replaceUntil = Math.max(file.replaceUntil, file.positions.cursor.offset, file.size);
    if (to < ours.offset) this.#lower(file, this.#markAt(file, to));
    else {
      file.positions.forget();
      this.#readAgain(file);
    }
    this.#deps.store.mark(gen);
    if (!isReplaced && to < ours.offset) {
      this.#deps.drained.restart();
      this.#deps.lookNow();
    }
    await this.#deps.store.flush();
  }

  /** Same file, new generation; what no longer exists is only forgotten. */
  #replace(file: TailedFile): void {
    if (this.#isLost(file)) this.#deps.drop(file);
    else this.#deps.looks.renewGeneration(file);
  }

  async reset(gen: Generation): Promise<void> {
    const file = this.#deps.table.byGeneration(gen);
    if (file === undefined) return;
    this.#replace(file);
    await this.#deps.store.flush();
  }
}
