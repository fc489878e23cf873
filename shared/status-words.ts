/** The status in words, the same in the terminal and on the page. Unknown is a dash. */
import type { CollectorStatus, MachineState, MachineStatus } from './status.ts';

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

/** Local time of day; with the date when it is another day. */
export function clockWords(timestamp: string, nowMs: number): string {
  const at = new Date(timestamp);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const isToday = at.toDateString() === new Date(nowMs).toDateString();
  return isToday ? time : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

function plural(count: number, word: string): string {
  return `${countWords(count)} ${word}${count === 1 ? '' : 's'}`;
}

export interface Verdict {
  /** Changes when the state of a machine does: worth being read aloud. */
  fleet: string;
  /** Changes all the time. '' where there is no machine. */
  completeness: string;
}

export function verdictPartsOf(status: CollectorStatus, nowMs: number): Verdict {
  const counted = status.machines.filter((machine) => machine.state !== 'retired');
  if (counted.length === 0) return { fleet: 'No machines yet.', completeness: '' };
  const fleet = status.running ? fleetWords(counted) : 'The collector is not running: nothing is being collected.';
  const gaps = counted.reduce((sum, machine) => sum + machine.gaps, 0);
  return {
    fleet: gaps === 0 ? fleet : `${fleet} ${plural(gaps, 'gap')} in the data.`,
    completeness: completenessWords(status, counted, nowMs),
  };
}

/** Everything a person must know, in a sentence or three. */
export function verdictOf(status: CollectorStatus, nowMs: number): string {
  const { fleet, completeness } = verdictPartsOf(status, nowMs);
  return completeness === '' ? fleet : `${fleet} ${completeness}`;
}

function fleetWords(machines: readonly MachineStatus[]): string {
  const others = machines.filter((machine) => machine.state !== 'live');
  if (others.length === 0) return machines.length === 1 ? '1 machine, live.' : `All ${machines.length} machines live.`;
  const live = machines.length - others.length;
  const named = others.slice(0, 3).map((machine) => `${machine.label} ${STATE_WORDS[machine.state]}`);
  const rest = others.length > 3 ? `, ${others.length - 3} more not live` : '';
  return `${live} of ${plural(machines.length, 'machine')} live; ${named.join(', ')}${rest}.`;
}

function completenessWords(status: CollectorStatus, machines: readonly MachineStatus[], nowMs: number): string {
  if (status.complete_until !== null) return `Data complete to ${clockWords(status.complete_until, nowMs)}.`;
  const unknown = machines.filter((machine) => machine.complete_until === null).map((machine) => machine.label);
  const names = unknown.length > 3 ? `${unknown.slice(0, 3).join(', ')} and ${unknown.length - 3} more` : unknown.join(', ');
  return status.running ? `How complete the data is, is not known for ${names}.` : 'How complete the data is, is not known.';
}
