/**
 * One agent per state directory: two would each move checkpoints that the other
 * does not know of.
 *
 * The holder names itself by host, boot, process ID and its start. A holder of
 * this boot is asked for directly. Of another host (a shared home) only the
 * lock's heartbeat tells whether it lives; a host that merely changed its name or
 * was booted again holds nothing. Limit: where the system does not tell a
 * process's start, another process that got the same ID keeps a stale lock.
 */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE, readFileIfExists } from '../shared/atomic-file.ts';
import type { Clock } from '../shared/clock.ts';
import { systemCode, TtError } from '../shared/errors.ts';
import type { Processes } from './processes.ts';

export const LOCK_HEARTBEAT_MS = 15_000;
/** Three heartbeats without one. */
const STALE_AFTER_MS = 45_000;

interface Holder {
  host: string;
  boot: string | null;
  pid: number;
  start: string | null;
}

export interface AgentLock {
  /** The heartbeat. False: another agent took the lock, so this one must stop. Throws nothing. */
  refresh(): boolean;
  release(): void;
}

export interface AgentLockDeps {
  clock: Pick<Clock, 'now'>;
  processes: Pick<Processes, 'pid' | 'host' | 'boot' | 'isAlive' | 'startOf'>;
}

/** Throws `agent_running`, or `state_in_use` when another host's agent lives in this state directory. */
export function takeAgentLock(file: string, { clock, processes }: AgentLockDeps): AgentLock {
  const { pid, host, boot } = processes;
  const own = `${JSON.stringify({ version: 1, host, boot, pid, start: processes.startOf(pid) })}\n`;
  makePrivateDirectory(dirname(file));
  while (!create(file, own)) {
    const found = readFileIfExists(file);
    if (found === undefined) continue;
    refuseIfHeld(file, found, { clock, processes });
    setAside(file, found);
  }
  const isOurs = (): boolean => readFileIfExists(file) === own;
  return {
    refresh() {
      try {
        // Somebody only removed it: it is made again, unless another agent was quicker.
        if (!isOurs() && !create(file, own)) return false;
        const now = new Date(clock.now());
        utimesSync(file, now, now);
      } catch {
        // A disk that is away for a moment takes nothing over: the next heartbeat tries again.
      }
      return true;
    },
    release() {
      if (isOurs()) rmSync(file, { force: true });
    },
  };
}

function create(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx', mode: PRIVATE_FILE_MODE });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function refuseIfHeld(file: string, content: string, { clock, processes }: AgentLockDeps): void {
  const holder = parseHolder(content);
  if (!holder) return;
  const { pid, host, boot } = holder;
  const isThisKernel = boot === processes.boot && (boot !== null || host === processes.host);
  if (isThisKernel && pid !== processes.pid && processes.isAlive(pid) && holder.start === processes.startOf(pid)) {
    throw new TtError('agent_running', `an agent is running here already (process ${pid})`, {
      hint: `tt-agent status shows what it does; stop it with: kill ${pid}`,
    });
  }
  // Another boot under the same name: this host was restarted. (Containers share a boot, but not their names.)
  if (host === processes.host) return;
  if (clock.now() - heartbeatOf(file) > STALE_AFTER_MS) return;
  throw new TtError('state_in_use', `an agent of ${host} works in this state directory (${dirname(file)})`, {
    hint: 'the home is shared: give each host its own XDG_DATA_HOME and XDG_STATE_HOME, e.g. $HOME/.local/share/$(hostname), then tt-agent join there. If that host is this one under an older name, try again in a minute',
  });
}

function heartbeatOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function parseHolder(content: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== 'object' || value === null) return undefined;
    const { host, boot, pid, start } = value as Record<string, unknown>;
    if (typeof host !== 'string' || typeof pid !== 'number') return undefined;
    return { host, pid, boot: typeof boot === 'string' ? boot : null, start: typeof start === 'string' ? start : null };
  } catch {
    return undefined;
  }
}

/** Removes exactly the stale lock that was read; of two that try, the slower one puts back what it caught. */
function setAside(file: string, stale: string): void {
  const aside = `${file}.${randomBytes(6).toString('hex')}.stale`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if (readFileIfExists(aside) === stale) rmSync(aside, { force: true });
  else renameSync(aside, file);
}
