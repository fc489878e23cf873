/** What a long command has done, one line a step, with the time that it took. */
import type { Output } from '../../shared/cli.ts';
import type { Clock } from '../../shared/clock.ts';

export interface DoneStep {
  step: string;
  /** What came of it. */
  note: string;
  ms: number;
}

export interface Progress {
  readonly done: readonly DoneStep[];
  /** `work` answers its result and what to say of it. */
  step<T>(step: string, work: () => Promise<{ value: T; note: string }>): Promise<T>;
  /** Beside the steps. */
  say(text: string): void;
}

export function createProgress(host: string, { stderr, clock }: { stderr: Output; clock: Pick<Clock, 'monotonic'> }): Progress {
  const done: DoneStep[] = [];
  return {
    done,
    async step(step, work) {
      const since = clock.monotonic();
      if (stderr.isTTY) stderr.write(`${host}: ${step} …\r`);
      const { value, note } = await work();
      const ms = Math.round(clock.monotonic() - since);
      done.push({ step, note, ms });
      stderr.write(`${host}: ${step}: ${note} (${(ms / 1000).toFixed(1)} s)\n`);
      return value;
    },
    say: (text) => stderr.write(`${host}: ${text}\n`),
  };
}
