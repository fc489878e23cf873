/**
 * Every frame that agent and collector exchange: one closed union, `type` first.
 * The order of a conversation and each field's meaning: docs/protocol.md.
 */
import type { JsonValue, LineageEdge, SessionState, TtEvent } from '../event.ts';

export const PROTOCOL_VERSION = 1;

/** What a side can do beyond the version's base. Unknown ones are ignored. */
export const CAPABILITIES = {
  /** Binary frames of kind 1: brotli of a JSON frame. */
  brotli: 'brotli',
  /** `rewind … replace`: batches that name every entry of their range. */
  replace: 'replace',
  /** An agent that has it sends a probe when it is asked; a collector that has it also tells when its page carried one. */
  probe: 'probe',
  /** Files of sessions: `archive`, `offer`, `holdings`, `archived`, `audit`, `audited` and binary frames of kind 2. */
  archive: 'archive',
} as const;

/** First byte of a binary frame. */
export const BINARY_KINDS = { brotli: 1, chunk: 2 } as const;

export type Lane = 'live' | 'backfill';

export interface WireLimits {
  frameBytes: number;
  batchBytes: number;
  batchEvents: number;
  eventBytes: number;
  liveWindowBytes: number;
  backfillWindowBytes: number;
}

/** `[gen, offset, tail]`: bytes of this generation that are stored, and the hash of the ≤ 256 bytes before. */
export type Position = readonly [gen: string, offset: number, tail: string];

export interface HelloFrame {
  type: 'hello';
  protocol: number;
  capabilities: string[];
  version: string;
  label: string;
  /** Host identity as the OS tells it; for display, proves nothing. */
  host: string;
  instance: string;
  /** The collector signs it: nobody else can answer for the collector. */
  nonce: string;
  positions_digest: string;
  /** Wall clock in epoch ms, to measure the offset between the two. */
  clock: number;
}

export interface WelcomeFrame {
  type: 'welcome';
  protocol: number;
  capabilities: string[];
  version: string;
  /** JWT by the collector's key over the agent's nonce. */
  token: string;
  limits: WireLimits;
  clock: number;
  /** False: `ledger` frames follow, and no batch is sent before the last of them. */
  settled: boolean;
  /** What the collector calls this machine; the agent takes the name over. Not of the first collectors. */
  label?: string;
}

export interface LedgerFrame {
  type: 'ledger';
  positions: Position[];
  last: boolean;
}

/** The part of one file that a batch carries. Its events are the next `events` ones of the batch. */
export interface BatchFile {
  gen: string;
  path: string;
  /** Birth of the file in epoch ms; null where the file system does not tell. Decides between copies. */
  born_at: number | null;
  from: number;
  to: number;
  /** Hash of the ≤ 256 bytes before `from`. */
  prev: string;
  /** Hash of the ≤ 256 bytes before `to`. */
  tail: string;
  events: number;
}

export interface BatchFrame {
  type: 'batch';
  /** Counts from 1 in each connection. */
  seq: number;
  lane: Lane;
  files: BatchFile[];
  events: TtEvent[];
  states: SessionState[];
  edges: LineageEdge[];
  /** After `rewind … replace`: uuid of every entry in the range, whether or not it gave an event. */
  entries?: string[];
  /** With `entries`: version of the extraction that read them (`EXTRACTION_SCHEMA_VERSION`), also where they gave no event. */
  schema_version?: number;
}

/** Generations whose file is gone for good and settled: the ledger drops them. */
export interface ClosedFrame {
  type: 'closed';
  gens: string[];
}

/**
 * Goes through file, agent, socket, store and page to time each hop; answered with the same `id`. Of a
 * collector and without hops: a request to send one under this `id`, only where the agent can `probe`.
 */
export interface ProbeFrame {
  type: 'probe';
  id: string;
  /** The end of its line in the file that it went through: stored when the ledger is there. */
  line?: { gen: string; to: number };
  hops: { name: string; at: number }[];
}

/** Per verdict letter: `s` stored, `d` duplicate, `r` refused (why: `refused`, by index). */
export interface AckFrame {
  type: 'ack';
  seq: number;
  verdicts: string;
  refused: { index: number; code: RefusalCode }[];
}

export interface GapReport {
  gen: string;
  path: string;
  from: number;
  to: number;
  /** Timestamps of the good lines around it, '' where there is none. */
  t_from: string;
  t_to: string;
  reason: 'truncated' | 'released' | 'unterminated';
}

/** Every 5 s and on change. Nulls mean "not known yet", never zero. */
export interface StatusFrame {
  type: 'status';
  backlog_bytes: number | null;
  backlog_events: number | null;
  /** Timestamp of the oldest byte that waits, as mtime of its file; null when nothing waits. */
  oldest_unacked_at: number | null;
  drained_at: number | null;
  files: number;
  unknown_entries: { [type: string]: number };
  bad_lines: number;
  kept_bytes: number;
  gaps: GapReport[];
  problems: string[];
  version: string;
  clock: number;
  /** Of the mirror of session files; not of agents that have none. */
  archive?: ArchiveReport;
}

