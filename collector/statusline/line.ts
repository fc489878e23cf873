/** The words of the status line. Pure. Unknown is a dash. */
import { toPlainText } from '../../shared/plain-text.ts';
import type { SessionDocument, Spent } from '../../shared/session-documents.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { STATE_WORDS, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { shortDuration } from './statusline-file.ts';

const NAMED = 2;
const BAR = ' · ';

export interface FleetLine {
  waiting: number;
  working: number;
  machines: readonly MachineStatus[];
  /** Of today. */
  spent: Pick<Spent, 'cost_usd' | 'unpriced_responses' | 'lower_bound_responses'>;
  nowMs: number;
}

/** `2 wait · 5 work · devbox 12m late · $14.20` */
export function fleetLine({ waiting, working, machines, spent, nowMs }: FleetLine): string {
  const late = machines.flatMap((machine) => lateWords(machine, nowMs));
  const named = late.length > NAMED ? [...late.slice(0, NAMED), `${late.length - NAMED} more late`] : late;
  return toPlainText([`${waiting} wait`, `${working} work`, ...named, costWords(spent)].join(BAR));
}

/** Nothing for a machine that is live, or can not send any more. */
function lateWords({ label, state, ended_at, complete_until: until }: MachineStatus, nowMs: number): string[] {
  if (ended_at !== null || state === 'live') return [];
  if (state === 'never_seen') return [`${label} ${STATE_WORDS[state]}`];
  return [until === null ? `${label} late` : `${label} ${shortDuration(nowMs - Date.parse(until))} late`];
}

/** `Instance: 6f1c2a90@devbox | working 3m | feature/x | 1.2M tokens | $4.14` */
export function sessionLine(session: SessionDocument, nowMs: number): string {
  const { session_id: id, machine, state, since, branch, tokens } = session;
  const name = `${/^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id}@${machine ?? UNKNOWN}`;
  const sinceWords = since === null ? UNKNOWN : shortDuration(nowMs - Date.parse(since));
  const parts = [`Instance: ${name}`, `${state} ${sinceWords}`, branch ?? UNKNOWN, `${tokensWords(tokens.total)} tokens`, costWords(session)];
  return toPlainText(parts.join(' | '));
}

export const UNKNOWN_SESSION_LINE = `Instance: ${[UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN].join(' | ')}`;
