/** Forgetting, driven from the outside of the writer so that batches pass between its steps. */
import type { Clock } from '../../shared/clock.ts';
import { removeForgotten } from '../archive/forgetting.ts';
import type { ForgetTarget } from '../store/tombstones.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ControlResponse } from './control-methods.ts';

/** How often whoever waits is told how far it is. */
const REPORT_MS = 300;

/** Without a running collector nobody waits for the writer, and its state does not outlive the call: to the end at once. */
export async function forgetForAWhile(
  target: ForgetTarget, { writer, clock, archiveDir, isRunning }: { writer: Pick<WriterPort, 'call'>; clock: Pick<Clock, 'now'>; archiveDir: string; isRunning: boolean },
): Promise<ControlResponse<'forget.step'>> {
  const startMs = clock.now();
  for (;;) {
    const progress = await writer.call('forgetStep', target, clock.now());
    // Last, when the tombstone has its sessions; those that are being mirrored are refused since it is there.
    if (progress.done) return { ...progress, archived_sessions: await removeForgotten(archiveDir, (machineId, names) => writer.call('forgottenNames', machineId, names)) };
    if (isRunning && clock.now() - startMs >= REPORT_MS) return { ...progress, archived_sessions: 0 };
  }
}

export async function compactFile(writer: Pick<WriterPort, 'call'>): Promise<ControlResponse<'forget.compact'>> {
  const { isClean, bytesBefore, bytesAfter } = await writer.call('compact');
  return { clean: isClean, bytes_before: bytesBefore, bytes_after: bytesAfter };
}
