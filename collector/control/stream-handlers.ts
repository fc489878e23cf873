/** Streams, tags and assignments: changed by the writer, told as rows of JSON. */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ControlRequest, ControlResponse } from './control-methods.ts';

type Caller = Pick<WriterPort, 'call'>;

/** What a caller got wrong: the writer's thread tells the code, not the exit code. */
const MISTAKES = new Set(['stream_unknown', 'stream_ambiguous', 'stream_taken', 'stream_same', 'name_invalid', 'tag_unknown', 'assignment_invalid']);

async function blamingUsage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TtError) || !MISTAKES.has(error.code)) throw error;
    throw new TtError(error.code, error.message, { hint: error.hint, exitCode: EXIT_CODES.usage, cause: error });
  }
}

export async function changeStreams(command: ControlRequest<'streams.change'>, writer: Caller, nowMs: number): Promise<ControlResponse<'streams.change'>> {
  const streams = await blamingUsage(writer.call('changeStreams', command, printTimestamp(nowMs)));
  return { streams: streams.map(({ id, idShort, name, tags }) => ({ id, id_short: idShort, name, tags })) };
}

export function assign({ document, by, create, dry_run: dryRun }: ControlRequest<'streams.assign'>, writer: Caller, nowMs: number): Promise<ControlResponse<'streams.assign'>> {
  return blamingUsage(writer.call('assign', document, { by, create, dryRun, at: printTimestamp(nowMs) }));
}

export async function undoAssignments(act: number | null, writer: Caller): Promise<ControlResponse<'streams.undo'>> {
  const undone = await writer.call('undoAssignments', act);
  if (undone === null) return { undone: null };
  const { act: id, assignedBy, assignedAt, assignments } = undone;
  return { undone: { act: id, assigned_by: assignedBy, assigned_at: assignedAt, assignments } };
}
