/** The status in words, the same in the terminal and on the page. Unknown is a dash. */
import { reasonWords } from './gap-words.ts';
import { HEALTHY_SLACK_MS } from './limits.ts';
import type { CollectorStatus, MachineState, MachineStatus, TunnelStatus } from './status.ts';

export const UNKNOWN = '–';

export const STATE_WORDS: Readonly<Record<MachineState, string>> = {
  live: 'live', catching_up: 'catching up', away: 'away', revoked: 'revoked', retired: 'retired', never_seen: 'never seen',
};

/** Told apart without colour: full, half, hollow, cross. */
export const STATE_SHAPES: Readonly<Record<MachineState, string>> = {
  live: '●', catching_up: '◐', away: '○', revoked: '✕', retired: '–', never_seen: '◌',
};

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `3 s`, `12 min`, `5 h`, `2 d`: one unit, rounded down. */
export function durationWords(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

export function agoWords(timestamp: string | null, nowMs: number): string {
  return timestamp === null ? UNKNOWN : `${durationWords(nowMs - Date.parse(timestamp))} ago`;
}

export function lagWords(lagMs: number | null): string {
  if (lagMs === null) return UNKNOWN;
  return lagMs === 0 ? 'none' : durationWords(lagMs);
}

export function bytesWords(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(0)} kB`;
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(1)} MB`;
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}

export function backlogWords(machine: Pick<MachineStatus, 'backlog_bytes' | 'backlog_events'>): string {
  const { backlog_bytes: bytes, backlog_events: events } = machine;
  if (bytes === null) return UNKNOWN;
  if (bytes === 0) return 'none';
  return events === null ? bytesWords(bytes) : `${bytesWords(bytes)}, about ${countWords(events)} events`;
}

