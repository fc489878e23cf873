/**
 * What `tt status`, the API and the page say about the fleet: one pure function
 * over the registry, the connections and the store. Unknown is null, never zero.
 */
import type { MachineId, Timestamp } from '../shared/ids.ts';
import type { StatusFrame } from '../shared/protocol/frames.ts';
import { STATUS_SCHEMA, type CollectorStatus, type MachineState, type MachineStatus, type TunnelStatus } from '../shared/status.ts';
import { printTimestamp } from '../shared/timestamp.ts';
import { VERSION } from '../shared/version.ts';
import { machineCompleteUntil } from './completeness.ts';
import type { EnrolledMachine } from './enrolment/machine-registry.ts';
import type { MachineLink } from './ingest/machine-links.ts';
import type { MachineCounts } from './store/read-status.ts';
import type { StepState } from './handover/step-keeper.ts';
import type { TunnelInfo } from './tunnel/tunnel.ts';

/** Waiting this long, bytes are no longer just on their way. */
export const LIVE_LAG_MS = 15_000;
const PROBLEM_SHOWN_MS = 10 * 60_000;

/** What is known of a machine's agent: of its connection, or as it was last heard. */
export type LinkKnowledge = Pick<MachineLink, 'connected' | 'lastSeenMs' | 'version' | 'clockOffsetMs' | 'statusAtMs'> & {
  problem?: MachineLink['problem'];
  status: Pick<StatusFrame, 'backlog_bytes' | 'backlog_events' | 'oldest_unacked_at' | 'drained_at' | 'clock'> & Partial<Pick<StatusFrame, 'problems'>> | null;
};

export interface StatusFacts {
  nowMs: number;
  running: boolean;
  collectorId: string | null;
  ingestPort: number | null;
  uiPort: number | null;
  machines: readonly EnrolledMachine[];
  /** Undefined: never heard of. */
  linkOf(machineId: MachineId): LinkKnowledge | undefined;
  countsOf(machineId: MachineId): MachineCounts;
  /** Undefined: it has none; without this function nobody knows. */
  tunnelOf?(machineId: MachineId): Readonly<TunnelInfo> | undefined;
  /** Undefined: no rule names it; without this function nobody knows. */
  stepsOf?(machineId: MachineId): Readonly<StepState> | undefined;
}

export function toCollectorStatus(facts: StatusFacts): CollectorStatus {
  const machines = facts.machines.map((machine) => toMachineStatus(machine, facts));
  return {
    schema: STATUS_SCHEMA,
    role: 'collector',
    running: facts.running,
    collector_id: facts.collectorId,
    version: VERSION,
    ingest_port: facts.ingestPort,
    ui_port: facts.uiPort,
    complete_until: completeUntil(machines),
    machines: machines.toSorted((a, b) => Number(a.state === 'retired') - Number(b.state === 'retired') || (a.label < b.label ? -1 : 1)),
  };
}

function toMachineStatus(machine: EnrolledMachine, facts: StatusFacts): MachineStatus {
  const link = facts.linkOf(machine.machineId);
  const counts = facts.countsOf(machine.machineId);
  const frame = link?.status ?? null;
  const lagMs = lagOf(link, facts.nowMs);
  const drainedAt = frame?.drained_at ?? null;
  return {
    machine_id: machine.machineId,
    label: machine.label,
    state: stateOf(machine, link, counts, lagMs),
    connected: link?.connected ?? false,
    last_event_at: orNull(counts.lastEventAtMs, printTimestamp),
    lag_ms: lagMs,
    ...backlogOf(link),
    drained_at: orNull(drainedAt, printTimestamp),
    complete_until: orNull(machineCompleteUntil(drainedAt), printTimestamp),
    events_today: counts.eventsToday,
    refused: counts.refused,
    gaps: counts.gaps,
    clock_offset_ms: link?.clockOffsetMs ?? null,
    version: link?.version ?? null,
    ended_at: endedAt(machine),
    gap_bytes: counts.gapBytes,
    gap_reasons: counts.gapReasons,
    refused_lately: counts.refusedLately,
    problem: problemOf(link, facts.nowMs),
    agent_problems: frame?.problems ?? [],
    tunnel: toTunnelStatus(facts.tunnelOf?.(machine.machineId)),
    in_step: toInStep(facts.stepsOf?.(machine.machineId)),
  };
}

