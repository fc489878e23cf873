/**
 * Which gaps the status frames of one connection name. The collector keeps what
 * it was told of, so each is named once: at first those that it may never have
 * been told of, the oldest first, then the others, which it may lack because it was
 * set back. Frames are not answered; but a batch that was sent behind one is taken
 * behind it, so what is acknowledged then was told before.
 */
import type { GapReport } from '../../shared/protocol/frames.ts';

export interface GapTelling {
  /** For the frame that is sent now; `nextSeq`: number of the first batch behind it. Both lists oldest first. */
  next(gaps: { all: readonly GapReport[]; untold: readonly GapReport[] }, nextSeq: number): GapReport[];
  /** A batch was: what is known by it to have been told. Each once. */
  acknowledged(seq: number): GapReport[];
}

/** What a frame may hold. */
const GAPS = 1000;
const GAPS_BYTES = 256 * 1024;

interface Named {
  gap: GapReport;
  /** Of the first batch behind the frame. */
  seq: number;
}

export function createGapTelling(): GapTelling {
  const named = new Set<string>();
  let unanswered: Named[] = [];
  return {
    next({ all, untold }, nextSeq) {
      if (all.length === 0) return [];
      const isNew = (gap: GapReport): boolean => !named.has(keyOf(gap));
      // Then whatever fits, so that a frame without news is the one before it and nothing has to be stored again.
      const taken = asManyAsFit([...untold.filter(isNew), ...all.filter(isNew), ...all.toReversed()]);
      for (const [key, gap] of taken) {
        if (named.has(key)) continue;
        named.add(key);
        unanswered.push({ gap, seq: nextSeq });
      }
      return all.filter((gap) => taken.has(keyOf(gap)));
    },
    acknowledged(seq) {
      if (unanswered.length === 0) return [];
      const told = unanswered.filter((each) => each.seq <= seq);
      unanswered = unanswered.filter((each) => each.seq > seq);
      return told.map(({ gap }) => gap);
    },
  };
}

function asManyAsFit(gaps: readonly GapReport[]): Map<string, GapReport> {
  const taken = new Map<string, GapReport>();
  let bytes = 0;
  for (const gap of gaps) {
    const key = keyOf(gap);
    if (taken.has(key)) continue;
    bytes += Buffer.byteLength(JSON.stringify(gap));
    if (taken.size === GAPS || bytes > GAPS_BYTES) break;
    taken.set(key, gap);
  }
  return taken;
}

/** A gap that has grown is to be told anew. */
function keyOf({ gen, from, to }: GapReport): string {
  return `${gen} ${from} ${to}`;
}
