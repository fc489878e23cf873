/**
 * What the live page shows beside the status (who waits, who works, the day's
 * numbers), asked anew while somebody looks on: after a change, and now and then
 * because time alone changes it (a quiet session, a new day).
 */
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { Answers } from '../answers/answers.ts';
import type { Question } from '../answers/questions.ts';

/** `event` of the messages that carry them. */
export type TopicName = 'waiting' | 'working' | 'numbers';

export interface Topic {
  name: TopicName;
  /** Another one each time it changes. */
  version: number;
  /** The JSON document. */
  text: string;
}

export interface LiveAnswers {
  /** What was answered last. */
  topics(): readonly Topic[];
  /** Something changed that they may show. Cheap. */
  refresh(): void;
  /** Called after a topic changed. */
  onChange(listener: () => void): void;
  close(): void;
}

export interface LiveAnswersDeps {
  clock: Pick<Clock, 'monotonic' | 'after'>;
  log: Log;
  answers: Pick<Answers, 'ask'>;
  timezone: string;
}

interface Interval {
  leastMs: number;
  /** After an answer the thread rests so many times as long as that took, ... */
  share: number;
  /** ... at most so long: one slow answer, as the first, is no reason to leave a person waiting. */
  mostMs: number;
}

const QUICK: Interval = { leastMs: 250, share: 1, mostMs: 500 };
/** Sums of two days: nobody sees a second of them. */
const SLOW: Interval = { leastMs: 5000, share: 20, mostMs: 20_000 };

interface Asking {
  refresh(): void;
  close(): void;
}

export function createLiveAnswers({ clock, log, answers, timezone }: LiveAnswersDeps): LiveAnswers {
  const topics = new Map<TopicName, Topic>();
  let listener: () => void = () => {};
  const keep = (name: TopicName, question: Question, interval: Interval): Asking => askRepeatedly({
    clock, interval,
    async ask() {
      try {
        const text = await answers.ask(question);
        const known = topics.get(name);
        if (known && withoutAges(known.text) === withoutAges(text)) return;
        topics.set(name, { name, text, version: (known?.version ?? 0) + 1 });
        listener();
      } catch (error) {
        log.warn({ topic: name, error: messageOf(error) }, 'the live page could not be told');
      }
    },
  });
  const asking = [keep('waiting', { ask: 'waiting' }, QUICK), keep('working', { ask: 'working' }, QUICK), keep('numbers', { ask: 'numbers', timezone }, SLOW)];
  return {
    topics: () => [...topics.values()],
    refresh: () => asking.forEach((each) => each.refresh()),
    onChange: (told) => void (listener = told),
    close: () => asking.forEach((each) => each.close()),
  };
}

/** How long something has lasted, whoever shows it reckons anew all the time. */
function withoutAges(text: string): string {
  return text.replace(/"waited_ms":\d+/g, '');
}

/** One at a time; whoever comes while it runs, or too soon, is served by the next. */
function askRepeatedly({ clock, interval, ask }: { clock: LiveAnswersDeps['clock']; interval: Interval; ask(): Promise<void> }): Asking {
  let state: 'idle' | 'waiting' | 'running' | 'stale' | 'closed' = 'idle';
  let notBefore = -Infinity;
  let cancel: (() => void) | undefined;
  const isClosed = (): boolean => state === 'closed';
  const run = async (): Promise<void> => {
    state = 'running';
    const started = clock.monotonic();
    await ask();
    const took = clock.monotonic() - started;
    notBefore = clock.monotonic() + Math.max(interval.leastMs, Math.min(took * interval.share, interval.mostMs));
    if (isClosed()) return;
    const isStale = state !== 'running';
    state = 'idle';
    if (isStale) refresh();
  };
  const refresh = (): void => {
    if (state === 'running') state = 'stale';
    if (state !== 'idle') return;
    state = 'waiting';
    cancel = clock.after(Math.max(0, notBefore - clock.monotonic()), () => void run());
  };
  return {
    refresh,
    close() {
      state = 'closed';
      cancel?.();
    },
  };
}
