import { beforeEach, expect, it } from 'vitest';
import type { Question } from '../../../collector/answers/questions.ts';
import { createLiveAnswers, type LiveAnswers } from '../../../collector/http/live-answers.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let clock: ManualClock;
let asked: string[];
let answer: (question: Question) => string;
let tookMs: number;
let told: number;
let live: LiveAnswers;
beforeEach(() => {
  clock = new ManualClock();
  [asked, told, tookMs, answer] = [[], 0, 0, ({ ask }) => `"${ask}"`];
  live = createLiveAnswers({
    clock, log: silentLog, timezone: 'UTC',
    answers: {
      async ask(question) {
        asked.push(question.ask);
        if (tookMs > 0) await new Promise<void>((resolve) => void clock.after(tookMs, resolve));
        return answer(question);
      },
    },
  });
  live.onChange(() => (told += 1));
});

/** Lets what was asked be answered. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise(setImmediate);
}
const countOf = (ask: string): number => asked.filter((each) => each === ask).length;

it('asks nothing until somebody looks on', async () => {
  await pass(60_000);
  expect(asked).toEqual([]);
  live.refresh();
  await pass(0);
  expect(asked).toEqual(['waiting', 'working', 'numbers']);
  expect(live.topics().map(({ name, version, text }) => [name, version, text])).toEqual([
    ['waiting', 1, '"waiting"'], ['working', 1, '"working"'], ['numbers', 1, '"numbers"'],
  ]);
});

it('asks at most four times a second however much changes, for sums every five seconds', async () => {
  for (let ms = 0; ms < 10_000; ms += 50) {
    live.refresh();
    await pass(50);
  }
  expect(countOf('waiting')).toBeGreaterThan(30);
  expect(countOf('waiting')).toBeLessThanOrEqual(41);
  expect(countOf('numbers')).toBe(2);
});

it('asks less often what takes long', async () => {
  tookMs = 400;
  for (let ms = 0; ms < 12_000; ms += 50) {
    live.refresh();
    await pass(50);
  }
  expect(countOf('waiting')).toBeLessThanOrEqual(16);
  // Eight seconds between the sums.
  expect(countOf('numbers')).toBe(2);
});

it('one slow answer does not keep who looks on waiting', async () => {
  tookMs = 3000;
  live.refresh();
  await pass(0);
  await pass(3000);
  tookMs = 0;
  live.refresh();
  await pass(500);
  expect(countOf('waiting')).toBe(2);
});

it('a change during the answer is asked again', async () => {
  live.refresh();
  clock.advance(0);
  live.refresh();
  await pass(0);
  await pass(250);
  expect(countOf('waiting')).toBe(2);
});

it('tells of what changed, not of time that passed', async () => {
  let waitedMs = 1000;
  answer = ({ ask }) => (ask === 'waiting' ? `{"waiting":[{"session":"s","waited_ms":${waitedMs}}]}` : '1');
  live.refresh();
  await pass(0);
  expect(told).toBe(3);
  waitedMs = 2000;
  live.refresh();
  await pass(250);
  expect(told).toBe(3);
  answer = ({ ask }) => (ask === 'waiting' ? '{"waiting":[]}' : '1');
  live.refresh();
  await pass(250);
  expect([told, live.topics()[0]!.version]).toEqual([4, 2]);
});

it('what cannot be answered now is answered later', async () => {
  answer = () => {
    throw new Error('SQLITE_BUSY');
  };
  live.refresh();
  await pass(0);
  expect(live.topics()).toEqual([]);
  answer = () => '1';
  live.refresh();
  await pass(250);
  await pass(5000);
  expect(live.topics()).toHaveLength(3);
});
