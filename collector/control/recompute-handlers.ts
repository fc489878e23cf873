/** Deriving again, driven from the outside of the writer so that batches pass between its steps. */
import type { Clock } from '../../shared/clock.ts';
import type { RecomputePlace } from '../writer/messages.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ControlResponse } from './control-methods.ts';

/** Batches wait for a step; with what it writes at its end it stays below the 50 ms that they may wait. */
const STEP_MS = 20;
/** Nobody waits without a running collector: fewer commits. */
const ALONE_STEP_MS = 500;
/** How often whoever waits is told how far it is. */
const REPORT_MS = 300;
const ALONE_REPORT_MS = 2000;

export async function recomputeForAWhile(
  from: RecomputePlace | null, { writer, clock, isRunning }: { writer: Pick<WriterPort, 'call'>; clock: Pick<Clock, 'now'>; isRunning: boolean },
): Promise<ControlResponse<'recompute.step'>> {
  const [stepMs, reportMs] = isRunning ? [STEP_MS, REPORT_MS] : [ALONE_STEP_MS, ALONE_REPORT_MS];
  const startMs = clock.now();
  for (let at = from; ;) {
    const { place, share } = await writer.call('recomputeStep', at, stepMs);
    if (place === null) return { place, share, counts: await writer.call('derivedCounts') };
    if (clock.now() - startMs >= reportMs) return { place, share, counts: null };
    at = place;
  }
}
