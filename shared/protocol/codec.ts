/**
 * Bytes ↔ frames. What comes from a peer is `unknown` and leaves here typed, or
 * as a refusal; nothing else in the product casts a peer's bytes.
 *
 * Events inside a batch are checked one by one by the store (`event-check.ts`),
 * so that one bad event never costs the other 499; this file checks the envelope.
 */
import * as z from 'zod';
import type { LineageEdge, SessionState } from '../event.ts';
import { ARCHIVE_OFFER_FILES } from '../limits.ts';
import { hasMoreContainers } from './containers.ts';
import type { AgentFrame, BatchFrame, CollectorFrame, Frame } from './frames.ts';
import { ARCHIVE_REFUSALS, GOODBYE_CODES, REFUSAL_CODES } from './frames.ts';

export type Decoded<T> = { ok: true; frame: T } | { ok: false; reason: string };

const offset = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const hash = z.string().max(64);
const gen = z.string().regex(/^[0-9a-f]{32}$/);
const uuid = z.string().max(64);
const name = z.string().max(256);

const hello = z.looseObject({
  type: z.literal('hello'), protocol: z.number().int(), capabilities: z.array(name).max(64), version: name, label: name,
  host: name, instance: uuid, nonce: hash, positions_digest: hash, clock: z.number(),
});
const closed = z.looseObject({ type: z.literal('closed'), gens: z.array(gen).max(20_000) });
const probe = z.looseObject({
  type: z.literal('probe'), id: uuid, line: z.looseObject({ gen, to: offset }).optional(),
  hops: z.array(z.looseObject({ name, at: z.number() })).max(32),
});
const gapReport = z.looseObject({
  gen, path: z.string().max(4096), from: offset, to: offset, t_from: name, t_to: name,
  reason: z.enum(['truncated', 'released', 'unterminated']),
});
const status = z.looseObject({
  type: z.literal('status'), backlog_bytes: z.number().nullable(), backlog_events: z.number().nullable(),
  oldest_unacked_at: z.number().nullable(), drained_at: z.number().nullable(), files: z.number(),
  unknown_entries: z.record(name, z.number()), bad_lines: z.number(), kept_bytes: z.number(),
  gaps: z.array(gapReport).max(1000), problems: z.array(z.string().max(1000)).max(50), version: name, clock: z.number(),
  archive: z.looseObject({
    state: z.enum(['off', 'not_allowed', 'on']), files: z.number().nullable(), bytes: z.number().nullable(),
    waiting_files: z.number().nullable(), waiting_bytes: z.number().nullable(), withheld_sessions: z.number(), skipped_files: z.number(),
    problem: z.string().max(1000).nullable(),
  }).optional(),
});
const archiveName = z.string().max(1100);
const seq = z.number().int().min(1);
const offer = z.looseObject({
  type: z.literal('offer'), seq,
  files: z.array(z.looseObject({ name: archiveName, size: offset, was: archiveName.optional() })).max(ARCHIVE_OFFER_FILES),
});
const audited = z.looseObject({ type: z.literal('audited'), seq, hashes: z.array(hash.nullable()).max(ARCHIVE_OFFER_FILES) });
const agentFrame = z.discriminatedUnion('type', [hello, closed, probe, status, offer, audited]);

