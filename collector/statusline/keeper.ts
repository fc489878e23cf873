/**
 * Keeps the file of the status line while the collector runs: after a change at
 * most once a second, and every half a minute anyway, since its age is what tells
 * that somebody keeps it. Where working it out takes long, it is done less often:
 * it shares its thread with agents and page.
 */
import { dirname } from 'node:path';
import { makePrivateDirectory, replaceFile } from '../../shared/atomic-file.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import { printStatusline, STATUSLINE_BEAT_MS, type Statusline } from './statusline-file.ts';

const LEAST_MS = 1000;
/** One part in so many of the thread's time. */
const SHARE = 50;

export interface KeeperDeps {
  clock: Pick<Clock, 'monotonic' | 'after'>;
  log: Log;
  present(): Statusline;
  /** Something that it shows may have changed. Returns the way to stop. */
  onChange(listener: () => void): () => void;
}

export interface StatuslineKeeper {
  close(): void;
}

export function keepStatusline(file: string, { clock, log, present, onChange }: KeeperDeps): StatuslineKeeper {
  let notBefore = 0;
  let cancel: (() => void) | undefined;
  let isSoon = false;
  const write = (): void => {
    const started = clock.monotonic();
    try {
      makePrivateDirectory(dirname(file));
      replaceFile(file, printStatusline(present()));
    } catch (error) {
      log.warn({ file, error: messageOf(error) }, 'the status line could not be written');
    }
    notBefore = clock.monotonic() + Math.max(LEAST_MS, SHARE * (clock.monotonic() - started));
    isSoon = false;
    cancel = clock.after(STATUSLINE_BEAT_MS, write);
  };
  const stopWatching = onChange(() => {
    if (isSoon) return;
    isSoon = true;
    cancel?.();
    cancel = clock.after(Math.max(0, notBefore - clock.monotonic()), write);
  });
  write();
  return {
    close() {
      stopWatching();
      cancel?.();
    },
  };
}
