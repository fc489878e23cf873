/**
 * What a full look did not meet: renamed, deleted, or on a file system that is
 * not there now. A missing or empty root proves nothing about its files.
 */
import type { SourceKind } from '../extraction.ts';
import { KEPT_AFTER_ACK_MS } from '../../shared/limits.ts';
import type { RootState } from './directory-walk.ts';
import type { FileTable } from './file-table.ts';
import type { Lanes } from './lanes.ts';
import type { Readers } from './readers.ts';
import { isSettled, type TailedFile } from './tailed-file.ts';

export interface AbsencesDeps {
  table: FileTable;
  lanes: Lanes;
  readers: Readers;
  now(): number;
  exists(path: string): boolean;
  rootState(root: string): RootState;
  vanish(file: TailedFile): void;
  /** Nothing more can come of this generation: forget it. */
  prune(file: TailedFile): void;
  givenUp(file: TailedFile): void;
}

export function createAbsences(deps: AbsencesDeps): { lookEnded(lookNumber: number): void } {
  const { lanes, readers } = deps;

  function isRootThere(source: SourceKind | undefined, path: string): boolean {
    if (source === undefined) return true;
    const roots = source.roots.filter((root) => path === root || path.startsWith(`${root}/`));
    return roots.length > 0 && roots.every((root) => deps.rootState(root) === 'present');
  }

  /** A look that began after the file vanished did not find it under another name. */
  function declareGone(file: TailedFile): void {
    file.presence = 'gone';
    if (readers.has(file)) {
      lanes.enqueue(file);
      return;
    }
    if (!isSettled(file)) giveUp(file);
  }

  function giveUp(file: TailedFile): void {
    file.gap = {
      gen: file.gen, path: file.path, from: file.positions.acknowledged.offset, to: file.size,
      t_from: file.lastTimestamp, t_to: '', reason: 'released',
    };
    file.positions.forget();
    lanes.remove(file);
    deps.givenUp(file);
  }

  function settleGone(file: TailedFile): void {
    if (!isSettled(file)) {
      if (!readers.has(file)) giveUp(file);
      return;
    }
    readers.close(file);
    if (file.vanishedAt !== null && deps.now() - file.vanishedAt >= KEPT_AFTER_ACK_MS) deps.prune(file);
  }

  return {
    lookEnded: (lookNumber) => {
      for (const file of [...deps.table.all()]) {
        if (file.lookNumber >= lookNumber || !isRootThere(file.source, file.path)) continue;
        if (file.presence === 'gone') settleGone(file);
        else if (file.presence === 'vanished') declareGone(file);
        else if (!deps.exists(file.path)) deps.vanish(file);
      }
    },
  };
}
