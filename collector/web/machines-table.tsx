import type { MachineStatus } from '../../shared/status.ts';
import {
  agoWords, backlogWords, clockOffsetWords, clockWords, countWords, lagWords, STATE_SHAPES, STATE_WORDS, UNKNOWN,
} from '../../shared/status-words.ts';

interface Column {
  title: string;
  isNumber?: true;
  cell(machine: MachineStatus, nowMs: number): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'Last event', cell: (machine, nowMs) => agoWords(machine.last_event_at, nowMs) },
  { title: 'Complete to', cell: (machine, nowMs) => (machine.complete_until === null ? UNKNOWN : clockWords(machine.complete_until, nowMs)) },
  { title: 'Lag', cell: (machine) => lagWords(machine.lag_ms) },
  { title: 'Backlog', cell: (machine) => backlogWords(machine) },
  { title: 'Today', isNumber: true, cell: (machine) => countWords(machine.events_today) },
  { title: 'Refused', isNumber: true, cell: (machine) => countWords(machine.refused) },
  { title: 'Gaps', isNumber: true, cell: (machine) => countWords(machine.gaps) },
  { title: 'Version', cell: (machine) => machine.version ?? UNKNOWN },
];

/** Roles are written out: on a phone the rows become cards, and CSS that does this would take the table's meaning away. */
export function MachinesTable({ machines, nowMs }: { machines: readonly MachineStatus[]; nowMs: number }) {
  return (
    <div class="scroll" tabindex={0} role="region" aria-label="Machines">
      <table role="table" aria-label="Machines">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Machine</th>
            <th role="columnheader" scope="col">State</th>
            {COLUMNS.map(({ title, isNumber }) => (
              <th key={title} role="columnheader" scope="col" class={isNumber ? 'number' : ''}>{title}</th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {machines.map((machine) => <MachineRow key={machine.machine_id} machine={machine} nowMs={nowMs} />)}
        </tbody>
      </table>
    </div>
  );
}

function MachineRow({ machine, nowMs }: { machine: MachineStatus; nowMs: number }) {
  return (
    <tr role="row" class={machine.state}>
      <th role="rowheader" scope="row">{machine.label}</th>
      <td role="cell" data-title="State">
        <span class="state"><span class="shape" aria-hidden="true">{STATE_SHAPES[machine.state]}</span> {STATE_WORDS[machine.state]}</span>
        {noteOf(machine)}
      </td>
      {COLUMNS.map(({ title, isNumber, cell }) => (
        <td key={title} role="cell" data-title={title} class={isNumber ? 'number' : ''}>{cell(machine, nowMs)}</td>
      ))}
    </tr>
  );
}

function noteOf(machine: MachineStatus) {
  const words = clockOffsetWords(machine);
  return words === '' ? null : <span class="note"> · {words}</span>;
}
