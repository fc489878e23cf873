/**
 * What one event adds to the summary of its session. Every operation commutes
 * (sums, earliest, latest with a fixed order for ties), so order, duplication
 * and grouping of arrival change nothing. Pure.
 */
import { parseTimestamp, timestampMs } from '../../shared/timestamp.ts';
import type { Claim } from './claim.ts';
import type { Kind } from './keys.ts';

/** What was said last; the number orders signals of the same millisecond. */
export const SIGNAL_RANKS = {
  started: 0, prompt: 1, script: 1, command: 1, shell: 1, answer: 1, tool_result: 2, assistant: 3, tool_use: 4,
  answered: 5, turn_ended: 6, interrupt: 7, ended: 8,
} as const;
export type Signal = keyof typeof SIGNAL_RANKS;

export interface SessionCounts {
  prompts: number;
  scriptPrompts: number;
  commands: number;
  interrupts: number;
  answers: number;
  assistantMessages: number;
  toolUses: number;
  toolResults: number;
  toolErrors: number;
  turns: number;
}

export interface SessionSummary extends SessionCounts {
  session: number;
  agentId: string;
  machine: number;
  harness: string | null;
  startedAt: number | null;
  firstAt: number;
  lastAt: number;
  cwd: number | null;
  cwdAt: number | null;
  gitBranch: string | null;
  harnessVersion: string | null;
  signal: Signal | null;
  signalAt: number | null;
  status: string | null;
  waitingFor: string | null;
  statusAt: number | null;
  /** Until when it is known to hold; later than `statusAt` for a `gone`, which has the time of the status it ends. */
  statusSeenAt: number | null;
}

/** What the earlier tool said about sessions; of these types only. */
const LEGACY_TYPES: ReadonlySet<string> = new Set(['agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result', 'session_metadata']);

/**
 * A row of the earlier tool about a harness session. It counted much as human
 * that is not, so it counts only for a session whose log nobody here has read.
 */
export function isLegacyRow(schemaVersion: number, kind: Pick<Kind, 'type' | 'form'>): boolean {
  return schemaVersion < 2 && kind.form !== 'fact' && LEGACY_TYPES.has(kind.type);
}

export type EventData = Readonly<Record<string, unknown>>;

export function textOf(data: EventData, key: string): string | null {
  const value = data[key];
  return typeof value === 'string' ? value : null;
}

function timeOf(data: EventData, key: string): number | null {
  const timestamp = parseTimestamp(textOf(data, key) ?? '');
  return timestamp === undefined ? null : timestampMs(timestamp);
}

const FINAL_STOPS: ReadonlySet<string> = new Set(['end_turn', 'max_tokens', 'stop_sequence', 'refusal']);

/** Summary of a session that consists of this event alone. */
export function summaryOf(claim: Claim, kind: Kind, data: EventData): SessionSummary {
  const summary: SessionSummary = {
    session: claim.session, agentId: textOf(data, 'agent_id') ?? '', machine: claim.machine,
    harness: textOf(data, 'agent'), startedAt: null, firstAt: claim.at, lastAt: claim.at,
    cwd: claim.cwd, cwdAt: claim.cwd === null ? null : claim.at, gitBranch: null, harnessVersion: null,
    prompts: 0, scriptPrompts: 0, commands: 0, interrupts: 0, answers: 0, assistantMessages: 0, toolUses: 0,
    toolResults: 0, toolErrors: 0, turns: 0,
    signal: null, signalAt: null, status: null, waitingFor: null, statusAt: null, statusSeenAt: null,
  };
  const signal = tell(summary, kind.type, data, claim.at);
  if (signal !== null) {
    summary.signal = signal;
    summary.signalAt = claim.at;
  }
  return summary;
}

/** Counts the event and returns what it signals. */
function tell(summary: SessionSummary, type: string, data: EventData, at: number): Signal | null {
  switch (type) {
    case 'agent_session':
      if (data['action'] === 'ended') return 'ended';
      summary.startedAt = at;
      summary.gitBranch = textOf(data, 'git_branch');
      summary.harnessVersion = textOf(data, 'harness_version');
      return 'started';
    case 'user_message':
      return tellMessage(summary, data);
    case 'assistant_message':
      summary.assistantMessages = 1;
      return FINAL_STOPS.has(textOf(data, 'stop_reason') ?? '') ? 'answered' : 'assistant';
    case 'agent_tool_use':
      summary.toolUses = 1;
      return 'tool_use';
    case 'agent_tool_result':
      summary.toolResults = 1;
      if (data['is_error'] === true) summary.toolErrors = 1;
      return 'tool_result';
    case 'agent_turn':
      summary.turns = 1;
      return 'turn_ended';
    case 'agent_status':
      summary.status = textOf(data, 'status');
      summary.waitingFor = textOf(data, 'waiting_for');
      summary.statusAt = at;
      summary.statusSeenAt = Math.max(at, timeOf(data, 'observed_at') ?? at);
      return null;
    default:
      return null;
  }
}

