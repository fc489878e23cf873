/** Looks again 60 ms after each hint: the last write of a burst may come without one. Goes on while a file grows. */
import type { SourceKind } from '../extraction.ts';
import type { Clock } from '../../shared/clock.ts';

export interface Relooks {
  arm(path: string, source: SourceKind): void;
  close(): void;
}

export interface RelooksDeps {
  clock: Clock;
  /** True when the file had grown. */
  look(path: string, source: SourceKind): boolean;
  found(): void;
}

const RELOOK_MS = 60;

export function createRelooks(deps: RelooksDeps): Relooks {
  const { clock } = deps;
  /** In order of their time: the delay is the same for all. */
  const armed = new Map<string, { source: SourceKind; dueAt: number }>();
  let cancel: (() => void) | undefined;

  function arm(path: string, source: SourceKind): void {
    armed.delete(path);
    armed.set(path, { source, dueAt: clock.monotonic() + RELOOK_MS });
    cancel ??= clock.after(RELOOK_MS, run);
  }

  function run(): void {
    cancel = undefined;
    const now = clock.monotonic();
    let hasFound = false;
    for (const [path, { source, dueAt }] of [...armed]) {
      // A timer may fire a fraction early.
      if (dueAt > now + 1) {
        cancel = clock.after(dueAt - now, run);
        break;
      }
      armed.delete(path);
      if (!deps.look(path, source)) continue;
      hasFound = true;
      arm(path, source);
    }
    if (hasFound) deps.found();
  }

  return {
    arm,
    close: () => {
      cancel?.();
      armed.clear();
    },
  };
}
