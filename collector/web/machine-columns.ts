/** What the table of machines tells of each, and how it is sorted. */
import type { Waiting, Working } from '../../shared/session-documents.ts';
import type { MachineState, MachineStatus } from '../../shared/status.ts';
import {
  agoWords, backlogWords, clockWords, countWords, durationWords, lagWords, tunnelWords, UNKNOWN,
} from '../../shared/status-words.ts';
import type { Drain } from './drain.ts';
import type { Column } from './panel.tsx';

/** What stands beside the status of a machine; undefined: not told yet. */
export interface Beside {
  waiting: readonly Waiting[] | undefined;
  working: readonly Working[] | undefined;
  drain: Drain;
  nowMs: number;
}

/** Unknown comes last, whichever way it is sorted. */
type Rank = number | string | null;

export interface Told extends Column {
  cell(machine: MachineStatus, beside: Beside): string;
  rank(machine: MachineStatus, beside: Beside): Rank;
  /** What is most is looked for first. */
  isMostFirst?: true;
  /** Where no machine has one, there is no column. */
  isSeldom?(machine: MachineStatus): boolean;
}

export const TOLD: readonly Told[] = [
  { title: 'Sessions', isMostFirst: true, cell: sessionWords, rank: ({ machine_id: id }, { waiting, working }) => [...(waiting ?? []), ...(working ?? [])].filter(({ machine_id }) => machine_id === id).length },
  { title: 'Last event', isMostFirst: true, cell: (machine, { nowMs }) => agoWords(machine.last_event_at, nowMs), rank: ({ last_event_at: at }) => at },
  { title: 'Complete to', cell: (machine, { nowMs }) => (machine.complete_until === null ? UNKNOWN : clockWords(machine.complete_until, nowMs)), rank: (machine) => machine.complete_until },
  { title: 'Lag', isMostFirst: true, cell: (machine) => lagWords(machine.lag_ms), rank: ({ lag_ms: ms }) => ms },
  { title: 'Backlog', isMostFirst: true, cell: (machine, { drain }) => backlogAndRest(machine, drain), rank: ({ backlog_bytes: bytes }) => bytes },
  { title: 'Today', isMostFirst: true, isNumber: true, cell: (machine) => countWords(machine.events_today), rank: (machine) => machine.events_today },
  { title: 'Refused', isMostFirst: true, isNumber: true, cell: (machine) => countWords(machine.refused), rank: (machine) => machine.refused },
  { title: 'Gaps', isMostFirst: true, isNumber: true, cell: (machine) => countWords(machine.gaps), rank: (machine) => machine.gaps },
  { title: 'Tunnel', cell: ({ tunnel }) => (tunnel ? tunnelWords(tunnel) : UNKNOWN), rank: ({ tunnel }) => tunnel?.state ?? null, isSeldom: ({ tunnel }) => tunnel !== null && tunnel !== undefined },
  { title: 'Version', cell: (machine) => machine.version ?? UNKNOWN, rank: (machine) => machine.version },
];

function sessionWords({ machine_id: id, ended_at }: MachineStatus, { waiting, working }: Beside): string {
  if (waiting === undefined || working === undefined) return UNKNOWN;
  const [waits, works] = [waiting, working].map((list) => list.filter(({ machine_id }) => machine_id === id).length);
  const parts = [...(works ? [`${works} at work`] : []), ...(waits ? [`${waits} waiting`] : [])];
  return parts.length === 0 ? (ended_at === null ? 'none' : UNKNOWN) : parts.join(', ');
}

export function backlogAndRest(machine: MachineStatus, drain: Drain): string {
  const restMs = drain.restMs(machine.machine_id);
  return restMs === null ? backlogWords(machine) : `${backlogWords(machine)}, done in ${durationWords(restMs)}`;
}

/** What needs a person comes first. */
const STATE_RANKS: Readonly<Record<MachineState, number>> = { away: 0, catching_up: 1, never_seen: 2, live: 3, revoked: 4, retired: 5 };

/** A live machine of which something is wrong needs a person too. */
export function isWell({ state, gaps, refused_lately: refused, problem, tunnel }: MachineStatus): boolean {
  return (state === 'live' || state === 'retired' || state === 'revoked') && gaps === 0 && refused === 0
    && (problem === null || problem === undefined) && (!tunnel || tunnel.state === 'up');
}

export interface Order {
  /** Title of the column. */
  by: string;
  isDescending: boolean;
}

/** How things are; within that by name. */
export const BY_STATE: Order = { by: 'State', isDescending: false };
export const BY_NAME: Order = { by: 'Machine', isDescending: false };

/** One that was chosen by its title: again turns it round. */
export function nextOrder(title: string, { by, isDescending }: Order): Order {
  return { by: title, isDescending: by === title ? !isDescending : TOLD.find((told) => told.title === title)?.isMostFirst === true };
}

export function sortMachines(machines: readonly MachineStatus[], { by, isDescending }: Order, beside: Beside): MachineStatus[] {
  const told = TOLD.find(({ title }) => title === by);
  const rankOf = (machine: MachineStatus): Rank => {
    if (told) return told.rank(machine, beside);
    return by === 'State' ? Number(isWell(machine)) * 10 + STATE_RANKS[machine.state] : machine.label;
  };
  const ranked = machines.map((machine) => ({ machine, rank: rankOf(machine) }));
  const compare = (a: Rank, b: Rank): number => {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return (a < b ? -1 : a > b ? 1 : 0) * (isDescending ? -1 : 1);
  };
  return ranked.toSorted((a, b) => compare(a.rank, b.rank) || (a.machine.label < b.machine.label ? -1 : 1)).map(({ machine }) => machine);
}
