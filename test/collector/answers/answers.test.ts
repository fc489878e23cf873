import { beforeEach, expect, it } from 'vitest';
import { createAnswers, IDLE_MS, QUESTIONS_AT_ONCE, type Answers, type AnswersChannel } from '../../../collector/answers/answers.ts';
import type { Answered, Asked } from '../../../collector/answers/questions.ts';
import { ManualClock } from '../../support/manual-clock.ts';

interface Thread {
  asked: Asked[];
  answer(answer: Answered): void;
  exit(error?: Error): void;
  isTold: boolean;
  isTerminated: boolean;
}

let threads: Thread[];
let answers: Answers;
let clock: ManualClock;
beforeEach(() => {
  threads = [];
  clock = new ManualClock();
  answers = createAnswers({ clock, start, present: () => ({ nowMs: 0, machines: [] }) });
});

function start(): AnswersChannel {
  let onMessage: (answer: Answered) => void = () => {};
  let onExit: (error: Error | undefined) => void = () => {};
  const thread: Thread = { asked: [], answer: (answer) => onMessage(answer), exit: (error) => onExit(error), isTold: false, isTerminated: false };
  threads.push(thread);
  return {
    post: (message) => {
      if (message === 'close') thread.isTold = true;
      else thread.asked.push(message);
    },
    onMessage: (listener) => (onMessage = listener),
    onExit: (listener) => (onExit = listener),
    terminate: () => (thread.isTerminated = true),
  };
}

const asks = (thread: Thread | undefined): string[] => thread?.asked.map(({ question }) => question.ask) ?? [];

it('starts no thread until something is asked', async () => {
  await answers.close();
  expect(threads).toEqual([]);
});

it('asks one at a time, in order', async () => {
  const asked = [answers.ask({ ask: 'streams', isAll: true }), answers.ask({ ask: 'sessions', query: {} }), answers.ask({ ask: 'waiting' })];
  expect(asks(threads[0])).toEqual(['streams']);
  for (const text of ['1', '2', '3']) threads[0]!.answer({ ok: true, text });
  expect(asks(threads[0])).toEqual(['streams', 'sessions', 'waiting']);
  expect(await Promise.all(asked)).toEqual(['1', '2', '3']);
});

it('lets the thread end when nothing was asked for a while, and starts another', async () => {
  for (const index of [0, 1]) {
    const answer = answers.ask({ ask: 'waiting' });
    expect(threads).toHaveLength(index + 1);
    clock.advance(IDLE_MS);
    expect(threads[index]!.isTold).toBe(false);
    threads[index]!.answer({ ok: true, text: '1' });
    await answer;
    clock.advance(IDLE_MS);
    expect(threads[index]!.isTold).toBe(true);
  }
  // The first ends only now: nobody is left without an answer because of it.
  const last = answers.ask({ ask: 'waiting' });
  threads[0]!.exit();
  threads[2]!.answer({ ok: true, text: '3' });
  expect(await last).toBe('3');
});

it('hands errors on, usage as usage, and what may go well the next time as that', async () => {
  const [wrong, broken, busy] = [answers.ask({ ask: 'waiting' }), answers.ask({ ask: 'waiting' }), answers.ask({ ask: 'waiting' })];
  threads[0]!.answer({ ok: false, code: 'usage', message: 'm', hint: 'h', isUsage: true, isRetryable: false });
  threads[0]!.answer({ ok: false, code: 'internal', message: 'm', hint: 'h', isUsage: false, isRetryable: false });
  threads[0]!.answer({ ok: false, code: 'not_now', message: 'm', hint: 'h', isUsage: false, isRetryable: true });
  await expect(wrong).rejects.toMatchObject({ code: 'usage', hint: 'h', exitCode: 2 });
  await expect(broken).rejects.toMatchObject({ code: 'internal', exitCode: 1, retryable: false });
  await expect(busy).rejects.toMatchObject({ code: 'not_now', exitCode: 1, retryable: true });
});

it('a thread that ended fails what it was asked; the next question goes to a new one', async () => {
  const [first, second] = [answers.ask({ ask: 'waiting' }), answers.ask({ ask: 'working' })];
  threads[0]!.exit(new Error('out of memory'));
  await expect(first).rejects.toMatchObject({ code: 'answers_gone', message: 'the thread that answers ended: out of memory', retryable: true });
  threads[1]!.answer({ ok: true, text: '1' });
  expect(await second).toBe('1');
});

it('a question that can not be asked fails alone: those behind it are asked', async () => {
  let isReadable = true;
  const failing = createAnswers({
    clock, start, present: () => {
      if (isReadable) return { nowMs: 0, machines: [] };
      isReadable = true;
      throw new Error('SQLITE_IOERR');
    },
  });
  const [first, second, third] = [failing.ask({ ask: 'waiting' }), failing.ask({ ask: 'working' }), failing.ask({ ask: 'streams', isAll: true })];
  isReadable = false;
  threads[0]!.answer({ ok: true, text: '1' });
  expect(await first).toBe('1');
  await expect(second).rejects.toMatchObject({ code: 'answers_gone', message: expect.stringContaining('SQLITE_IOERR') as string, retryable: true });
  expect(asks(threads[0])).toEqual(['waiting', 'streams']);
  threads[0]!.answer({ ok: true, text: '3' });
  expect(await third).toBe('3');
});

it('what nobody waits for any more is not asked, and takes no place; what is being answered is answered', async () => {
  const leaving = Array.from({ length: 1 + QUESTIONS_AT_ONCE }, () => new AbortController());
  const [first, ...given] = leaving.map(({ signal }) => answers.ask({ ask: 'waiting' }, signal));
  for (const each of leaving) each.abort();
  for (const each of given) await expect(each).rejects.toMatchObject({ code: 'given_up', retryable: true });
  await expect(answers.ask({ ask: 'waiting' }, AbortSignal.abort())).rejects.toMatchObject({ code: 'given_up' });
  const last = answers.ask({ ask: 'working' });
  threads[0]!.answer({ ok: true, text: '1' });
  threads[0]!.answer({ ok: true, text: '2' });
  expect([await first, await last, asks(threads[0])]).toEqual(['1', '2', ['waiting', 'working']]);
});

it('refuses more than it can remember', async () => {
  const kept = Array.from({ length: QUESTIONS_AT_ONCE + 1 }, () => answers.ask({ ask: 'waiting' }));
  for (const each of kept) each.catch(() => {});
  await expect(answers.ask({ ask: 'waiting' })).rejects.toMatchObject({ code: 'busy', retryable: true });
});

it('closing lets an idle thread end by itself, and waits for it', async () => {
  const answer = answers.ask({ ask: 'waiting' });
  threads[0]!.answer({ ok: true, text: '1' });
  await answer;
  let isClosed = false;
  const closed = answers.close().then(() => (isClosed = true));
  expect([threads[0]!.isTold, threads[0]!.isTerminated, isClosed]).toEqual([true, false, false]);
  threads[0]!.exit();
  await closed;
  await expect(answers.ask({ ask: 'waiting' })).rejects.toMatchObject({ code: 'shutting_down' });
});

it('closing gives up what is being answered', async () => {
  const [first, second] = [answers.ask({ ask: 'waiting' }), answers.ask({ ask: 'working' })];
  const closed = answers.close();
  await expect(second).rejects.toMatchObject({ code: 'shutting_down' });
  expect(threads[0]!.isTerminated).toBe(true);
  threads[0]!.exit();
  await expect(first).rejects.toMatchObject({ code: 'shutting_down' });
  await closed;
  expect(threads).toHaveLength(1);
});
