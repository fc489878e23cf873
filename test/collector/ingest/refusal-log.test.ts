import { describe, expect, it } from 'vitest';
import { createRefusalLog } from '../../../collector/ingest/refusal-log.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const unknown = { ok: false, code: 'unknown_machine', hint: 'join' } as const;
const clone = { ok: false, code: 'unauthorised', hint: 'join again', label: 'devbox' } as const;

function opened() {
  const clock = new ManualClock();
  const lines: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void lines.push(fields) };
  return { clock, lines, refusals: createRefusalLog({ clock, log }) };
}

describe('refused agents', () => {
  it('are told of at once, and then once a minute with a count', () => {
    const { clock, lines, refusals } = opened();
    for (let second = 0; second < 150; second += 10) {
      refusals.refused('127.0.0.1:7071', clone);
      clock.advance(10_000);
    }
    clock.advance(200_000);
    const about = { listener: '127.0.0.1:7071', code: 'unauthorised', hint: 'join again', machine: 'devbox' };
    expect(lines).toEqual([1, 5, 6, 3].map((count) => ({ ...about, count })));
    expect(clock.pendingTimers).toBe(0);
  });

  it('do not hide each other', () => {
    const { lines, refusals } = opened();
    refusals.refused('a', clone);
    refusals.refused('a', { ...clone, label: 'laptop' });
    refusals.refused('a', unknown);
    refusals.refused('b', unknown);
    expect(lines).toMatchObject([{ machine: 'devbox' }, { machine: 'laptop' }, { code: 'unknown_machine', count: 1 }]);
    refusals.close();
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toEqual({ listener: 'b', code: 'unknown_machine', hint: 'join', count: 1 });
  });
});
