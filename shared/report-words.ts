/** Reports in words, the same in the terminal and on the page. */
import { reasonWords } from './gap-words.ts';
import type { Completeness, ReportPeriod } from './report-documents.ts';
import { clockWords, durationWords, lostWords, minuteWords, type WallClock } from './status-words.ts';

const MINUTE_MS = 60_000;

/** `2h 30m`, `5m`, `0m`: whole minutes, rounded down. */
export function hoursWords(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m` : `${hours}h ${minutes % 60}m`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** `2026-01-27` → `Jan 27, 2026`. */
function dateWords(date: string): string {
  const [year = '', month = '', day = ''] = date.split('-');
  return `${MONTHS[Number(month) - 1] ?? month} ${Number(day)}, ${year}`;
}

export function periodWords({ type, start, end }: Pick<ReportPeriod, 'type' | 'start' | 'end'>): string {
  if (type === 'week') return `Week of ${dateWords(start)}`;
  if (type === 'month') return `${dateWords(start).replace(/ \d+,/, '')}`;
  if (start === end) return `${DAYS[new Date(`${start}T12:00:00Z`).getUTCDay()] ?? ''}, ${dateWords(start)}`;
  return `${dateWords(start)} to ${dateWords(end)}`;
}

/** `Complete.`, or to when, what is missing since when, and what was lost. */
export function completenessWords({ complete, until, missing, gaps, clock_offsets: clocks }: Completeness, nowMs: number, wallClock?: WallClock): string {
  const clockNotes = clocks.map(({ machine, offset_ms }) => `the clock of ${machine} is ${durationWords(Math.abs(offset_ms))} ${offset_ms > 0 ? 'ahead' : 'behind'}`);
  const missed = missing.map(({ machine, since }) => (since === null ? `${machine} missing, since when is not known` : `${machine} missing since ${minuteWords(since, nowMs, wallClock)}`));
  const lost = gaps.length === 0 ? [] : [gapWords(gaps)];
  const head = until === null ? 'How complete it is, is not known' : `${complete ? 'Complete' : 'Complete only'} to ${clockWords(until, nowMs, wallClock)}`;
  return `${[head, ...missed, ...lost, ...clockNotes].join('; ')}.`;
}

function gapWords(gaps: Completeness['gaps']): string {
  const machines = [...new Set(gaps.map(({ machine }) => machine))].join(', ');
  const reasons = [...new Set(gaps.map(({ reason }) => reasonWords(reason)))].join('; ');
  return `${lostWords({ gaps: gaps.length, bytes: gaps.reduce((sum, { bytes }) => sum + bytes, 0), machines })}: ${reasons}`;
}

const BAR_CELLS = 10;

/** Ten cells; a value above nothing shows at least one. */
export function barOf(value: number, most: number): string {
  if (most <= 0 || value <= 0) return '░'.repeat(BAR_CELLS);
  const full = Math.min(BAR_CELLS, Math.max(1, Math.round((BAR_CELLS * value) / most)));
  return '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
}
