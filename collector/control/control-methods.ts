/**
 * What can be asked of a collector over its control socket, as one table: the
 * server, the client and the commands that work without a collector share it.
 */
import * as z from 'zod';
import { archiveRowSchema } from '../../shared/archive-document.ts';
import { gapRowSchema, machineReportSchema } from '../../shared/machine-document.ts';
import { ARCHIVE_OFFER_FILES } from '../../shared/limits.ts';
import { probeSchema } from '../../shared/probe.ts';
import { appliedSchema, streamSchema } from '../../shared/stream-documents.ts';
import { syncEveryDocumentSchema } from '../../shared/sync-document.ts';
import { collectorStatusSchema, machineAddedSchema, tunnelStatusSchema } from '../../shared/status.ts';
import { ASSIGNERS } from '../store/assignments.ts';
import { FORGET_SCOPES } from '../store/tombstones.ts';
import { streamCommandSchema } from '../streams/change.ts';
import { assignmentDocumentSchema } from '../streams/document.ts';
import { RECOMPUTED_PARTS } from '../writer/messages.ts';

/** Raised when a method changes its meaning; new methods and keys do not raise it. */
export const CONTROL_VERSION = 1;

const nothing = z.object({});
const timestampOrNull = z.string().nullable();

/** One row of `tt machines --json`. */
export const machineRowSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  enrolled_at: z.string(),
  retired_at: timestampOrNull,
  revoked_at: timestampOrNull,
  /** Null where no collector runs: nobody knows. */
  connected: z.boolean().nullable(),
  /** Start of the present connection. */
  connected_since: timestampOrNull.default(null),
  last_seen_at: timestampOrNull,
  version: z.string().nullable(),
  /** Why it is not connected, in words. */
  problem: z.string().nullable(),
  /** Are the files of its sessions to be archived? How far they are: `tt archive`. */
  archive: z.boolean().default(false),
});
export type MachineRow = z.infer<typeof machineRowSchema>;

export const rewoundSchema = z.object({
  label: z.string(),
  /** Generations that are read again from their start. */
  files: z.number(),
  /** `now`: the agent was told; `at_next_connect`: it is told then, or finds out by the ledger. */
  happens: z.enum(['now', 'at_next_connect']),
});

export const importCountsSchema = z.object({
  read: z.number(), stored: z.number(), duplicates: z.number(), forgotten: z.number(), malformed: z.number(),
  malformedAt: z.array(z.number()),
});
export const rebuildCountsSchema = z.object({
  events: z.number(), copies: z.number(), sessions: z.number(), responses: z.number(),
});

const recomputePlaceSchema = z.object({ part: z.enum(RECOMPUTED_PARTS), after: z.number() });

export const tunnelRowSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  host: z.string().nullable(),
  tunnel: tunnelStatusSchema.nullable(),
});
export type TunnelRow = z.infer<typeof tunnelRowSchema>;

const forgetTarget = z.object({ scope: z.enum(FORGET_SCOPES), value: z.string().min(1) });