export function toTunnelStatus(tunnel: Readonly<TunnelInfo> | undefined): TunnelStatus | null {
  if (!tunnel) return null;
  const { host, mode, phase, sinceMs, problem, warning } = tunnel;
  return { host, mode, state: phase, since: printTimestamp(sinceMs), problem: problem?.message ?? null, hint: problem?.hint ?? null, warning };
}

function toInStep(state: Readonly<StepState> | undefined): NonNullable<MachineStatus['in_step']> | null {
  if (!state) return null;
  return { looked_at: orNull(state.lookedMs, printTimestamp), problem: state.problem?.message ?? null, hint: state.problem?.hint ?? null };
}

/** Of a connected machine it is somebody else's: who is refused tries again every three minutes, so that it shows as long as that one tries. */
function problemOf(link: LinkKnowledge | undefined, nowMs: number): string | null {
  if (!link?.problem || (link.connected && nowMs - link.problem.atMs > PROBLEM_SHOWN_MS)) return null;
  return link.problem.message;
}

/** From here on it can not send any more. */
export function endedAt({ retiredAt, revokedAt }: Pick<EnrolledMachine, 'retiredAt' | 'revokedAt'>): Timestamp | null {
  if (retiredAt === null || revokedAt === null) return retiredAt ?? revokedAt;
  return retiredAt < revokedAt ? retiredAt : revokedAt;
}

/** Of a machine that is away: at least what it had. That it had nothing says nothing about now. */
function backlogOf(link: LinkKnowledge | undefined): Pick<MachineStatus, 'backlog_bytes' | 'backlog_events'> {
  const { backlog_bytes = null, backlog_events = null } = link?.status ?? {};
  const isKnown = link?.connected === true || (backlog_bytes !== null && backlog_bytes > 0);
  return isKnown ? { backlog_bytes, backlog_events } : { backlog_bytes: null, backlog_events: null };
}

function orNull<T, R>(value: T | null, convert: (value: T) => R): R | null {
  return value === null ? null : convert(value);
}

/**
 * Age of the oldest byte that waits. Measured on the agent's clock up to its last
 * status and on ours since, so that an offset between the two cancels out. Null
 * while unknown: before the first look has ended, or away with nothing known to wait.
 */
function lagOf(link: LinkKnowledge | undefined, nowMs: number): number | null {
  if (!link?.status || link.statusAtMs === null || link.status.backlog_bytes === null) return null;
  if (link.status.oldest_unacked_at === null) return link.connected ? 0 : null;
  const agedMs = nowMs - link.statusAtMs;
  return Math.max(0, link.status.clock - link.status.oldest_unacked_at + agedMs);
}

function stateOf(machine: EnrolledMachine, link: LinkKnowledge | undefined, counts: MachineCounts, lagMs: number | null): MachineState {
  if (machine.revokedAt !== null) return 'revoked';
  if (machine.retiredAt !== null) return 'retired';
  if (link?.connected) return lagMs !== null && lagMs <= LIVE_LAG_MS ? 'live' : 'catching_up';
  const wasSeen = (link !== undefined && link.lastSeenMs !== null) || counts.lastEventAtMs !== null;
  return wasSeen ? 'away' : 'never_seen';
}

/**
 * The least of all machines that count: each from enrolment until it is retired
 * or revoked. One that has ended can not send any more, so nothing waits for it;
 * up to when it was complete its own row tells. Null where one of those that
 * count is unknown, or where there is none.
 */
function completeUntil(machines: readonly MachineStatus[]): string | null {
  let least: string | null = null;
  for (const machine of machines) {
    if (machine.ended_at !== null) continue;
    if (machine.complete_until === null) return null;
    if (least === null || machine.complete_until < least) least = machine.complete_until;
  }
  return least;
}
