import { expect, it } from 'vitest';
import { answered, begun, failed, NEVER_ASKED, pauseBefore, RETRY_MS, type Asked } from '../../../collector/web/asking.ts';

const WISH = { address: '/api/v1/report', stamp: '7', times: 0 };
const LEAST_MS = 1000;

it('what was never asked for is asked for at once, and not twice while it runs', () => {
  expect(pauseBefore(WISH, NEVER_ASKED, 0)).toBe(0);
  expect(pauseBefore(WISH, begun(WISH, 0), 10)).toBe(undefined);
});

it('what was answered is asked for again when its stamp is another, after a rest that is longer the longer the answer took', () => {
  const quick = answered(begun(WISH, 0), LEAST_MS, 10);
  expect(pauseBefore(WISH, quick, 99_000)).toBe(undefined);
  expect(pauseBefore({ ...WISH, stamp: '8' }, quick, 20)).toBe(990);
  expect(pauseBefore({ ...WISH, stamp: '8' }, quick, 99_000)).toBe(0);
  expect(pauseBefore({ ...WISH, stamp: '8' }, answered(begun(WISH, 0), LEAST_MS, 600), 600)).toBe(2400);
  expect(pauseBefore({ ...WISH, stamp: '8' }, answered(begun(WISH, 0), LEAST_MS, 9000), 9000)).toBe(5000);
});

it.each(['7', ''])('what failed is asked for again by itself, also where nothing changes (stamp %j)', (stamp) => {
  const wish = { ...WISH, stamp };
  const last = failed(begun(wish, 0), 100);
  expect(pauseBefore(wish, last, 100)).toBe(RETRY_MS);
  expect(pauseBefore(wish, last, 100 + RETRY_MS)).toBe(0);
  expect(pauseBefore(wish, answered(begun(wish, 100 + RETRY_MS), LEAST_MS, 6000), 99_000)).toBe(undefined);
});

it('what is not answered in time is asked for again later each time, up to a minute, until there is an answer or another failure', () => {
  const pauses = (last: Asked, failures: readonly boolean[]): number[] => failures.map((isTimeOut) => {
    last = failed(begun(WISH, 0, last), 0, isTimeOut);
    return pauseBefore(WISH, last, 0) ?? NaN;
  });
  expect(pauses(NEVER_ASKED, [true, true, true, true, true, true, false, true])).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000, 5000, 5000]);
  const late = failed(begun(WISH, 0), 0, true);
  expect(pauses(answered(begun(WISH, 0, late), LEAST_MS, 0), [true])).toEqual([5000]);
  // How another question fared says nothing of this one.
  expect(pauses({ ...late, address: '/api/v1/streams' }, [true])).toEqual([5000]);
});

it('another address, and what somebody wants at once, waits for nothing', () => {
  for (const last of [begun(WISH, 0), answered(begun(WISH, 0), LEAST_MS, 10), failed(begun(WISH, 0), 10)]) {
    expect(pauseBefore({ ...WISH, address: '/api/v1/streams' }, last, 10)).toBe(0);
    expect(pauseBefore({ ...WISH, times: 1 }, last, 10)).toBe(0);
  }
});
