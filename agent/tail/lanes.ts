/**
 * Which file is read next. Live files (grown since the start) take turns; of
 * what was there before, the newest comes first and is read to its end. A file
 * changes lanes only while nothing of it is unacknowledged.
 */
import type { Lane } from '../../shared/protocol/frames.ts';
import { needsRead, type TailedFile } from './tailed-file.ts';

export interface Lanes {
  /** Puts the file into its lane if it has something to read. True when it waits there now. */
  enqueue(file: TailedFile): boolean;
  /** Puts back the file that `next` gave: behind the other live ones, in front of the other old ones. */
  requeue(file: TailedFile): void;
  hasNext(lane: Lane): boolean;
  /** Takes the next file out of the lane. */
  next(lane: Lane): TailedFile | undefined;
  remove(file: TailedFile): void;
}

export function createLanes(): Lanes {
  const live = new Set<TailedFile>();
  const backfill = new Set<TailedFile>();
  /** Oldest first; may hold files that have left `backfill`. */
  let order: TailedFile[] = [];
  let isSorted = true;

  function enqueue(file: TailedFile): boolean {
    if (!needsRead(file)) return false;
    if (file.wantsLive && file.lane === 'backfill') {
      if (file.positions.hasPending) {
        backfill.delete(file);
        return false;
      }
      backfill.delete(file);
      file.lane = 'live';
    }
    file.wantsLive = false;
    if (file.lane === 'live') {
      live.add(file);
      return true;
    }
    if (backfill.has(file)) return true;
    backfill.add(file);
    order.push(file);
    isSorted = false;
    return true;
  }

  function requeue(file: TailedFile): void {
    if (!needsRead(file) || file.wantsLive || file.lane === 'live') {
      enqueue(file);
      return;
    }
    backfill.add(file);
    order.push(file);
  }

  function next(lane: Lane): TailedFile | undefined {
    if (lane === 'live') {
      for (const file of live) {
        live.delete(file);
        return file;
      }
      return undefined;
    }
    if (!isSorted) {
      order = [...backfill].sort((a, b) => a.mtimeMs - b.mtimeMs);
      isSorted = true;
    }
    for (let file = order.pop(); file !== undefined; file = order.pop()) {
      if (backfill.delete(file)) return file;
    }
    return undefined;
  }

  return {
    enqueue,
    requeue,
    hasNext: (lane) => (lane === 'live' ? live : backfill).size > 0,
    next,
    remove: (file) => {
      live.delete(file);
      backfill.delete(file);
    },
  };
}
