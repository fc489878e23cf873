/** What a person changes here: the control methods of the commands, by POST. */
import { useState } from 'hono/jsx/dom';
import { askFor, messageOf } from './answer.ts';

/** What is done may be long: all events of a project change their stream. */
const LONGEST_MS = 300_000;

/** Throws what the collector says, with the next step. After a time-out it may still be done. */
export function act<T>(method: string, request: object): Promise<T> {
  return askFor<T>(`/api/v1/actions/${method}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(request) }, LONGEST_MS);
}

export interface Acting {
  isBusy: boolean;
  /** What became of the last one: of success what `run` resolved to, of failure why. */
  said: { words: string; isError: boolean } | undefined;
  /** One after another: while it runs no other begins. */
  run: Run;
}

/** `work` resolves to the words for what was done; `onDone` only follows where it was. */
export type Run = (work: () => Promise<string>, onDone?: () => void) => void;

export function useActing(): Acting {
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState<Acting['said']>(undefined);
  const settle = (words: string, isError: boolean): void => {
    setSaid({ words, isError });
    setBusy(false);
  };
  return {
    isBusy, said,
    run(work, onDone) {
      if (isBusy) return;
      setBusy(true);
      work().then((words) => {
        settle(words, false);
        onDone?.();
      }).catch((error: unknown) => settle(messageOf(error), true));
    },
  };
}
