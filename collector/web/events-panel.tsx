/** What arrived last. It stands still while somebody points at it, or holds it by a key. */
import { useRef, useState } from 'hono/jsx/dom';
import { machineOf } from '../../shared/event-id.ts';
import { eventWords } from '../../shared/event-words.ts';
import type { TtEvent } from '../../shared/event.ts';
import type { MachineStatus } from '../../shared/status.ts';
import { clockWords, countWords, UNKNOWN } from '../../shared/status-words.ts';
import { FoldingPanel } from './folding-panel.tsx';
import { Cell, Empty, Table } from './panel.tsx';
import { sessionAddress } from './route.ts';
import { isMatch, plain } from './session-name.tsx';

const COLUMNS = [{ title: 'Time' }, { title: 'Machine' }, { title: 'Event' }, { title: 'Session' }, { title: 'What' }] as const;
const SHOWN = 12;

interface EventsProps {
  /** Newest first; undefined: not told yet. */
  recent: readonly TtEvent[] | undefined;
  /** How many have arrived since the page is open. */
  arrived: number;
  machines: readonly Pick<MachineStatus, 'machine_id' | 'label'>[];
  filter: string;
  nowMs: number;
}

export function EventsPanel({ recent, arrived, machines, filter, nowMs }: EventsProps) {
  const [held, setHeld] = useState<{ recent: readonly TtEvent[] | undefined; arrived: number } | undefined>(undefined);
  const [isPointed, setPointed] = useState(false);
  // What was there when somebody began to point at it.
  const still = useRef<{ recent: readonly TtEvent[] | undefined; arrived: number } | undefined>(undefined);
  if (!isPointed) still.current = undefined;
  else still.current ??= { recent, arrived };
  const shown = held ?? still.current ?? { recent, arrived };
  const labels = new Map<string, string>(machines.map(({ machine_id: id, label }) => [id, label]));
  const rows = shown.recent?.filter((event) => isMatch(filter, event.type, labelOf(event, labels), sessionIdOf(event) ?? null, eventWords(event))).slice(0, SHOWN);
  const isStill = held !== undefined || isPointed;
  const fresh = arrived - shown.arrived;
  return (
    <FoldingPanel id="events" title="Recent events" note={isStill ? `held${fresh > 0 ? `, ${countWords(fresh)} new` : ''}` : ''}>
      {() => (
        <div onPointerEnter={() => setPointed(true)} onPointerLeave={() => setPointed(false)} onFocusIn={() => setPointed(true)} onFocusOut={() => setPointed(false)}>
          <Empty count={shown.recent?.length} shown={rows?.length ?? 0} words="Nothing has arrived yet." />
          {rows && rows.length > 0 && (
            <Table label="Recent events" columns={COLUMNS}>
              {rows.map((event) => <Row key={event.id} event={event} machine={labelOf(event, labels)} nowMs={nowMs} />)}
            </Table>
          )}
          <p class="tools"><button type="button" data-key="." aria-pressed={held ? 'true' : 'false'} onClick={() => setHeld(held ? undefined : shown)} title="hold, or go on: .">{held ? `Go on${fresh > 0 ? `: ${countWords(fresh)} new` : ''}` : 'Hold'}</button></p>
        </div>
      )}
    </FoldingPanel>
  );
}

function labelOf({ id }: TtEvent, labels: ReadonlyMap<string, string>): string {
  const machineId = machineOf(id);
  return machineId === undefined ? UNKNOWN : (labels.get(machineId) ?? machineId.slice(0, 8));
}

function sessionIdOf(event: TtEvent): string | undefined {
  const id = event['session_id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function Row({ event, machine, nowMs }: { event: TtEvent; machine: string; nowMs: number }) {
  const session = sessionIdOf(event);
  return (
    <tr role="row" tabindex={-1} data-row>
      <Cell title="Time">{clockWords(event.timestamp, nowMs)}</Cell>
      <Cell title="Machine">{plain(machine)}</Cell>
      <Cell title="Event">{plain(event.type)}</Cell>
      <Cell title="Session">{session === undefined ? UNKNOWN : <a href={sessionAddress({ session })}>{plain(session.slice(0, 8))}</a>}</Cell>
      <Cell title="What"><span class="event-words">{plain(eventWords(event))}</span></Cell>
    </tr>
  );
}
