import { TtError } from '../../shared/errors.ts';
import { tryLock } from '../store/database.ts';

export interface CollectorLock {
  release(): void;
}

/** One writer per state directory: a running collector, or one command that does its work without it. */
export function takeCollectorLock(file: string): CollectorLock {
  const lock = tryLock(file);
  if (lock) return lock;
  throw new TtError('collector_running', 'a collector, or a command that writes, is running here already', {
    hint: '`tt status` shows a running one; stop it first, or wait for the other command to end',
  });
}
