/** Probes of machines: carried to the page, and awaited by whoever asked for one. */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import { PROBE_TIMEOUT_MS, type NotedHop } from '../../shared/probe.ts';

export interface PassingProbe {
  id: string;
  machineId: MachineId;
  hops: readonly NotedHop[];
}

/** Resolves with when a viewer of the page had it; undefined: it did not come in time. */
export type ShowProbe = (probe: PassingProbe) => Promise<number | undefined>;

export interface CollectorProbes {
  /** Through the page, where there is one. */
  readonly show: ShowProbe;
  /** The page: whoever shows from now on. */
  shownBy(show: ShowProbe): void;
  /** It has gone as far as it goes. */
  arrived(probe: PassingProbe): void;
  /** Resolves with the hops of the probe `id` of this machine; undefined: it did not come within 8 s. */
  awaited(machineId: MachineId, id: string): Promise<readonly NotedHop[] | undefined>;
}

/** Shown at once: a machine may send any number, and each waits for the page. */
const AT_ONCE = 16;

export function createCollectorProbes(clock: Pick<Clock, 'after'>): CollectorProbes {
  const waiting = new Map<string, (hops: readonly NotedHop[]) => void>();
  let show: ShowProbe = () => Promise.resolve(undefined);
  let shown = 0;
  return {
    async show(probe) {
      if (shown >= AT_ONCE) return undefined;
      shown += 1;
      try {
        return await show(probe);
      } finally {
        shown -= 1;
      }
    },
    shownBy(page) {
      show = page;
    },
    arrived: ({ machineId, id, hops }) => waiting.get(`${machineId} ${id}`)?.(hops),
    awaited(machineId, id) {
      const key = `${machineId} ${id}`;
      return new Promise((resolve) => {
        const settle = (hops: readonly NotedHop[] | undefined): void => {
          cancel();
          waiting.delete(key);
          resolve(hops);
        };
        const cancel = clock.after(PROBE_TIMEOUT_MS, () => settle(undefined));
        waiting.set(key, settle);
      });
    },
  };
}