export const CONTROL_METHODS = {
  /** Of the running collector. */
  'status': { request: nothing, response: collectorStatusSchema },
  'machines.list': { request: nothing, response: z.object({ machines: z.array(machineRowSchema) }) },
  'machines.add': { request: z.object({ label: z.string(), again: z.boolean() }), response: machineAddedSchema },
  'machines.rename': { request: z.object({ label: z.string(), new_label: z.string() }), response: machineRowSchema },
  'machines.revoke': { request: z.object({ label: z.string() }), response: machineRowSchema },
  'machines.retire': { request: z.object({ label: z.string() }), response: machineRowSchema },
  'machines.rewind': { request: z.object({ label: z.string(), replace: z.boolean() }), response: rewoundSchema },
  /** Asks its agent for a probe, and waits for it. */
  'machines.probe': { request: z.object({ label: z.string() }), response: probeSchema },
  /** What the agents said of themselves last. */
  'machines.reports': { request: nothing, response: z.object({ machines: z.array(machineReportSchema) }) },
  /** Of machines that have one. `tunnel`: null where no collector runs. */
  'tunnels.list': { request: nothing, response: z.object({ tunnels: z.array(tunnelRowSchema) }) },
  /** Gives a machine a tunnel, or takes it away (`host`: null). */
  'tunnels.set': { request: z.object({ label: z.string(), host: z.string().nullable() }), response: tunnelRowSchema },
  'tunnels.restart': { request: z.object({ label: z.string().nullable() }), response: z.object({ restarted: z.number() }) },
  /** A way in for one run of `tt sync`: `socket` leads to the ingest for whoever dialled `tt+pipe:ID`. Null: it is connected. */
  'sync.open': {
    request: z.object({ host: z.string(), label: z.string().nullable() }),
    response: z.object({ label: z.string(), known: z.boolean(), run: z.object({ id: z.string(), socket: z.string() }).nullable() }),
  },
  /** Closes it; answers whose it was and what came by it. */
  'sync.end': {
    request: z.object({ id: z.string() }),
    response: z.object({ machine: z.string().nullable(), stored: z.number(), duplicates: z.number(), refused: z.number() }),
  },
  /** Has the collector fetch by itself so often (null: no more), of these hosts or of all. */
  'sync.every': { request: z.object({ every_ms: z.int().min(60_000).nullable(), hosts: z.array(z.string()) }), response: syncEveryDocumentSchema },
  /** Machines that ssh reaches and that are not connected. */
  'sync.targets': { request: nothing, response: z.object({ targets: z.array(z.object({ host: z.string(), label: z.string() })) }) },
  /** Of `ids`, or of `machine` (label or ID), or `all`; answers which changed. */
  'gaps.accept': {
    request: z.object({ ids: z.array(z.string()), machine: z.string().nullable(), all: z.boolean(), undo: z.boolean() }),
    response: z.object({ gaps: z.array(gapRowSchema) }),
  },
  /** Removes for a while; again until `done`. */
  'forget.step': {
    request: forgetTarget,
    response: z.object({
      removed: z.number(), share: z.number(), done: z.boolean(),
      /** With `done`: sessions that were removed from the archive. */
      archived_sessions: z.number().default(0),
    }),
  },
  'forget.undo': { request: forgetTarget, response: z.object({ found: z.boolean() }) },
  /** Writes the database file anew, without what was removed. */
  'forget.compact': {
    request: nothing,
    response: z.object({ clean: z.boolean(), bytes_before: z.number(), bytes_after: z.number() }),
  },
  /** One change of streams or tags; answers those it was about. */
  'streams.change': { request: streamCommandSchema, response: z.object({ streams: z.array(streamSchema) }) },
  /** Applies a document of assignments whole, or nothing of it; with `dry_run` only tells what it would do. */
  'streams.assign': {
    request: z.object({ document: assignmentDocumentSchema, by: z.enum(ASSIGNERS), create: z.boolean(), dry_run: z.boolean() }),
    response: appliedSchema,
  },
  /** Takes back what was said together; null: the latest. Null where there is none. */
  'streams.undo': {
    request: z.object({ act: z.number().nullable() }),
    response: z.object({
      undone: z.object({ act: z.number(), assigned_by: z.string(), assigned_at: z.string(), assignments: z.number() }).nullable(),
    }),
  },
  /** What is wished of each machine's archive, and what its agent says of it. */
  'archive.list': { request: nothing, response: z.object({ machines: z.array(archiveRowSchema) }) },
  'archive.set': { request: z.object({ label: z.string(), on: z.boolean() }), response: archiveRowSchema },
  /** Has a connected agent hash the first bytes of files; `hashes` null: it is away, or too old. */
  'archive.audit': {
    request: z.object({ label: z.string(), files: z.array(z.object({ name: z.string(), size: z.number() })).max(ARCHIVE_OFFER_FILES) }),
    response: z.object({ hashes: z.array(z.string().nullable()).nullable() }),
  },
  /** Puts archived files aside and has them sent again. */
  'archive.resend': {
    request: z.object({ label: z.string(), names: z.array(z.string()).max(10_000) }),
    response: z.object({ files: z.number() }),
  },
  /** Writes an archive to `file`, on the collector's machine. */
  'backup': { request: z.object({ file: z.string() }), response: z.object({ bytes: z.number() }) },
  'rebuild': { request: nothing, response: rebuildCountsSchema },
  /** Goes on from `place`, the last answer's, for a while; null starts. Its answer has no place when all is done, and counts then. */
  'recompute.step': {
    request: z.object({ place: recomputePlaceSchema.nullable() }),
    response: z.object({ place: recomputePlaceSchema.nullable(), share: z.number(), counts: rebuildCountsSchema.nullable() }),
  },
  /** At most 4 MiB of JSON lines; a stream is many calls. */
  'import': { request: z.object({ lines: z.array(z.string()).max(10_000) }), response: importCountsSchema },
  /** A one-time link that signs a browser in to the page. */
  'page.link': { request: nothing, response: z.object({ url: z.string(), expires_at: z.string() }) },
} as const;

export type ControlMethod = keyof typeof CONTROL_METHODS;
export type ControlRequest<M extends ControlMethod> = z.infer<(typeof CONTROL_METHODS)[M]['request']>;
export type ControlResponse<M extends ControlMethod> = z.infer<(typeof CONTROL_METHODS)[M]['response']>;

/** The methods themselves: of a running collector through its socket, or of a command that holds the lock. */
export interface Control {
  call<M extends ControlMethod>(method: M, request: ControlRequest<M>): Promise<ControlResponse<M>>;
}

export type ControlHandlers = { [M in ControlMethod]: (request: ControlRequest<M>) => Promise<ControlResponse<M>> };

/** The methods in this process. */
export function controlOf(handlers: ControlHandlers): Control {
  return { call: (method, request) => handlers[method](request) };
}

export function isControlMethod(name: string): name is ControlMethod {
  return Object.hasOwn(CONTROL_METHODS, name);
}

/** Error body of the socket; becomes the same TtError on the other side. */
export const controlErrorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  exit_code: z.number(),
});
