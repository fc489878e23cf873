import { describe, expect, it } from 'vitest';
import { createRewinds } from '../../../collector/ingest/rewinds.ts';
import { encodeFrame } from '../../../shared/protocol/codec.ts';
import type { RewindFrame } from '../../../shared/protocol/frames.ts';
import { UNREAD_LIMIT_BYTES } from '../../../collector/ingest/connection.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { genOf } from '../../support/store-fixture.ts';

function opened() {
  const clock = new ManualClock();
  const sent: RewindFrame[] = [];
  return { clock, sent, rewinds: createRewinds({ clock, send: (frame) => sent.push(frame) }) };
}

const files = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ gen: genOf(index), from }));

describe('many files asked for again', () => {
  it('are asked for bit by bit, each once, and never more than a peer may leave unread', () => {
    const { clock, sent, rewinds } = opened();
    rewinds.send(files(50_000), { replace: true });
    let most = 0;
    for (let before = 0; sent.length < 50_000; clock.advance(250)) {
      most = Math.max(most, sent.slice(before).reduce((sum, frame) => sum + encodeFrame(frame).length, 0));
      before = sent.length;
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(UNREAD_LIMIT_BYTES / 100);
    expect(new Set(sent.map(({ gen }) => gen)).size).toBe(50_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it('are asked for as the latest call says', () => {
    const { clock, sent, rewinds } = opened();
    rewinds.send(files(150), { replace: false });
    rewinds.send(files(150, 7).slice(140), { replace: true });
    clock.advance(1000);
    expect(sent).toHaveLength(150);
    expect(sent.at(-1)).toEqual({ type: 'rewind', seq: null, gen: genOf(149), to: 7, replace: true });
  });

  it('are left when the connection is closed', () => {
    const { clock, sent, rewinds } = opened();
    rewinds.send(files(150), { replace: false });
    rewinds.close();
    clock.advance(1000);
    rewinds.send(files(1), { replace: false });
    expect(sent).toHaveLength(100);
  });
});
