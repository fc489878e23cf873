/**
 * What a full look did not meet: renamed, deleted, or on a file system that is
 * not there now. What is kept of it is read on at once, and tried again after
 * each look where that failed. A missing or empty root
 * proves nothing about its files: none of them is given up or forgotten for it.
 */
import type { SourceKind } from '../extraction.ts';
import { KEPT_AFTER_ACK_MS } from '../../shared/limits.ts';
import type { RootState } from './directory-walk.ts';
import type { FileTable } from './file-table.ts';
import type { GapLog } from './gap-log.ts';
import { releasedGap } from './keeping.ts';
import type { KeptFiles } from './kept-files.ts';
import type { Lanes } from './lanes.ts';
import { isAbsent, type Readers } from './readers.ts';
import { isSettled, type TailedFile } from './tailed-file.ts';

export interface AbsencesDeps {
  table: FileTable;
  lanes: Lanes;
  readers: Readers;
  kept: KeptFiles;
  gaps: GapLog;
  now(): number;
  exists(path: string): boolean;
  rootState(root: string): RootState;
  vanish(file: TailedFile): void;
  /** Nothing more can come of this generation: forget it. */
  drop(file: TailedFile): void;
}

/** Longer than a writer keeps a file open that was rotated away. */
const GROWS_FOR_MS = 24 * 60 * 60 * 1000;

export function createAbsences(deps: AbsencesDeps): { lookEnded(lookNumber: number): void } {
  return new AbsentFiles(deps);
}

class AbsentFiles {
  readonly #deps: AbsencesDeps;

  constructor(deps: AbsencesDeps) {
    this.#deps = deps;
  }

  lookEnded(lookNumber: number): void {
    for (const file of [...this.#deps.table.all()]) {
      if (isAbsent(file) && file.problem !== null) this.#tryAgain(file);
      if (file.lookNumber >= lookNumber) continue;
      const isRootThere = this.#isRootThere(file.source, file.path);
      if (!isAbsent(file)) {
        if ((isRootThere || this.#isKept(file)) && this.#hasLeft(file)) this.#deps.vanish(file);
      } else if (isRootThere && file.presence === 'vanished') this.#declareGone(file);
      else if (isRootThere) this.#settleGone(file);
      else this.#followKept(file);
    }
  }

  /** What a look meets, it clears by itself; this one none meets. */
  #tryAgain(file: TailedFile): void {
    file.problem = null;
    if (this.#deps.readers.isHeld(file)) this.#deps.lanes.enqueue(file);
  }

  #isRootThere(source: SourceKind | undefined, path: string): boolean {
    if (source === undefined) return true;
    const roots = source.roots.filter((root) => path === root || path.startsWith(`${root}/`));
    return roots.length > 0 && roots.every((root) => this.#deps.rootState(root) === 'present');
  }

  /** Its path leads nowhere, or to another generation. */
  #hasLeft(file: TailedFile): boolean {
    return this.#deps.table.byPath(file.path) !== file || !this.#deps.exists(file.path);
  }

  #isKept(file: TailedFile): boolean {
    return this.#deps.kept.get(file.gen) !== undefined;
  }

  /** A look that began after the file vanished did not find it under another name. */
  #declareGone(file: TailedFile): void {
    file.presence = 'gone';
    this.#settleGone(file);
  }

  #settleGone(file: TailedFile): void {
    this.#followKept(file);
    const { readers } = this.#deps;
    const isTailWaiting = file.gap === null && file.scannedTo > file.positions.cursor.offset;
    if (!isSettled(file) || isTailWaiting) {
      if (readers.isHeld(file)) this.#deps.lanes.enqueue(file);
      // What is on its way may still be acknowledged.
      else if (!file.positions.hasPending) this.#giveUp(file);
      return;
    }
    readers.close(file);
    const isOld = file.vanishedAt !== null && this.#deps.now() - file.vanishedAt >= KEPT_AFTER_ACK_MS;
    if (isOld && !this.#isKept(file)) this.#deps.drop(file);
  }

  /** A writer that has it open still writes; somebody who cleared `kept/` took it away. */
  #followKept(file: TailedFile): void {
    const { kept, gaps, lanes, now } = this.#deps;
    if (!this.#isKept(file) || (isSettled(file) && now() - (file.vanishedAt ?? 0) > GROWS_FOR_MS)) return;
    const measure = kept.measure(file.gen);
    if (measure === undefined) kept.release(file.gen);
    else if (measure.size > file.size) {
      file.size = measure.size;
      if (file.gap !== null) gaps.withdraw(file.gen);
      file.gap = null;
      lanes.enqueue(file);
    }
  }

  #giveUp(file: TailedFile): void {
    const gap = releasedGap(file);
    if (gap !== undefined) this.#deps.gaps.declare(gap);
    this.#deps.drop(file);
  }
}
