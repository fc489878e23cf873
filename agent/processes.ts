/** What can be known of the processes of this host. */
import { readFileSync, readlinkSync } from 'node:fs';
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
  /**
   * Does the process that had this ID and start still run? False only when that is known: a zombie
   * has ended, another start is another process. Null where the system does not tell.
   */
  isRunning(pid: number, start: string): boolean | null;
  /** What this system's process IDs mean something in, as Claude Code names it; null where it can not be told. */
  readonly pidDomain: string | null;
  /** When a process with this start began, ms since the epoch, to about a second; null where the system does not tell. */
  startedAtMs(start: string): number | null;
}

export interface SignalSender {
  readonly pid: number;
  /** As `process.kill(pid, 0)`: throws when there is no such process, or it is another user's. */
  probe(pid: number): void;
}

export function createProcesses({ pid, probe }: SignalSender): Processes {
  const isAlive = (other: number): boolean => {
    try {
      probe(other);
      return true;
    } catch (error) {
      // Alive, but not ours to signal.
      return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM';
    }
  };
  return {
    pid,
    host: hostname(),
    boot: readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? null,
    isAlive,
    startOf: (other) => startTime(readProc(`/proc/${other}/stat`)),
    isRunning(other, start) {
      const stat = readProc(`/proc/${other}/stat`);
      if (stat !== undefined) return startTime(stat) === start && !ENDED_STATES.has(stat[stat.lastIndexOf(')') + 2] ?? '');
      // Nothing to read proves something only where there is something to read of a living one.
      if (readProc(`/proc/${pid}/stat`) === undefined) return null;
      return isAlive(other) ? null : false;
    },
    pidDomain: pidDomain(),
    startedAtMs(start) {
      const booted = /^btime (\d+)$/m.exec(readProc('/proc/stat') ?? '')?.[1];
      const ticks = Number(start);
      return booted === undefined || !Number.isFinite(ticks) ? null : Number(booted) * 1000 + ticks * TICK_MS;
    },
  };
}

/** Zombie and dead: the entry waits for its parent, the program is gone. */
const ENDED_STATES: ReadonlySet<string> = new Set(['Z', 'X', 'x']);
/** USER_HZ is 100 on every Linux that Node runs on. */
const TICK_MS = 10;

/** As seen in its registry: `linux:{machine-id}:{PID namespace}`. */
function pidDomain(): string | null {
  const machine = readProc('/etc/machine-id')?.trim();
  if (machine === undefined || machine === '') return null;
  try {
    return `linux:${machine}:${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Field 22 of `/proc/PID/stat`; the name in field 2 may hold anything, so it is counted from its closing bracket. */
function startTime(stat: string | undefined): string | null {
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

/** Undefined for what is not there or not for us. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
