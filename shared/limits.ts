/** Every cap in one place. The collector announces the wire's in `welcome`. */
const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** What a peer may send; the agent obeys the values of `welcome`. */
export const WIRE_LIMITS = {
  frameBytes: MIB,
  batchBytes: 256 * KIB,
  batchEvents: 500,
  eventBytes: 64 * KIB,
  liveWindowBytes: 2 * MIB,
  backfillWindowBytes: 2 * MIB,
} as const;

/** Frames aim at this size: large enough for throughput, small enough not to delay a live line. */
export const TARGET_FRAME_BYTES = 96 * KIB;
export const LEDGER_FRAME_BYTES = 256 * KIB;

export const HELLO_TIMEOUT_MS = 5 * SECOND;
export const NONCE_LIFETIME_MS = 30 * SECOND;
export const OUTSTANDING_NONCES = 4096;
export const UNAUTHENTICATED_SOCKETS_PER_TUNNEL = 8;
export const UNAUTHENTICATED_SOCKETS_SHARED = 64;
export const PING_INTERVAL_MS = 15 * SECOND;
export const DEAD_AFTER_MS = 40 * SECOND;
export const CLONE_PING_MS = 2 * SECOND;
export const RECONNECT_CEILING_MS = 10 * SECOND;
export const SLOW_RETRY_MS = 3 * MINUTE;
export const STATUS_INTERVAL_MS = 5 * SECOND;

export const ENROLMENT_CODE_LIFETIME_MS = 10 * MINUTE;
export const ENROLMENT_CODE_TRIES = 5;
export const ENROLMENT_CODE_BITS = 128;

/** Imports are local and trusted: their events may be larger than the wire's. */
export const IMPORTED_EVENT_BYTES = MIB;

export const DEAD_LETTER_ROWS_PER_MACHINE = 100_000;
export const DEAD_LETTER_BYTES_PER_MACHINE = 100 * MIB;
export const DEAD_LETTER_BODY_BYTES = 64 * KIB;

export const LINE_BYTES = 16 * MIB;
export const BAD_RING_BYTES = 64 * MIB;
export const BAD_LINE_HEAD_BYTES = 4 * KIB;
export const HELD_LINES = 64;
export const HELD_BYTES = MIB;
export const PROMPT_TEXT_BYTES = 2000;
export const ASSISTANT_TEXT_CHARACTERS = 200;
/** Below the wire's event cap, so that an ordinary text never becomes a dead letter. */
export const STATE_VALUE_BYTES = 4 * KIB;
export const HOOK_LINE_BYTES = 4 * KIB;
export const EVENT_LOG_ROTATE_BYTES = 4 * MIB;

export const RESCAN_MS = 15 * SECOND;
/** While several looks in a row found nothing new (docs/decisions/026). */
export const RESCAN_CALM_MS = 30 * SECOND;
export const RESCAN_DEGRADED_MS = 5 * SECOND;
export const KEPT_AFTER_ACK_MS = 7 * DAY;
export const KEPT_LIMIT_BYTES = 4 * 1024 * MIB;
/** How far behind now the completeness of a healthy machine may be: lines that come late, and a look at all files on top. */
export const HEALTHY_SLACK_MS = 180 * SECOND;
/** Bytes before an offset whose hash proves that a file is still the one that was read. */
export const TAIL_HASH_BYTES = 256;
export const PREFIX_HASH_BYTES = 1024;

/** Of a file that is archived: small, so that a live line never waits long behind one. */
export const ARCHIVE_CHUNK_BYTES = 64 * KIB;
/** Chunks sent and not answered. */
export const ARCHIVE_WINDOW_BYTES = 512 * KIB;
/** Files in one offer. */
export const ARCHIVE_OFFER_FILES = 100;
/** An output of a tool that is larger stays where it is; its transcript has the start of it. */
export const ARCHIVE_TOOL_RESULT_BYTES = 16 * MIB;
/** Room that the archive leaves on the collector's disk: events go first. */
export const ARCHIVE_RESERVE_BYTES = 512 * MIB;
/** Previous contents kept of one file. */
export const ARCHIVE_PREVIOUS_FILES = 100;
/** After this long the agent tries again what did not fit. */
export const ARCHIVE_RETRY_MS = MINUTE;
