/** What happens to laptops, networks and servers, and how long it takes afterwards until something is acknowledged. */
import { systemClock } from '../../shared/clock.ts';
import { until } from '../support/until.ts';
import type { ProgramTime } from '../torture/platform.ts';
import type { Stage } from './stage.ts';

export interface Break {
  readonly what: string;
  /** From the moment it is repaired to the first ack of what was written meanwhile, ms. */
  readonly limits: { p90?: number; max?: number };
  /** How long it lasts at least and at most, ms. */
  readonly lasts: readonly [number, number];
  /** Its programs need a clock that can jump. */
  readonly needsTime?: true;
  begin(stage: Stage): void | Promise<void>;
  end(stage: Stage, time: ProgramTime | undefined): void | Promise<void>;
}

const HOUR_MS = 3_600_000;
const signal = (pids: readonly number[], name: NodeJS.Signals): void => {
  for (const pid of pids) process.kill(pid, name);
};
/** The collector and its tunnel's ssh: a laptop that sleeps runs neither. */
const laptopPrograms = ({ collector, hosts }: Stage): number[] => [collector.pid, ...hosts.faults.onLaptop('ssh')];

export const BREAKS: readonly Break[] = [
  {
    what: 'link down', limits: { p90: 5000, max: 12_000 }, lasts: [500, 20_000],
    begin: ({ hosts }) => hosts.faults.setLink('down'),
    end: ({ hosts }) => hosts.faults.setLink('up'),
  },
  {
    what: 'blackhole', limits: { p90: 5000, max: 12_000 }, lasts: [500, 20_000],
    begin: ({ hosts }) => hosts.faults.setBlackhole(true),
    end: ({ hosts }) => hosts.faults.setBlackhole(false),
  },
  {
    what: 'another address', limits: { max: 8000 }, lasts: [0, 0],
    begin: ({ hosts }) => hosts.faults.roam(),
    end: () => {},
  },
  {
    what: 'sshd killed', limits: {}, lasts: [200, 8000],
    begin: ({ hosts }) => hosts.faults.killSshd(),
    end: ({ hosts }) => hosts.faults.startSshd(),
  },
  {
    what: 'its ssh killed', limits: {}, lasts: [0, 0],
    begin: ({ hosts }) => signal(hosts.faults.onLaptop('ssh'), 'SIGKILL'),
    end: () => {},
  },
  {
    what: 'an hour away', limits: {}, lasts: [3000, 15_000], needsTime: true,
    begin(stage) {
      stage.hosts.faults.setBlackhole(true);
      signal(laptopPrograms(stage), 'SIGSTOP');
    },
    end(stage, time) {
      time?.set(time.offsetMs + HOUR_MS);
      stage.hosts.faults.setBlackhole(false);
      signal(laptopPrograms(stage), 'SIGCONT');
    },
  },
  {
    what: 'remote rebooted', limits: {}, lasts: [500, 8000],
    begin: ({ hosts }) => hosts.faults.powerOff(),
    end: ({ hosts }) => hosts.faults.boot(),
  },
];

/** How long after its end something was acknowledged that was written while it lasted, ms. Throws when the facts do not agree afterwards. */
export async function runRound(stage: Stage, one: Break, { lastedMs, time }: { lastedMs: number; time: ProgramTime | undefined }): Promise<number> {
  await one.begin(stage);
  const before = stage.written();
  await systemClock.sleep(lastedMs);
  await one.end(stage, time);
  const since = performance.now();
  await until(`the first ack after ${one.what} for ${lastedMs} ms`, () => stage.stored() > before, { timeoutMs: 90_000, everyMs: 5 });
  const firstAckMs = performance.now() - since;
  await stage.agree();
  return firstAckMs;
}
