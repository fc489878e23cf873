import { toPlainText } from '../../shared/plain-text.ts';
import type { Waiting, Working } from '../../shared/session-documents.ts';
import { problemsOf } from '../../shared/status-problems.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import {
  agoWords, backlogWords, clockOffsetWords, clockWords, countWords, durationWords, lagWords, STATE_SHAPES, STATE_WORDS, tunnelWords, UNKNOWN,
} from '../../shared/status-words.ts';
import type { Drain } from './drain.ts';
import { Cell, Empty, Panel, Table, type Column } from './panel.tsx';
import { isMatch } from './session-name.tsx';

/** What stands beside the status of a machine; undefined: not told yet. */
interface Beside {
  waiting: readonly Waiting[] | undefined;
  working: readonly Working[] | undefined;
  drain: Drain;
  nowMs: number;
}

interface Told extends Column {
  cell(machine: MachineStatus, beside: Beside): string;
  /** Where no machine has one, there is no column. */
  isSeldom?(machine: MachineStatus): boolean;
}

const TOLD: readonly Told[] = [
  { title: 'Sessions', cell: sessionWords },
  { title: 'Last event', cell: (machine, { nowMs }) => agoWords(machine.last_event_at, nowMs) },
  { title: 'Complete to', cell: (machine, { nowMs }) => (machine.complete_until === null ? UNKNOWN : clockWords(machine.complete_until, nowMs)) },
  { title: 'Lag', cell: (machine) => lagWords(machine.lag_ms) },
  { title: 'Backlog', cell: (machine, { drain }) => backlogAndRest(machine, drain) },
  { title: 'Today', isNumber: true, cell: (machine) => countWords(machine.events_today) },
  { title: 'Refused', isNumber: true, cell: (machine) => countWords(machine.refused) },
  { title: 'Gaps', isNumber: true, cell: (machine) => countWords(machine.gaps) },
  { title: 'Tunnel', cell: ({ tunnel }) => (tunnel ? tunnelWords(tunnel) : UNKNOWN), isSeldom: ({ tunnel }) => tunnel !== null && tunnel !== undefined },
  { title: 'Version', cell: (machine) => machine.version ?? UNKNOWN },
];

function sessionWords({ machine_id: id, ended_at }: MachineStatus, { waiting, working }: Beside): string {
  if (waiting === undefined || working === undefined) return UNKNOWN;
  const [waits, works] = [waiting, working].map((list) => list.filter(({ machine_id }) => machine_id === id).length);
  const parts = [...(works ? [`${works} at work`] : []), ...(waits ? [`${waits} waiting`] : [])];
  return parts.length === 0 ? (ended_at === null ? 'none' : UNKNOWN) : parts.join(', ');
}

function backlogAndRest(machine: MachineStatus, drain: Drain): string {
  const restMs = drain.restMs(machine.machine_id);
  return restMs === null ? backlogWords(machine) : `${backlogWords(machine)}, done in ${durationWords(restMs)}`;
}

export function MachinesTable({ status, filter, ...beside }: Beside & { status: CollectorStatus; filter: string }) {
  const { machines } = status;
  const told = TOLD.filter(({ isSeldom }) => isSeldom === undefined || machines.some(isSeldom));
  const shown = machines.filter(({ label, state }) => isMatch(filter, label, STATE_WORDS[state]));
  return (
    <Panel id="machines" title="Machines">
      {shown.length > 0 && (
        <Table label="Machines" columns={[{ title: 'Machine' }, { title: 'State' }, ...told]}>
          {shown.map((machine) => <MachineRow key={machine.machine_id} machine={machine} told={told} beside={beside} />)}
        </Table>
      )}
      <Empty count={machines.length} shown={shown.length} words="" />
      <Problems status={status} nowMs={beside.nowMs} />
    </Panel>
  );
}

function MachineRow({ machine, told, beside }: { machine: MachineStatus; told: readonly Told[]; beside: Beside }) {
  return (
    <tr role="row" tabindex={-1} data-row class={machine.state}>
      <th role="rowheader" scope="row">{machine.label}</th>
      <Cell title="State">
        <span class="state"><span class="shape" aria-hidden="true">{STATE_SHAPES[machine.state]}</span> {STATE_WORDS[machine.state]}</span>
        {noteOf(machine)}
      </Cell>
      {told.map(({ cell, ...column }) => <Cell key={column.title} {...column}>{cell(machine, beside)}</Cell>)}
    </tr>
  );
}

function noteOf(machine: MachineStatus) {
  const words = clockOffsetWords(machine);
  return words === '' ? null : <span class="note"> · {words}</span>;
}

const SHOWN = 5;

/** What is wrong, each with its next step. */
function Problems({ status, nowMs }: { status: CollectorStatus; nowMs: number }) {
  const lines = [...tunnelProblems(status.machines), ...problemsOf(status, nowMs)].map(toPlainText);
  if (lines.length === 0) return null;
  return (
    <ul class="problems" aria-label="To mend">
      {lines.slice(0, SHOWN).map((line) => <li key={line}>{line}</li>)}
      {lines.length > SHOWN && <li key="more">and {lines.length - SHOWN} more: <code>tt status --check</code></li>}
    </ul>
  );
}

function tunnelProblems(machines: readonly MachineStatus[]): string[] {
  return machines.flatMap(({ label, tunnel }) => {
    if (!tunnel || tunnel.state === 'up' || tunnel.problem === null) return [];
    return [`tunnel to ${label}: ${tunnel.problem}${tunnel.hint === null ? '' : `; ${tunnel.hint}`}`];
  });
}