const wireLimits = z.looseObject({
  frameBytes: z.number(), batchBytes: z.number(), batchEvents: z.number(), eventBytes: z.number(),
  liveWindowBytes: z.number(), backfillWindowBytes: z.number(),
});
const welcome = z.looseObject({
  type: z.literal('welcome'), protocol: z.number().int(), capabilities: z.array(name), version: name,
  token: z.string().max(8192), limits: wireLimits, clock: z.number(), settled: z.boolean(),
  label: name.optional(),
});
const ledger = z.looseObject({
  type: z.literal('ledger'), positions: z.array(z.tuple([gen, offset, hash])), last: z.boolean(),
});
const ack = z.looseObject({
  type: z.literal('ack'), seq: z.number().int(), verdicts: z.string().regex(/^[sdr]*$/),
  refused: z.array(z.looseObject({ index: z.number().int(), code: z.enum(REFUSAL_CODES) })),
});
const seqOrNone = z.number().int().nullable();
const rewind = z.union([
  z.looseObject({ type: z.literal('rewind'), seq: seqOrNone, gen, to: offset, replace: z.literal(true).optional() }),
  z.looseObject({ type: z.literal('rewind'), seq: seqOrNone, gen, reset: z.literal(true) }),
]);
const busy = z.looseObject({ type: z.enum(['busy', 'disk_full']), seq: z.number().int(), retry_ms: z.number() });
const goodbye = z.looseObject({ type: z.literal('goodbye'), code: z.enum(GOODBYE_CODES), hint: z.string().max(2000) });
const archive = z.looseObject({ type: z.literal('archive'), on: z.boolean(), chunk_bytes: z.number().int().min(1), window_bytes: z.number().int().min(1) });
const holdings = z.looseObject({
  type: z.literal('holdings'), seq,
  files: z.array(z.union([z.looseObject({ size: offset, at: offset, mark: hash }), z.looseObject({ code: z.enum(ARCHIVE_REFUSALS) })])).max(ARCHIVE_OFFER_FILES),
});
const archived = z.looseObject({ type: z.literal('archived'), seq, code: z.enum(ARCHIVE_REFUSALS).optional(), retry_ms: z.number().optional() });
const audit = z.looseObject({ type: z.literal('audit'), seq, files: z.array(z.looseObject({ name: archiveName, size: offset })).max(ARCHIVE_OFFER_FILES) });
/** Tried in this order: nearly every frame is an ack. */
const collectorFrame = z.union([ack, archived, rewind, busy, ledger, welcome, goodbye, probe, holdings, archive, audit]);

const batchFile = z.looseObject({
  gen, path: z.string().max(4096), born_at: z.number().nullable(), from: offset, to: offset, prev: hash, tail: hash,
  events: z.number().int().min(0),
});
const sessionState = z.looseObject({ gen, offset, after: name, session_id: name, key: name, value: z.unknown() });
const lineageEdge = z.looseObject({
  child: name, parent: name, via: z.enum(['requestSessionId', 'forkedFrom', 'continued-in']),
});

const items = z.array(z.unknown()).max(100_000);
const batchEnvelope = z.looseObject({
  type: z.literal('batch'), seq: z.number().int().min(1), lane: z.enum(['live', 'backfill']),
  files: z.array(batchFile).min(1).max(2000), events: z.array(z.unknown()).max(100_000),
  states: items, edges: items, entries: items.optional(), schema_version: z.number().int().min(1).max(1_000_000).optional(),
});

/** Frames start with `{"type":"…"`, so the kind is known without parsing a quarter megabyte. */
const TYPE_PREFIX = '{"type":"';

export function peekFrameType(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 40)).toString('latin1');
  if (!head.startsWith(TYPE_PREFIX)) return undefined;
  const end = head.indexOf('"', TYPE_PREFIX.length);
  return end < 0 ? undefined : head.slice(TYPE_PREFIX.length, end);
}

/** `type` is written first: `peekFrameType` relies on it. */
export function encodeFrame(frame: Frame): string {
  const { type, ...rest } = frame;
  return JSON.stringify({ type, ...rest });
}

/** All of a batch but its events. */
export type BatchRest = Pick<BatchFrame, 'seq' | 'lane' | 'files' | 'states' | 'edges' | 'entries' | 'schema_version'>;

/** What goes before and behind the events. */
function around({ seq, lane, files, states, edges, entries, schema_version: version }: BatchRest): [before: string, behind: string] {
  return [
    `{"type":"batch","seq":${seq},"lane":"${lane}","files":${JSON.stringify(files)},"events":[`,
    `],"states":${JSON.stringify(states)},"edges":${JSON.stringify(edges)}`
    + `${entries === undefined ? '' : `,"entries":${JSON.stringify(entries)}`}${version === undefined ? '' : `,"schema_version":${version}`}}`,
  ];
}

/**
 * A batch from parts that are JSON already: the agent prints each event once,
 * to know its size, and never again.
 */
export function encodeBatch(rest: BatchRest, printedEvents: readonly string[]): string {
  const [before, behind] = around(rest);
  return `${before}${printedEvents.join(',')}${behind}`;
}

/**
 * The same in UTF-8. Event by event: joined first, one character beyond Latin-1
 * would double all the others, and each pass over the whole costs.
 */