/** Thin spaces between thousands are lost in terminals: commas. */
export function countWords(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Date and time of day of an instant, as they are somewhere: `2026-01-31`, `14:03:22`. */
export type WallClock = (atMs: number) => readonly [date: string, time: string];

const localClock: WallClock = (atMs) => {
  const at = new Date(atMs);
  return [`${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`, `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`];
};

/** Time of day, here unless `wallClock` is of somewhere else; with the date when it is another day. */
export function clockWords(timestamp: string, nowMs: number, wallClock = localClock): string {
  const [date, time] = wallClock(Date.parse(timestamp));
  return date === wallClock(nowMs)[0] ? time : `${date} ${time}`;
}

/** The same without seconds. */
export function minuteWords(timestamp: string, nowMs: number, wallClock = localClock): string {
  return clockWords(timestamp, nowMs, wallClock).slice(0, -3);
}

/** Above this the order of events of two machines is in doubt (design §7). */
export const NOTABLE_OFFSET_MS = 2000;

/** `clock 2 h ahead`; '' where it is right, or not known. */
export function clockOffsetWords({ clock_offset_ms: offset }: Pick<MachineStatus, 'clock_offset_ms'>): string {
  if (offset === null || Math.abs(offset) <= NOTABLE_OFFSET_MS) return '';
  return `clock ${durationWords(Math.abs(offset))} ${offset > 0 ? 'ahead' : 'behind'}`;
}

const TUNNEL_WORDS: Readonly<Record<TunnelStatus['state'], string>> = {
  up: '● up', connecting: '◐ connecting', down: '○ down', waiting: '◌ its host is off', off: '– not asked for (tt tunnel restart)',
};

export function tunnelWords({ state }: Pick<TunnelStatus, 'state'>): string {
  return TUNNEL_WORDS[state];
}

export function plural(count: number, word: string): string {
  return `${countWords(count)} ${word}${count === 1 ? '' : 's'}`;
}

export interface Verdict {
  /** Changes when the state of a machine does: worth being read aloud. */
  fleet: string;
  /** Changes all the time. '' where there is no machine. */
  completeness: string;
}

export function verdictPartsOf(status: CollectorStatus, nowMs: number): Verdict {
  const counted = status.machines.filter((machine) => machine.ended_at === null);
  const holes = [...gapWords(status.machines), ...endedWords(status.machines, nowMs)];
  if (status.machines.every((machine) => machine.state === 'retired')) return { fleet: sentence(['No machines yet', ...holes]), completeness: '' };
  if (!status.running) {
    return {
      fleet: sentence(['The collector is not running: nothing is being collected', ...holes]),
      completeness: completenessWords('Complete', counted, nowMs),
    };
  }
  const others = counted.filter((machine) => machine.state !== 'live');
  const fleet = others.length === 0 ? [liveWords(counted.length)] : notLiveWords(others, nowMs);
  const present = counted.filter((machine) => machine.state === 'live' || machine.state === 'catching_up');
  const isWhole = others.length === 0 && holes.length === 0;
  return {
    fleet: sentence([...fleet, ...holes]),
    completeness: completenessWords(isWhole ? 'Complete' : 'Otherwise complete', present, nowMs),
  };
}

/** Everything a person must know, in a sentence or two. */
export function verdictOf(status: CollectorStatus, nowMs: number): string {
  const { fleet, completeness } = verdictPartsOf(status, nowMs);
  return completeness === '' ? fleet : `${fleet} ${completeness}`;
}

function sentence(parts: readonly string[]): string {
  return `${parts.join('; ')}.`;
}

const NAMED = 3;

function liveWords(count: number): string {
  if (count === 0) return 'No machine may send any more';
  return count === 1 ? '1 machine, live' : `All ${count} machines live`;
}

function notLiveWords(machines: readonly MachineStatus[], nowMs: number): string[] {
  const named = machines.slice(0, NAMED).map((machine) => absenceWords(machine, nowMs));
  return machines.length > NAMED ? [...named, `${machines.length - NAMED} more not live`] : named;
}

/** What is wrong with a machine that should be live: `devbox missing since 13:50`. */
export function absenceWords(machine: MachineStatus, nowMs: number): string {
  const { label, state, complete_until: until } = machine;
  if (state !== 'away') return `${label} ${STATE_WORDS[state]}`;
  return until === null ? `${label} missing, since when is not known` : `${label} missing since ${minuteWords(until, nowMs)}`;
}

function gapWords(machines: readonly MachineStatus[]): string[] {
  const holed = machines.filter((machine) => machine.gaps > 0);
  if (holed.length === 0) return [];
  const sum = (of: (machine: MachineStatus) => number): number => holed.reduce((total, machine) => total + of(machine), 0);
  const reasons = [...new Set(holed.flatMap((machine) => machine.gap_reasons))];
  const why = reasons.length === 1 ? `: ${reasonWords(reasons[0] ?? '')}` : '';
  return [`${lostWords({ gaps: sum((machine) => machine.gaps), bytes: sum((machine) => machine.gap_bytes), machines: listWords(holed.map(({ label }) => label)) })}${why}`];
}

/** `2 gaps of 12 kB on devbox, gpu` */
export function lostWords({ gaps, bytes, machines }: { gaps: number; bytes: number; machines: string }): string {
  return `${plural(gaps, 'gap')} of ${bytesWords(bytes)} on ${machines}`;
}

/** Revoked machines of which something is missing: they can not send it any more. */
function endedWords(machines: readonly MachineStatus[], nowMs: number): string[] {
  const cut = machines.filter((machine) => machine.state === 'revoked' && machine.last_event_at !== null && !wasComplete(machine));
  return cut.slice(0, NAMED).map(({ label, complete_until: until, ended_at }) => {
    const revoked = `${label} revoked${ended_at === null ? '' : ` ${minuteWords(ended_at, nowMs)}`}`;
    return until === null ? `${revoked}, complete to when is not known` : `${revoked}, complete to ${minuteWords(until, nowMs)} only`;
  });
}

function wasComplete({ complete_until: until, ended_at }: MachineStatus): boolean {
  return until !== null && ended_at !== null && Date.parse(until) >= Date.parse(ended_at) - HEALTHY_SLACK_MS;
}

function listWords(labels: readonly string[]): string {
  return labels.length > NAMED ? `${labels.slice(0, NAMED).join(', ')} and ${labels.length - NAMED} more` : labels.join(', ');
}

/** The least of `machines`; '' where there are none. */
function completenessWords(how: string, machines: readonly MachineStatus[], nowMs: number): string {
  const unknown = machines.filter((machine) => machine.complete_until === null).map((machine) => machine.label);
  if (unknown.length > 0) return `How complete the data is, is not known for ${listWords(unknown)}.`;
  const [least] = machines.map((machine) => machine.complete_until ?? '').toSorted();
  return least === undefined ? '' : `${how} to ${clockWords(least, nowMs)}.`;
}
