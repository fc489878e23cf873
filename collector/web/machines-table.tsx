import { useState } from 'hono/jsx/dom';
import { toPlainText } from '../../shared/plain-text.ts';
import { problemsOf } from '../../shared/status-problems.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import { clockOffsetWords, STATE_SHAPES, STATE_WORDS } from '../../shared/status-words.ts';
import { BY_NAME, BY_STATE, isWell, nextOrder, sortMachines, TOLD, type Beside, type Order, type Told } from './machine-columns.ts';
import { Cell, Empty, Panel, Table, type Column } from './panel.tsx';
import { machineAddress } from './route.ts';
import { isMatch } from './session-name.tsx';

/** Of so many or fewer each has its row in order of the names; of more those come first, and alone, that need a person. */
const FEW = 12;

export function MachinesTable({ status, filter, ...beside }: Beside & { status: CollectorStatus; filter: string }) {
  const { machines } = status;
  const isMany = machines.length > FEW;
  const [chosen, setChosen] = useState<Order | undefined>(undefined);
  const [isWhole, setWhole] = useState(false);
  const order = chosen ?? (isMany ? BY_STATE : BY_NAME);
  const told = TOLD.filter(({ isSeldom }) => isSeldom === undefined || machines.some(isSeldom));
  const matching = machines.filter(({ label, state }) => isMatch(filter, label, STATE_WORDS[state]));
  // The collector's own order is by name, with those that have ended last.
  const sorted = chosen || isMany ? sortMachines(matching, order, beside) : matching;
  const isFolded = isMany && !isWhole && filter === '';
  const shown = isFolded ? sorted.slice(0, Math.max(FEW, sorted.filter((machine) => !isWell(machine)).length)) : sorted;
  const sortable = (column: Column): Column => ({
    ...column,
    sorted: order.by !== column.title ? 'none' : order.isDescending ? 'descending' : 'ascending',
    onSort: () => setChosen(nextOrder(column.title, order)),
  });
  return (
    <Panel id="machines" title="Machines" note={isMany ? countsOf(machines) : ''}>
      {shown.length > 0 && (
        <Table label="Machines" columns={[{ title: 'Machine' }, { title: 'State' }, ...told].map(sortable)}>
          {shown.map((machine) => <MachineRow key={machine.machine_id} machine={machine} told={told} beside={beside} />)}
        </Table>
      )}
      {isMany && filter === '' && shown.length < machines.length && <button type="button" data-key="o" onClick={() => setWhole(true)}>Show all {machines.length} <kbd>o</kbd></button>}
      {isMany && filter === '' && isWhole && <button type="button" data-key="o" onClick={() => setWhole(false)}>Show fewer <kbd>o</kbd></button>}
      <Empty count={machines.length} shown={shown.length} words="" />
      <Problems status={status} nowMs={beside.nowMs} />
    </Panel>
  );
}

/** `50: 46 live, 3 away, 1 catching up`. */
function countsOf(machines: readonly MachineStatus[]): string {
  const counts = new Map<string, number>();
  for (const { state } of machines) counts.set(STATE_WORDS[state], (counts.get(STATE_WORDS[state]) ?? 0) + 1);
  return `${machines.length}: ${[...counts].toSorted(([, a], [, b]) => b - a).map(([words, count]) => `${count} ${words}`).join(', ')}`;
}

function MachineRow({ machine, told, beside }: { machine: MachineStatus; told: readonly Told[]; beside: Beside }) {
  return (
    <tr role="row" tabindex={-1} data-row class={machine.state}>
      <th role="rowheader" scope="row"><a href={machineAddress(machine.label)}>{machine.label}</a></th>
      <Cell title="State">
        <span class="state"><span class="shape" aria-hidden="true">{STATE_SHAPES[machine.state]}</span> {STATE_WORDS[machine.state]}</span>
        {noteOf(machine)}
      </Cell>
      {told.map(({ title, isNumber, cell }) => <Cell key={title} title={title} {...(isNumber && { isNumber })}>{cell(machine, beside)}</Cell>)}
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

export function tunnelProblems(machines: readonly MachineStatus[]): string[] {
  return machines.flatMap(({ label, tunnel }) => {
    if (!tunnel || tunnel.state === 'up' || tunnel.problem === null) return [];
    return [`tunnel to ${label}: ${tunnel.problem}${tunnel.hint === null ? '' : `; ${tunnel.hint}`}`];
  });
}