export function encodeBatchBytes(rest: BatchRest, printedEvents: readonly string[]): Buffer {
  const [before, behind] = around(rest);
  let length = Buffer.byteLength(before) + Buffer.byteLength(behind) + Math.max(0, printedEvents.length - 1);
  for (const printed of printedEvents) length += Buffer.byteLength(printed);
  const bytes = Buffer.allocUnsafe(length);
  let at = bytes.write(before);
  let isFirst = true;
  for (const printed of printedEvents) {
    if (!isFirst) at = bytes.writeUInt8(COMMA, at);
    isFirst = false;
    at += bytes.write(printed, at);
  }
  bytes.write(behind, at);
  return bytes;
}

const COMMA = 0x2c;

/** Each takes two characters: what an agent may put into one batch (256 KiB) can not hold more, whatever it is. */
const BATCH_CONTAINERS = 150_000;
/** Of other frames of an agent, which are read on the collector's main thread: gaps and generations by the thousand. */
const FRAME_CONTAINERS = 20_000;

function parseWith<T>(schema: z.ZodType, text: string, maxContainers = Infinity): Decoded<T> {
  if (maxContainers !== Infinity && hasMoreContainers(text, maxContainers)) return { ok: false, reason: `more than ${maxContainers} arrays and objects` };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'not JSON' };
  }
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, frame: result.data as T };
  const issue = result.error.issues[0];
  return { ok: false, reason: issue ? `${issue.path.join('.')}: ${issue.message}` : 'malformed' };
}

/** Every frame of an agent but `batch`, which the writer decodes off the main thread. */
export function decodeAgentFrame(text: string): Decoded<Exclude<AgentFrame, BatchFrame>> {
  return parseWith(agentFrame, text, FRAME_CONTAINERS);
}

/** A state, edge or entry that breaks the limits. */
export interface UnfitItem {
  part: 'state' | 'edge' | 'entry';
  code: 'malformed' | 'too_large';
  value: unknown;
}

/** The envelope is checked; `events` are still whatever the peer wrote. */
export type UncheckedBatch = Omit<BatchFrame, 'events'> & { events: unknown[] };

/**
 * `unfit`: taken out of the batch, and to be told of by whoever takes it. A log may
 * hold a session ID of any length: to refuse the batch would bring it again, for ever.
 */
export type DecodedBatch = { ok: true; frame: UncheckedBatch; unfit?: UnfitItem[] } | { ok: false; reason: string };

type Envelope = Omit<UncheckedBatch, 'states' | 'edges' | 'entries'> & {
  states: unknown[];
  edges: unknown[];
  entries?: unknown[];
};

/** The items that pass; the others go to `unfit`. */
function fitting<T>(part: UnfitItem['part'], item: z.ZodType<T>, values: readonly unknown[], unfit: UnfitItem[]): T[] {
  return values.flatMap((value) => {
    const result = item.safeParse(value);
    if (result.success) return [result.data];
    unfit.push({ part, code: result.error.issues[0]?.code === 'too_big' ? 'too_large' : 'malformed', value });
    return [];
  });
}

export function decodeBatch(text: string): DecodedBatch {
  const decoded = parseWith<Envelope>(batchEnvelope, text, BATCH_CONTAINERS);
  if (!decoded.ok) return decoded;
  const { files, events, states, edges, entries, ...rest } = decoded.frame;
  const announced = files.reduce((sum, file) => sum + file.events, 0);
  if (announced !== events.length) return { ok: false, reason: `files announce ${announced} events, there are ${events.length}` };
  if (files.some((file) => file.to < file.from)) return { ok: false, reason: 'files.to: before from' };
  const unfit: UnfitItem[] = [];
  const frame: UncheckedBatch = {
    ...rest, files, events,
    states: fitting<SessionState>('state', sessionState as z.ZodType<SessionState>, states, unfit),
    edges: fitting<LineageEdge>('edge', lineageEdge, edges, unfit),
    ...(entries === undefined ? {} : { entries: fitting('entry', uuid, entries, unfit) }),
  };
  return { ok: true, frame, ...(unfit.length === 0 ? {} : { unfit }) };
}

export function decodeCollectorFrame(text: string): Decoded<CollectorFrame> {
  return parseWith(collectorFrame, text);
}
