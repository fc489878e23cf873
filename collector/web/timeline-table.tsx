/** A day in rows: all that the picture of it shows. */
import { memo, useState } from 'hono/jsx/dom';
import type { TimelineDocument } from '../../shared/timeline-document.ts';
import { clockWords, durationWords, UNKNOWN } from '../../shared/status-words.ts';
import { Cell, Table } from './panel.tsx';
import { sessionAddress } from './route.ts';
import { plain } from './session-name.tsx';
import { FORM_WORDS, laneTitle } from './timeline-chart.tsx';

const COLUMNS = [{ title: 'From' }, { title: 'To' }, { title: 'For', isNumber: true }, { title: 'What' }, { title: 'Machine' }, { title: 'Session' }] as const;
const PAGE = 100;

interface Row {
  from: string;
  to: string;
  what: string;
  machine: string | null;
  session: string | undefined;
  name: string;
}

export function rowsOf({ attention, machines }: TimelineDocument): Row[] {
  return [
    ...attention.map(({ from, to, machine, session, title, project }) => ({ from, to, what: FORM_WORDS.direct, machine, session: session ?? undefined, name: laneTitle({ title, session: session ?? undefined, project, machine }) })),
    ...machines.flatMap(({ machine, not_captured: missing, sessions }) => [
      ...missing.map(({ from, to, reason }) => ({ from, to, what: `not captured: ${reason}`, machine, session: undefined, name: UNKNOWN })),
      ...sessions.flatMap(({ session, title, project, blocks }) => blocks.map(({ from, to, form }) => ({ from, to, what: FORM_WORDS[form], machine, session, name: laneTitle({ title, session, project, machine }) }))),
    ]),
  ].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
}

export const TimelineTable = memo(function DayTable({ document, nowMs }: { document: TimelineDocument; nowMs: number }) {
  const [shown, setShown] = useState(PAGE);
  const rows = rowsOf(document);
  return (
    <>
      <Table label="The day in rows" columns={COLUMNS}>
        {rows.slice(0, shown).map(({ from, to, what, machine, session, name }) => (
          <tr key={`${from} ${what} ${machine} ${session} ${name}`} role="row" tabindex={-1} data-row>
            <Cell title="From">{clockWords(from, nowMs)}</Cell>
            <Cell title="To">{clockWords(to, nowMs)}</Cell>
            <Cell title="For" isNumber>{durationWords(Date.parse(to) - Date.parse(from))}</Cell>
            <Cell title="What">{plain(what)}</Cell>
            <Cell title="Machine">{plain(machine) || UNKNOWN}</Cell>
            <Cell title="Session">{session === undefined ? name : <a href={sessionAddress({ session })}>{name}</a>}</Cell>
          </tr>
        ))}
      </Table>
      {rows.length > shown && <button type="button" onClick={() => setShown((count) => count + PAGE)}>{Math.min(PAGE, rows.length - shown)} more of {rows.length}</button>}
    </>
  );
}, (before, after) => before.document === after.document);
