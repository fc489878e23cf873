/**
 * Generations whose bytes are gone from the disk while slices of them are on
 * their way: cut, written anew or given up after they were read, before the ack. They are
 * lost only if that ack never comes, and nobody could read them a second time.
 * So the gap log holds them until it has come, or until the ledger of another
 * connection tells what was stored; the rest becomes a gap then.
 */
import type { Positions } from '../checkpoint/positions.ts';
import type { SliceReceipt } from '../feed.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';
import type { GapReport } from '../../shared/protocol/frames.ts';
import type { GapLog } from './gap-log.ts';
import type { TailedFile } from './tailed-file.ts';

export interface Departed {
  /** Nobody can read it again, but for its first `intact` bytes, which another generation brings. Returns how many bytes are in doubt. */
  add(file: TailedFile, intact: number, reason: GapReport['reason']): number;
  acknowledge(receipt: SliceReceipt): void;
  /** Something is held. */
  readonly isInDoubt: boolean;
  /** How far the collector has each generation. No ack of what was sent before will come any more. */
  settle(stored: ReadonlyMap<string, number>): void;
  /** Names what is held, with an offset between two bytes, which no ledger has: the collector must tell its own at the next connection. */
  positions(): Iterable<readonly [gen: Generation, offset: number]>;
}

export function createDeparted(gaps: Pick<GapLog, 'hold' | 'held' | 'dropHeld' | 'settle'>): Departed {
  const onTheWay = new Map<Generation, Positions>();
  return {
    add({ gen, path, positions, lastTimestamp, acknowledgedTimestamp }, intact, reason) {
      const from = Math.max(positions.acknowledged.offset, intact);
      const to = positions.cursor.offset;
      if (from >= to) return 0;
      onTheWay.set(gen, positions);
      gaps.hold({ gen, path, from, to, t_from: acknowledgedTimestamp, t_to: lastTimestamp, reason });
      return to - from;
    },
    acknowledge(receipt) {
      const positions = onTheWay.get(receipt.gen);
      if (positions?.acknowledge(receipt) !== true || positions.hasPending) return;
      onTheWay.delete(receipt.gen);
      gaps.dropHeld(receipt.gen);
    },
    get isInDoubt() {
      return gaps.held.length > 0;
    },
    settle(stored) {
      onTheWay.clear();
      gaps.settle(stored);
    },
    *positions() {
      for (const { gen: text, to } of gaps.held) {
        const gen = parseGeneration(text);
        if (gen !== undefined) yield [gen, to + 0.5];
      }
    },
  };
}
