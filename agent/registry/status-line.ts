/**
 * Lines of `status.jsonl`: an `agent_status` event for each change of a session's
 * status and for the end of its process. One line is at most 4 KiB. The ID rests
 * on the registry alone, so a line that is written twice is one fact.
 */
import { EVENT_SOURCES, EXTRACTION_SCHEMA_VERSION, HARNESS_CLAUDE_CODE, type JsonValue } from '../../shared/event.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { MachineId } from '../../shared/ids.ts';
import { HOOK_LINE_BYTES } from '../../shared/limits.ts';
import { parseTimestamp, printTimestamp, timestampMs } from '../../shared/timestamp.ts';
import { cutToBytes, numberOf, parseEntry, textOf, type JsonObject } from '../../shared/json-line.ts';
import type { RegistryRecord } from './registry-record.ts';

/** The process of the session does not run any more, or runs another session. */
export const GONE = 'gone';
/** `exited` took its registry file away; `died` left it behind; `left` goes on with another session. */
export type GoneReason = 'exited' | 'died' | 'left';

/** What a line says, and what can be read back from it. */
export interface Told {
  record: RegistryRecord;
  /** The process was known to run on this host: only then its end can be. */
  isVerified: boolean;
  isGone: boolean;
}

export interface Writer {
  machineId: MachineId;
  host: string;
}

export function statusLine(writer: Writer, record: RegistryRecord, isVerified: boolean): string {
  const { status, waitingFor } = record;
  const discriminator = waitingFor === undefined ? status : `${status}:${waitingFor}`;
  return print(writer, { record, isVerified }, discriminator, { status, ...(waitingFor === undefined ? {} : { waiting_for: waitingFor }) });
}

/** Carries the time of the last status, so that it sorts behind it and in front of whatever comes later. */
export function goneLine(writer: Writer, record: RegistryRecord, reason: GoneReason, observedAtMs: number): string {
  return print(writer, { record, isVerified: true }, GONE, { status: GONE, reason, observed_at: printTimestamp(observedAtMs) });
}

function print(
  { machineId, host }: Writer, { record, isVerified }: Pick<Told, 'record' | 'isVerified'>, discriminator: string,
  keys: Record<string, JsonValue>,
): string {
  const timestamp = printTimestamp(record.statusAtMs);
  const source = EVENT_SOURCES.agent;
  const type = 'agent_status';
  const id = buildEventId({ machineId, source, type, timestamp, discriminator: `${record.sessionId}:${record.pid}:${discriminator}` });
  const rest: Record<string, JsonValue> = {
    agent: HARNESS_CLAUDE_CODE,
    ...placeOf(record),
    ...(isVerified && record.procStart !== undefined ? { host, proc_start: record.procStart } : {}),
    pid: record.pid,
    schema_version: EXTRACTION_SCHEMA_VERSION,
    session_id: record.sessionId,
    ...keys,
  };
  return fit(record.cwd, (cwd) => {
    const all = cwd === undefined ? rest : { ...rest, cwd };
    const sorted = Object.fromEntries(Object.entries(all).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    return `${JSON.stringify({ id, timestamp, source, type, ...sorted })}\n`;
  });
}

function placeOf({ entrypoint, harnessVersion, sessionKind, tmux }: RegistryRecord): Record<string, JsonValue> {
  return {
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(harnessVersion === undefined ? {} : { harness_version: harnessVersion }),
    ...(sessionKind === undefined ? {} : { session_kind: sessionKind }),
    ...(tmux === undefined ? {} : { pane_id: tmux.paneId, tmux_session: tmux.session, window_id: tmux.windowId }),
  };
}

/** Only a directory can be that long: the names of a record are cut when it is read. */
function fit(cwd: string | undefined, toLine: (cwd: string | undefined) => string): string {
  let shorter = cwd;
  for (;;) {
    const line = toLine(shorter);
    if (shorter === undefined || Buffer.byteLength(line) <= HOOK_LINE_BYTES) return line;
    shorter = shorter.length < 16 ? undefined : cutToBytes(shorter, Math.floor(Buffer.byteLength(shorter) / 2));
  }
}

/** Undefined for a line of something else, or half of one. Lines of another host verify nothing on this one. */
export function parseStatusLine(text: string, host: string): Told | undefined {
  const line = parseEntry(text);
  if (line === undefined || line['type'] !== 'agent_status' || line['agent'] !== HARNESS_CLAUDE_CODE) return undefined;
  const pid = numberOf(line, 'pid');
  const timestamp = parseTimestamp(textOf(line, 'timestamp') ?? '');
  const [sessionId, status] = [textOf(line, 'session_id'), textOf(line, 'status')];
  if (pid === undefined || timestamp === undefined || sessionId === undefined || status === undefined) return undefined;
  const procStart = textOf(line, 'proc_start');
  return {
    record: {
      pid, sessionId, status, procStart,
      statusAtMs: timestampMs(timestamp),
      waitingFor: textOf(line, 'waiting_for'),
      isStatusTimed: true,
      pidDomain: undefined,
      startedAtMs: undefined,
      cwd: textOf(line, 'cwd'),
      harnessVersion: textOf(line, 'harness_version'),
      entrypoint: textOf(line, 'entrypoint'),
      sessionKind: textOf(line, 'session_kind'),
      tmux: tmuxOf(line),
    },
    isVerified: procStart !== undefined && textOf(line, 'host') === host,
    isGone: status === GONE,
  };
}

function tmuxOf(line: JsonObject): RegistryRecord['tmux'] {
  const [session, windowId, paneId] = ['tmux_session', 'window_id', 'pane_id'].map((key) => textOf(line, key));
  if (session === undefined || windowId === undefined || paneId === undefined) return undefined;
  return { session, windowId, paneId };
}
