import type { Processes } from '../../agent/processes.ts';

/** Hosts, boots and processes as a test says them. */
export function modelProcesses(change: Partial<Processes> & { alive?: readonly number[] } = {}): Processes {
  const { alive = [], ...rest } = change;
  return {
    pid: 100, host: 'here', boot: 'boot-1',
    isAlive: (pid) => alive.includes(pid),
    startOf: (pid) => `start-${pid}`,
    isRunning: (pid) => alive.includes(pid),
    pidDomain: 'pids-1',
    startedAtMs: () => null,
    ...rest,
  };
}
