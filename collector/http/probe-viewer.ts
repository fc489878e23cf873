/** The last hop of a probe: a viewer of the live stream, as a browser is one, waits for it to come by. */
import type { Clock } from '../../shared/clock.ts';
import type { ShowProbe } from '../ingest/probes.ts';
import { PROBE_EVENT, type LiveFeed } from './live.ts';

/** Longer than the stream ever holds something back. */
const WAIT_MS = 2000;

export function createProbeViewer(live: Pick<LiveFeed, 'view' | 'probe'>, clock: Pick<Clock, 'now' | 'after'>): ShowProbe {
  return async ({ id, machineId, hops }) => {
    const reader = live.view({ events: false })?.getReader();
    if (reader === undefined) return undefined;
    const leave = (): void => {
      reader.cancel().catch(() => {});
    };
    const cancel = clock.after(WAIT_MS, leave);
    try {
      live.probe({ schema: 1, id, machine_id: machineId, hops });
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        const text = decoder.decode(value, { stream: true });
        if (text.includes(`event: ${PROBE_EVENT}\n`) && text.includes(id)) return clock.now();
      }
    } finally {
      cancel();
      leave();
    }
  };
}