function tellMessage(summary: SessionSummary, data: EventData): Signal {
  const kind = textOf(data, 'kind') ?? 'prompt';
  switch (kind) {
    case 'command':
    case 'shell':
      summary.commands = 1;
      return kind;
    case 'interrupt':
      summary.interrupts = 1;
      return 'interrupt';
    case 'answer':
      summary.answers = 1;
      return 'answer';
    default:
      if (data['origin'] === 'script') {
        summary.scriptPrompts = 1;
        return 'script';
      }
      summary.prompts = 1;
      return 'prompt';
  }
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

export interface FoldContext {
  machineId(machine: number): string;
  path(cwd: number): string;
}

/** Adds `other` to `into`, both of the same session and agent. */
export function fold(into: SessionSummary, other: SessionSummary, context: FoldContext): void {
  if (isLaterPlace(other, into, context)) into.machine = other.machine;
  if (isEarlierCwd(other, into, context)) {
    into.cwd = other.cwd;
    into.cwdAt = other.cwdAt;
  }
  if (isEarlierStart(other, into)) {
    into.gitBranch = other.gitBranch;
    into.harnessVersion = other.harnessVersion;
  }
  into.startedAt = earliest(into.startedAt, other.startedAt);
  into.harness = maxText(into.harness, other.harness);
  into.firstAt = Math.min(into.firstAt, other.firstAt);
  into.lastAt = Math.max(into.lastAt, other.lastAt);
  into.prompts += other.prompts;
  into.scriptPrompts += other.scriptPrompts;
  into.commands += other.commands;
  into.interrupts += other.interrupts;
  into.answers += other.answers;
  into.assistantMessages += other.assistantMessages;
  into.toolUses += other.toolUses;
  into.toolResults += other.toolResults;
  into.toolErrors += other.toolErrors;
  into.turns += other.turns;
  if (isLaterSignal(other, into)) {
    into.signal = other.signal;
    into.signalAt = other.signalAt;
  }
  if (isLaterStatus(other, into)) {
    into.status = other.status;
    into.waitingFor = other.waitingFor;
    into.statusAt = other.statusAt;
    into.statusSeenAt = other.statusSeenAt;
  }
}

function maxText(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}

function isLaterPlace(a: SessionSummary, b: SessionSummary, context: FoldContext): boolean {
  if (a.lastAt !== b.lastAt) return a.lastAt > b.lastAt;
  return a.machine !== b.machine && context.machineId(a.machine) < context.machineId(b.machine);
}

function isEarlierCwd(a: SessionSummary, b: SessionSummary, context: FoldContext): boolean {
  if (a.cwdAt === null || a.cwd === null) return false;
  if (b.cwdAt === null || b.cwd === null) return true;
  if (a.cwdAt !== b.cwdAt) return a.cwdAt < b.cwdAt;
  return a.cwd !== b.cwd && context.path(a.cwd) < context.path(b.cwd);
}

/** Several events can say `started` (imported ones have facts of their own): the texts break a tie. */
function isEarlierStart(a: SessionSummary, b: SessionSummary): boolean {
  if (a.startedAt === null) return false;
  if (b.startedAt === null || a.startedAt !== b.startedAt) return b.startedAt === null || a.startedAt < b.startedAt;
  const text = (summary: SessionSummary): string => JSON.stringify([summary.gitBranch, summary.harnessVersion]);
  return text(a) > text(b);
}

function isLaterSignal(a: SessionSummary, b: SessionSummary): boolean {
  if (a.signal === null || a.signalAt === null) return false;
  if (b.signal === null || b.signalAt === null) return true;
  if (a.signalAt !== b.signalAt) return a.signalAt > b.signalAt;
  const [rankA, rankB] = [SIGNAL_RANKS[a.signal], SIGNAL_RANKS[b.signal]];
  return rankA !== rankB ? rankA > rankB : a.signal > b.signal;
}

function isLaterStatus(a: SessionSummary, b: SessionSummary): boolean {
  if (a.statusAt === null) return false;
  if (b.statusAt === null || a.statusAt !== b.statusAt) return b.statusAt === null || a.statusAt > b.statusAt;
  // `gone` sorts after every status of its time (design §4).
  const rank = (status: string | null): string => (status === 'gone' ? '\uffff' : status ?? '');
  if (rank(a.status) !== rank(b.status)) return rank(a.status) > rank(b.status);
  if (a.waitingFor !== b.waitingFor) return (a.waitingFor ?? '') > (b.waitingFor ?? '');
  return (a.statusSeenAt ?? 0) > (b.statusSeenAt ?? 0);
}
