/** What can be known of the processes of this host. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Processes {
  /** This process. */
  readonly pid: number;
  readonly host: string;
  /** One boot of one kernel; null where the system does not tell. */
  readonly boot: string | null;
  isAlive(pid: number): boolean;
  /** Differs between two processes that had one ID; null where the system does not tell. */
  startOf(pid: number): string | null;
}

export interface SignalSender {
  readonly pid: number;
  /** As `process.kill(pid, 0)`: throws when there is no such process, or it is another user's. */
  probe(pid: number): void;
}

export function createProcesses({ pid, probe }: SignalSender): Processes {
  return {
    pid,
    host: hostname(),
    boot: readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
    isAlive(other) {
      try {
        probe(other);
        return true;
      } catch (error) {
        // Alive, but not ours to signal.
        return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM';
      }
    },
    startOf: (other) => startTime(readProc(`/proc/${other}/stat`)),
  };
}

/** Field 22 of `/proc/PID/stat`; the name in field 2 may hold anything, so it is counted from its closing bracket. */
function startTime(stat: string | undefined): string | null {
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
