/**
 * One file of Claude Code's live registry, `<config dir>/sessions/<pid>.json`.
 * The vendor documents none of it: what is known was seen in versions 2.1.139
 * and 2.1.329. Words of a status that nobody knows yet are kept as they are.
 */
import { cutToBytes, numberOf, parseEntry, textOf, type JsonObject } from '../../shared/json-line.ts';

export interface TmuxPlace {
  session: string;
  /** `@0` */
  windowId: string;
  /** `%0` */
  paneId: string;
}

export interface RegistryRecord {
  pid: number;
  sessionId: string;
  /** `busy`, `idle`, `waiting`, `shell`, or what a later version says. */
  status: string;
  waitingFor: string | undefined;
  /** When the status began, ms since the epoch. */
  statusAtMs: number;
  /** False: a version that only tells when it last wrote the file, so a later time alone is no news. */
  isStatusTimed: boolean;
  /** Tells this process from another one with its ID; on Linux field 22 of `/proc/PID/stat`. */
  procStart: string | undefined;
  /** Where the process ID means something. */
  pidDomain: string | undefined;
  startedAtMs: number | undefined;
  cwd: string | undefined;
  harnessVersion: string | undefined;
  entrypoint: string | undefined;
  sessionKind: string | undefined;
  tmux: TmuxPlace | undefined;
}

/** `none`: a session that tells no status (an SDK's, or of an older version). `malformed`: no JSON, or half of it. */
export type ParsedRecord = RegistryRecord | 'none' | 'malformed';

const NAME_BYTES = 128;
const WAITING_FOR_BYTES = 256;
const LAST_MS = Date.UTC(9999, 11, 31);
/** tmux allows neither `:` nor `.` in the name of a session. */
const TMUX_PLACE = /^(.*):(@\d{1,10})\.(%\d{1,10})$/s;

export function parseRecord(text: string): ParsedRecord {
  const file = parseEntry(text);
  if (file === undefined) return 'malformed';
  const pid = numberOf(file, 'pid');
  const sessionId = name(file, 'sessionId');
  if (pid === undefined || !Number.isSafeInteger(pid) || pid <= 0 || sessionId === undefined) return 'malformed';
  const status = name(file, 'status');
  const timed = timeOf(file, 'statusUpdatedAt');
  const statusAtMs = timed ?? timeOf(file, 'updatedAt');
  if (status === undefined || statusAtMs === undefined) return 'none';
  const waitingFor = textOf(file, 'waitingFor');
  return {
    pid, sessionId, status, statusAtMs,
    waitingFor: waitingFor === undefined ? undefined : cutToBytes(waitingFor, WAITING_FOR_BYTES),
    isStatusTimed: timed !== undefined,
    procStart: name(file, 'procStart'),
    pidDomain: textOf(file, 'pidDomain'),
    startedAtMs: timeOf(file, 'startedAt'),
    cwd: textOf(file, 'cwd'),
    harnessVersion: name(file, 'version'),
    entrypoint: name(file, 'entrypoint'),
    sessionKind: name(file, 'kind'),
    tmux: tmuxPlace(file),
  };
}

function name(file: JsonObject, key: string): string | undefined {
  const text = textOf(file, key);
  return text === undefined ? undefined : cutToBytes(text, NAME_BYTES);
}

function timeOf(file: JsonObject, key: string): number | undefined {
  const ms = numberOf(file, key);
  return ms !== undefined && ms > 0 && ms < LAST_MS ? Math.floor(ms) : undefined;
}

function tmuxPlace(file: JsonObject): TmuxPlace | undefined {
  const [, session, windowId, paneId] = TMUX_PLACE.exec(name(file, 'tmux') ?? '') ?? [];
  if (session === undefined || windowId === undefined || paneId === undefined) return undefined;
  return { session, windowId, paneId };
}
