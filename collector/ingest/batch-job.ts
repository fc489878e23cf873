import { laneOf } from '../writer/batch-head.ts';
import type { BatchJob } from '../writer/messages.ts';

/**
 * A frame as a job of the writer, in a buffer that can be transferred: ws lends
 * slices of what it read, so a small frame is copied and a large one mostly not.
 */
export function toBatchJob(data: Buffer, from: Omit<BatchJob, 'kind' | 'lane' | 'bytes'>): BatchJob {
  return { kind: 'batch', ...from, lane: laneOf(data), bytes: ownBuffer(data) };
}

function ownBuffer(data: Buffer): ArrayBuffer {
  const { buffer, byteOffset, length } = data;
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && buffer.byteLength === length) return buffer;
  const copy = new ArrayBuffer(length);
  new Uint8Array(copy).set(data);
  return copy;
}
