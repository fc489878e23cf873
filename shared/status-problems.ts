/** What `tt status --check` finds: everything because of which a number could be less than the truth. */
import { reasonWords } from './gap-words.ts';
import { HEALTHY_SLACK_MS } from './limits.ts';
import { toPlainText } from './plain-text.ts';
import { absenceWords, backlogWords, bytesWords, durationWords, plural } from './status-words.ts';
import type { CollectorStatus, MachineStatus } from './status.ts';

/** One line each, with the next step; none: all is well. Machines that were retired or revoked count only by their gaps. */
export function problemsOf(status: CollectorStatus, nowMs: number): string[] {
  const counted = status.machines.filter((machine) => machine.ended_at === null);
  return [
    ...(status.running ? [] : ['the collector is not running: tt collector run']),
    ...(counted.length === 0 ? ['no machine sends anything here: tt machines add LABEL'] : []),
    ...(status.running ? counted.flatMap((machine) => absenceOf(machine, nowMs)) : []),
    ...status.machines.flatMap(gapsOf),
    ...counted.flatMap(refusalsOf),
    ...counted.flatMap((machine) => hindrancesOf(machine, nowMs).map((problem) => `${machine.label}: ${toPlainText(problem)}`)),
  ];
}

/** What its connection suffers from, and what its agent says. */
export function saidProblems({ problem, agent_problems: ofAgent }: Pick<MachineStatus, 'problem' | 'agent_problems'>): string[] {
  return [...(problem === null || problem === undefined ? [] : [problem]), ...(ofAgent ?? [])];
}

/** An agent that says something and is complete all the same (it looks more often where it cannot watch) lacks nothing. */
function hindrancesOf(machine: MachineStatus, nowMs: number): string[] {
  const isComplete = absenceOf(machine, nowMs).length === 0;
  return saidProblems(isComplete ? { problem: machine.problem, agent_problems: [] } : machine);
}

/** Missing or late. */
function absenceOf(machine: MachineStatus, nowMs: number): string[] {
  const { label, state, complete_until: until } = machine;
  if (state === 'away') return [`${absenceWords(machine, nowMs)}: is it on, and its agent running?`];
  if (state === 'never_seen') return [`${label} never seen: start its agent there, tt-agent run`];
  const why = saidProblems(machine).length === 0 ? 'it is still reading for the first time' : 'complete to no time yet';
  if (until === null) return [`${label} late: ${why} (backlog ${backlogWords(machine)})`];
  // What an agent says of itself is by its own clock.
  const untilMs = Date.parse(until) - (machine.clock_offset_ms ?? 0);
  if (state === 'live' && untilMs >= nowMs - HEALTHY_SLACK_MS) return [];
  return [`${label} late: complete to ${durationWords(nowMs - untilMs)} ago (backlog ${backlogWords(machine)})`];
}

function gapsOf({ label, gaps, gap_bytes, gap_reasons }: MachineStatus): string[] {
  if (gaps === 0) return [];
  const why = gap_reasons.map(reasonWords).join('; ');
  return [`${label} has ${plural(gaps, 'open gap')} of ${bytesWords(gap_bytes)}: ${why}; look: tt gaps, then: tt gaps accept --machine ${label}`];
}

function refusalsOf({ label, refused_lately: refused }: MachineStatus): string[] {
  return refused === 0 ? [] : [`${label}: ${plural(refused, 'kind')} of events refused in the last 24 h; they are kept as dead letters`];
}
