/** Forgetting, driven from the outside of the writer so that batches pass between its steps. */
import type { Clock } from '../../shared/clock.ts';
import type { ForgetTarget } from '../store/tombstones.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ControlResponse } from './control-methods.ts';

/** How often whoever waits is told how far it is. */
const REPORT_MS = 300;

/** Without a running collector nobody waits for the writer, and its state does not outlive the call: to the end at once. */
export async function forgetForAWhile(
  target: ForgetTarget, writer: Pick<WriterPort, 'call'>, clock: Pick<Clock, 'now'>, isRunning: boolean,
): Promise<ControlResponse<'forget.step'>> {
  const startMs = clock.now();
  for (;;) {
    const progress = await writer.call('forgetStep', target, clock.now());
    if (progress.done || (isRunning && clock.now() - startMs >= REPORT_MS)) return progress;
  }
}

export async function compactFile(writer: Pick<WriterPort, 'call'>): Promise<ControlResponse<'forget.compact'>> {
  const { isClean, bytesBefore, bytesAfter } = await writer.call('compact');
  return { clean: isClean, bytes_before: bytesBefore, bytes_after: bytesAfter };
}
