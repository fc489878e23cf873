/** Each machine, by what the collector knows of it and what its agent said last. */
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { judgeClock } from '../../shared/doctor/clock-offset.ts';
import { reasonWords } from '../../shared/gap-words.ts';
import { agoWords, bytesWords, durationWords, plural } from '../../shared/status-words.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import type { MachineReport } from '../../shared/machine-document.ts';

const AWAY_MS = 24 * 3_600_000;
const LATE_MS = 10 * 60_000;
/** Of the kept files of a machine, as if its limit were the default. */
const KEPT_BYTES = 3 * 1024 ** 3;

export interface MachinesFacts {
  status: CollectorStatus;
  /** By machine ID; empty without a running collector. */
  reports: ReadonlyMap<string, MachineReport>;
  nowMs: number;
}

export function judgeMachines({ status, reports, nowMs }: MachinesFacts): Check[] {
  const counted = status.machines.filter(({ ended_at }) => ended_at === null);
  if (counted.length === 0) return [warn('machines', 'no machine sends anything here', 'tt machines add LABEL; tt deploy HOST does all of it over ssh')];
  return counted.flatMap((machine) => [
    judgePresence(machine, status.running, nowMs),
    ...(machine.clock_offset_ms === null ? [] : judgeClock(machine.clock_offset_ms, 0, machine.label)),
    ...judgeVersion(machine, status.version),
    ...judgeTunnel(machine),
    ...judgeInStep(machine),
    ...judgeLosses(machine),
    ...judgeReport(machine, reports.get(machine.machine_id)),
  ]);
}

function judgePresence(machine: MachineStatus, running: boolean, nowMs: number): Check {
  const { label, state, last_event_at: last, lag_ms: lag, problem } = machine;
  if (problem !== null && problem !== undefined && state !== 'live') return fail('machines', problem, 'look there: tt-agent doctor', label);
  if (state === 'never_seen') return warn('machines', 'never seen', 'on that machine: tt-agent join as tt machines add printed it, then tt-agent install', label);
  if (!running) return ok('machines', lastWords(last, nowMs), label);
  if (state === 'away') {
    const isLong = last === null || nowMs - Date.parse(last) > AWAY_MS;
    const what = `away, ${lastWords(last, nowMs)}`;
    return isLong ? warn('machines', what, `is it on? There: tt-agent doctor. For good: tt machines retire ${label}`, label) : ok('machines', what, label);
  }
  if (lag !== null && lag > LATE_MS) return warn('machines', `connected, and ${durationWords(lag)} late`, 'it catches up as fast as the link allows: tt status --watch', label);
  return ok('machines', `connected, ${lastWords(last, nowMs)}`, label);
}

function lastWords(last: string | null, nowMs: number): string {
  return last === null ? 'no event yet' : `last event ${agoWords(last, nowMs)}`;
}

function judgeVersion({ label, version }: MachineStatus, ours: string): Check[] {
  if (version === null) return [];
  if (version === ours) return [ok('version', `version ${version}`, label)];
  return [warn('version', `its agent is ${version}, this collector ${ours}`, `bring both to one version; older agents go on working: tt deploy installs this one there`, label)];
}

function judgeTunnel({ label, tunnel }: MachineStatus): Check[] {
  if (!tunnel) return [];
  const { state, problem, hint, warning } = tunnel;
  if (state === 'down') return [fail('tunnel', problem ?? 'the tunnel is down', hint ?? `tt tunnel restart ${label}`, label)];
  if (warning !== null) return [warn('tunnel', warning, hint ?? `tt tunnel status ${label}`, label)];
  return [ok('tunnel', `${state}, ${tunnel.host}`, label)];
}

/** Of machines that a rule names. */
function judgeInStep({ label, in_step: step }: MachineStatus): Check[] {
  if (!step) return [];
  if (step.problem !== null) return [warn('sessions', `sessions are not kept in step: ${step.problem}`, step.hint ?? `tt sessions sync ${label}`, label)];
  return [ok('sessions', step.looked_at === null ? 'kept in step from the next time on that it is connected' : 'kept in step', label)];
}

function judgeLosses({ label, gaps, gap_bytes: bytes, gap_reasons: reasons, refused_lately: refused }: MachineStatus): Check[] {
  return [
    gaps === 0 ? ok('gaps', 'nothing was lost', label) : warn('gaps', `${plural(gaps, 'open gap')} of ${bytesWords(bytes)}: ${reasons.map(reasonWords).join('; ')}`, `tt gaps --machine ${label}; known ones: tt gaps accept --machine ${label}`, label),
    ...(refused === 0 ? [] : [warn('refused', `${plural(refused, 'kind')} of events refused within a day`, 'they are kept as dead letters; tt status counts them', label)]),
  ];
}

/** What its agent says of itself. */
function judgeReport({ label }: MachineStatus, report: MachineReport | undefined): Check[] {
  if (report === undefined || report.as_of === null) return [];
  const { problems, bad_lines: bad, unknown_entries: unknown, kept_bytes: kept } = report;
  const types = Object.entries(unknown ?? {}).toSorted(([, a], [, b]) => b - a).slice(0, 5);
  return [
    ...(problems ?? []).map((problem) => warn('problems', problem, 'look there: tt-agent doctor', label)),
    ...(bad === null || bad === 0 ? [] : [warn('bad-lines', `${plural(bad, 'line')} that nothing could be made of`, 'they are kept in bad/ there; nothing waits for them', label)]),
    ...(types.length === 0 ? [] : [warn('unknown-entries', `entries of types that its agent does not know: ${types.map(([type, count]) => `${type} ×${count}`).join(', ')}`, `upgrade its agent, then: tt machines rewind ${label} --replace`, label)]),
    ...(kept === null || kept < KEPT_BYTES ? [] : [warn('kept', `${bytesWords(kept)} kept there of deleted logs that have not arrived`, 'look there: tt-agent doctor tells its limit', label)]),
  ];
}
