/** One line per machine, code and minute: who is refused tries again every few seconds, for days. */
import type { Clock } from '../../shared/clock.ts';
import type { Log } from '../../shared/log.ts';
import type { AuthRefusal } from './authenticate.ts';

const QUIET_MS = 60_000;

export interface RefusalLog {
  /** The first is told at once, those of the minute after it as one line with a count. */
  refused(listener: string, refusal: AuthRefusal): void;
  /** Tells what is left. */
  close(): void;
}

interface Minute {
  latest: object;
  /** Refusals that no line told of yet. */
  untold: number;
  cancel: () => void;
}

/** Grows by one entry per enrolled machine and code, and by one per code for all others. */
export function createRefusalLog({ clock, log }: { clock: Pick<Clock, 'after'>; log: Log }): RefusalLog {
  const minutes = new Map<string, Minute>();

  const tell = (count: number, about: object): void => log.warn({ ...about, count }, 'an agent was refused');
  const end = (key: string): void => {
    const minute = minutes.get(key);
    minutes.delete(key);
    if (minute === undefined || minute.untold === 0) return;
    tell(minute.untold, minute.latest);
    begin(key, minute.latest);
  };
  const begin = (key: string, latest: object): void => {
    minutes.set(key, { latest, untold: 0, cancel: clock.after(QUIET_MS, () => end(key)) });
  };

  return {
    refused(listener, { code, hint, label }) {
      const about = { listener, code, hint, ...(label === undefined ? {} : { machine: label }) };
      const key = `${code} ${label ?? ''}`;
      const minute = minutes.get(key);
      if (minute === undefined) {
        tell(1, about);
        begin(key, about);
        return;
      }
      minute.untold++;
      minute.latest = about;
    },
    close() {
      for (const { cancel, untold, latest } of minutes.values()) {
        cancel();
        if (untold > 0) tell(untold, latest);
      }
      minutes.clear();
    },
  };
}