/** Names in the frames below: shared/archive-name.ts. */
export interface ArchiveReport {
  /** `off`: not asked for; `not_allowed`: asked for, but `archive` is not set there. */
  state: 'off' | 'not_allowed' | 'on';
  /** Files of sessions there, and their bytes; null until the first look has ended. */
  files: number | null;
  bytes: number | null;
  /** Of these: not all of it is known to be archived. */
  waiting_files: number | null;
  waiting_bytes: number | null;
  /** Sessions of projects whose words may not leave. */
  withheld_sessions: number;
  /** Files that are too large, no regular files, unreadable, or refused. */
  skipped_files: number;
  /** In words. */
  problem: string | null;
}

export interface OfferedFile {
  name: string;
  size: number;
  /** The same file had this name before. */
  was?: string;
}

/** Files that the machine has, after `archive` `on`: what of them does the collector have? At most 100. */
export interface OfferFrame {
  type: 'offer';
  seq: number;
  files: OfferedFile[];
}

/** Hashes of the whole first `size` bytes; null where the file has fewer, is gone, or is withheld. */
export interface AuditedFrame {
  type: 'audited';
  seq: number;
  hashes: (string | null)[];
}

/** In front of the bytes of a binary frame of kind 2. */
export interface ChunkHeader {
  seq: number;
  name: string;
  /** Where the bytes stand in the file. */
  from: number;
  /** How many they are. */
  bytes: number;
  /** `markOf` the bytes before `from`. */
  mark: string;
  /** Of the file, epoch ms. */
  mtime: number;
  /** The file is another than the archived one, or was written anew: that one is put aside first. `from` is 0. */
  fresh?: true;
  /** The bytes are compressed. */
  brotli?: true;
}

/** Read `gen` again: from offset `to`, or as a new generation. `seq` names the batch that was not taken. */
export type RewindFrame =
  | { type: 'rewind'; seq: number | null; gen: string; to: number; replace?: true }
  | { type: 'rewind'; seq: number | null; gen: string; reset: true };

/** Batch `seq` was not taken; send it again after `retry_ms`. */
export interface BusyFrame {
  type: 'busy' | 'disk_full';
  seq: number;
  retry_ms: number;
}

export interface GoodbyeFrame {
  type: 'goodbye';
  code: GoodbyeCode;
  hint: string;
}

/** Shall this machine's sessions be archived? Not sent: no. */
export interface ArchiveFrame {
  type: 'archive';
  on: boolean;
  chunk_bytes: number;
  window_bytes: number;
}

/** What is archived of an offered file: `size` bytes, with the mark of the first `at`, the lower of the two sizes. */
export type Holding = { size: number; at: number; mark: string } | { code: ArchiveRefusal };

/** One per offered file, in their order. */
export interface HoldingsFrame {
  type: 'holdings';
  seq: number;
  files: Holding[];
}

/** Chunk `seq` is on disk; with a code it is not. */
export interface ArchivedFrame {
  type: 'archived';
  seq: number;
  code?: ArchiveRefusal;
  /** With `disk_full`: send nothing for so long. */
  retry_ms?: number;
}

export interface AuditFrame {
  type: 'audit';
  seq: number;
  files: { name: string; size: number }[];
}

/** `differs`: what is archived does not end where the chunk begins: offer the file again. */
export const ARCHIVE_REFUSALS = ['differs', 'disk_full', 'forgotten', 'bad_name', 'too_many_previous', 'off', 'failed'] as const;
export type ArchiveRefusal = (typeof ARCHIVE_REFUSALS)[number];

export type AgentFrame = HelloFrame | BatchFrame | ClosedFrame | ProbeFrame | StatusFrame | OfferFrame | AuditedFrame;
export type CollectorFrame =
  | WelcomeFrame | LedgerFrame | AckFrame | RewindFrame | BusyFrame | GoodbyeFrame | ProbeFrame
  | ArchiveFrame | HoldingsFrame | ArchivedFrame | AuditFrame;
export type Frame = AgentFrame | CollectorFrame;

/** Why one event was not taken. Each is a dead letter, shown, never in the way. */
export const REFUSAL_CODES = ['foreign_machine', 'malformed', 'too_large', 'forgotten'] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Why a connection ends. The WebSocket close code is in `CLOSE_CODES`. */
export const GOODBYE_CODES = [
  'revoked', 'retired', 'unknown_machine', 'unauthorised', 'version_unsupported', 'clone_suspected',
  'replaced', 'protocol_error', 'hello_timeout', 'frame_too_large', 'shutting_down',
] as const;
export type GoodbyeCode = (typeof GOODBYE_CODES)[number];

export const CLOSE_CODES: Readonly<Record<GoodbyeCode, number>> = {
  unauthorised: 4401,
  unknown_machine: 4404,
  revoked: 4403,
  retired: 4410,
  version_unsupported: 4406,
  clone_suspected: 4409,
  replaced: 4408,
  protocol_error: 4400,
  hello_timeout: 4407,
  frame_too_large: 1009,
  shutting_down: 1001,
};

/** A person must act: the agent exits 5 and its service does not start it again. */
export const FATAL_GOODBYES: ReadonlySet<GoodbyeCode> = new Set(['revoked', 'retired']);

export type { JsonValue };
