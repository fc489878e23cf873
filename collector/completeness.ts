/**
 * How complete the data of a machine, and of a period, is (design §7). Pure;
 * times are epoch ms, half-open; unknown is null, never zero.
 *
 * Limits: an event that its harness writes later than two minutes after its own
 * timestamp is not foreseen. A machine counts from its enrolment on, so of the
 * time before nothing says whether all its history has arrived.
 */
import { HEALTHY_SLACK_MS } from '../shared/limits.ts';

/** A line can appear this long after its own timestamp (measured: 88 s, rounded up). */
export const LATE_LINE_MS = 120_000;

export interface CountedMachine {
  label: string;
  enrolledAtMs: number;
  /** When it was retired or revoked, whichever came first; null while it counts. */
  endedAtMs: number | null;
  /** Null: not known. */
  completeUntilMs: number | null;
}

export interface CountedGap {
  label: string;
  /** Of the good lines around it; null: not bounded on that side. */
  fromMs: number | null;
  toMs: number | null;
  isAccepted: boolean;
}

export interface Period {
  fromMs: number;
  toMs: number;
}

export interface PeriodCompleteness<Gap extends CountedGap> {
  complete: boolean;
  /** The period is complete from its start up to here, at most to now − 180 s; null where that is not known. */
  until: number | null;
  /** `since`: from where on data of this machine may be missing; null: nobody knows. */
  missing: { label: string; since: number | null }[];
  /** Open ones that overlap the period. */
  gaps: Gap[];
}

/** `drainedAtMs`: start of the latest full look all of whose lines were acknowledged since. */
export function machineCompleteUntil(drainedAtMs: number | null): number | null {
  return drainedAtMs === null ? null : drainedAtMs - LATE_LINE_MS;
}

/**
 * How far a machine has to be complete for `period`: as far as a healthy one can
 * be now, or could be at the moment it was retired or revoked, since it can send
 * nothing after. Null: it does not count in this period.
 */
function neededUntil(machine: CountedMachine, period: Period, nowMs: number): number | null {
  const endMs = machine.endedAtMs ?? Infinity;
  if (machine.enrolledAtMs >= period.toMs || endMs <= period.fromMs) return null;
  const needed = Math.min(period.toMs, Math.min(nowMs, endMs) - HEALTHY_SLACK_MS);
  return needed <= Math.max(period.fromMs, machine.enrolledAtMs) ? null : needed;
}

export function periodCompleteness<Gap extends CountedGap>(
  machines: readonly CountedMachine[], gaps: readonly Gap[], period: Period, nowMs: number,
): PeriodCompleteness<Gap> {
  const missing = machines.flatMap((machine) => {
    const needed = neededUntil(machine, period, nowMs);
    const since = machine.completeUntilMs;
    return needed === null || (since !== null && since >= needed) ? [] : [{ label: machine.label, since }];
  });
  const open = gaps.filter((gap) => !gap.isAccepted && overlaps(gap, period));
  return { complete: missing.length === 0 && open.length === 0, until: untilOf(missing, open, period, nowMs), missing, gaps: open };
}

function overlaps({ fromMs, toMs }: CountedGap, period: Period): boolean {
  return (fromMs ?? -Infinity) < period.toMs && (toMs ?? Infinity) >= period.fromMs;
}

function untilOf(
  missing: readonly { since: number | null }[], gaps: readonly CountedGap[], period: Period, nowMs: number,
): number | null {
  let until = Math.min(period.toMs, nowMs - HEALTHY_SLACK_MS);
  for (const { since } of missing) {
    if (since === null) return null;
    until = Math.min(until, since);
  }
  for (const { fromMs } of gaps) until = Math.min(until, fromMs ?? period.fromMs);
  return Math.max(until, period.fromMs);
}
