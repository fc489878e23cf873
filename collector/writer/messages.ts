/**
 * What the main thread and the writer say to each other. The writer is the only
 * one that writes to the database while a collector runs; it answers a batch
 * only after its commit is on disk.
 */
import type { MachineId } from '../../shared/ids.ts';
import type { GapReport, Lane, Position } from '../../shared/protocol/frames.ts';
import type { Act } from '../store/assigning.ts';
import type { Compacted } from '../store/compaction.ts';
import type { ForgetTarget } from '../store/tombstones.ts';
import type { StoredGap } from '../store/gaps.ts';
import type { Applied, ApplyOptions } from '../streams/apply.ts';
import type { ChangedStream, StreamCommand } from '../streams/change.ts';
import type { AssignmentDocument } from '../streams/document.ts';

/** Who sent it, as the credential proved it; never what a body claims. */
export interface MachineRef {
  machineId: MachineId;
  /** Decides between copies of one fact, after the birth of their files (design §4). */
  enrolledAtMs: number;
}

/** A batch frame as it came from the socket. Its buffer is transferred, not copied. */
export interface BatchJob {
  kind: 'batch';
  connection: number;
  machine: MachineRef;
  receivedAtMs: number;
  /** Small live frames pass large backfill frames of other connections. */
  lane: Lane;
  bytes: ArrayBuffer;
  /** Binary kind 1: brotli behind the first byte. */
  isCompressed: boolean;
}

/** Calls with an answer. Each runs between two group commits, but for `backup`, which batches and other calls pass. */
export interface WriterCalls {
  /** Contiguous stored offsets of a machine. */
  ledger: { args: [machineId: MachineId]; result: Position[] };
  /** Drops settled generations from the ledger. */
  closeGenerations: { args: [machineId: MachineId, gens: string[]]; result: null };
  /** Forgets how far every file of the machine is stored, so that each is sent from its start; answers which. */
  setBackLedger: { args: [machineId: MachineId]; result: string[] };
  /** All files of the machine are to be read again, naming their entries; kept until they were. Answers how many. */
  wantReplacement: { args: [machineId: MachineId]; result: { files: number } };
  /** The files that still are, and from where. */
  wantedReplacements: { args: [machineId: MachineId]; result: { gen: string; from: number }[] };
  reportGaps: { args: [machine: MachineRef, gaps: GapReport[], reportedAtMs: number]; result: null };
  listGaps: { args: []; result: StoredGap[] };
  /** Null takes the acceptance back. */
  acceptGaps: { args: [gaps: StoredGap[], acceptedAtMs: number | null]; result: number };
  /** Lines of an export or of the earlier tool; accepts foreign machines. See store/import. */
  importLines: { args: [lines: string[], receivedAtMs: number]; result: ImportCounts };
  /** Removes for about 20 ms; again until `done`. See store/forgetting. */
  forgetStep: { args: [target: ForgetTarget, nowMs: number]; result: ForgetProgress };
  /** Which of these archived names are of something forgotten; their indexes. See shared/archive-name. */
  forgottenNames: { args: [machineId: MachineId, names: string[]]; result: number[] };
  /** Takes the tombstone away. False: there is none. */
  undoForget: { args: [target: ForgetTarget]; result: boolean };
  /** Writes the whole file anew. Batches wait meanwhile; it waits for a backup. */
  compact: { args: []; result: Compacted };
  /** One change of streams or tags; answers those it was about, as they are then. See streams/change. */
  changeStreams: { args: [change: StreamCommand, at: string]; result: ChangedStream[] };
  /** Applies a document of assignments whole, or nothing of it. `dryRun`: only tells what it would do. */
  assign: { args: [document: AssignmentDocument, options: ApplyOptions & { dryRun: boolean }]; result: Applied };
  /** Takes back what was said together; null: the latest. Answers null where there is none. */
  undoAssignments: { args: [act: number | null]; result: Act | null };
  /** Online copy of the database to `file`, in steps of about a millisecond, with what is committed meanwhile. */
  backup: { args: [file: string]; result: { bytes: number } };
  /** Derives every derived table again from events and copies. */
  rebuild: { args: []; result: RebuildCounts };
  /** As `rebuild`, in steps that batches pass between; again until there is no place. See store/recomputing. */
  recomputeStep: { args: [place: RecomputePlace | null, stepMs: number]; result: RecomputeProgress };
  /** What `rebuild` answers, as it is now. */
  derivedCounts: { args: []; result: RebuildCounts };
  /** Derives time that is behind for some milliseconds; called when idle. True: there is more. */
  deriveTime: { args: []; result: boolean };
  /** Checkpoints the WAL; called when idle. */
  checkpoint: { args: []; result: null };
}
export type WriterMethod = keyof WriterCalls;

export interface ImportCounts {
  read: number;
  stored: number;
  duplicates: number;
  /** Of something that `tt forget` keeps out. */
  forgotten: number;
  /** Kept as dead letters. */
  malformed: number;
  /** Which: indexes into the lines of the call, at most 1000. */
  malformedAt: number[];
}

export interface ForgetProgress {
  /** Claims and dead letters removed so far. */
  removed: number;
  /** Place in the table that is being looked through, 0 to 1. */
  share: number;
  done: boolean;
}

/** In this order. */
export const RECOMPUTED_PARTS = ['responses', 'signs', 'events', 'sessions'] as const;

/** Up to where it is done: a row, a session, or of signs a time. */
export interface RecomputePlace {
  part: (typeof RECOMPUTED_PARTS)[number];
  after: number;
}

export interface RecomputeProgress {
  /** Null: all is done. */
  place: RecomputePlace | null;
  /** Of the whole, 0 to 1. */
  share: number;
}

export interface RebuildCounts {
  events: number;
  copies: number;
  sessions: number;
  responses: number;
}

export interface CallJob<M extends WriterMethod = WriterMethod> {
  kind: 'call';
  id: number;
  method: M;
  args: WriterCalls[M]['args'];
}

export type ToWriter = BatchJob | CallJob | { kind: 'close' };

/** One frame to send back, printed already; '': none. */
export interface WriterAnswer {
  connection: number;
  frame: string;
  /** The peer broke the protocol: say goodbye with this reason after the frame. */
  protocolError?: string;
}

/** What one group commit changed, for the live page and the status. */
export interface CommitSummary {
  committedAtMs: number;
  machines: {
    machineId: MachineId;
    stored: number;
    duplicate: number;
    refused: number;
    /** Greatest timestamp among the stored events, epoch ms. */
    lastEventAtMs: number | null;
  }[];
  /** Row IDs of the newest stored events (at most 200), for the live tail. */
  storedRows: number[];
}

export interface WriterProblem {
  /** `disk_full`, or the database's own code. */
  code: string;
  message: string;
}

export type FromWriter =
  | { kind: 'ready' }
  /** `taken`: one per job of the group, stored or not, so that the listener knows what is still unanswered; `bytes` as `workBytes` counts. */
  | { kind: 'committed'; answers: WriterAnswer[]; summary: CommitSummary; taken: { connection: number; bytes: number }[] }
  /** Something was not stored and will be asked for again; `null`: that is over. */
  | { kind: 'problem'; problem: WriterProblem | null }
  | { kind: 'result'; id: number; ok: true; value: unknown }
  | { kind: 'result'; id: number; ok: false; code: string; message: string; hint: string }
  /** The database can not be written any more (corrupt, gone): the collector must stop and say so. */
  | { kind: 'failed'; code: string; message: string; hint: string };
