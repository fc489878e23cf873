import { useRef } from 'hono/jsx/dom';
import type { Working } from '../../shared/session-documents.ts';
import { countWords, durationWords, minuteWords, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { Cell, Empty, Panel, Table } from './panel.tsx';
import { isMatch, plain, SessionName } from './session-name.tsx';

const COLUMNS = [
  { title: 'Session' }, { title: 'Tool' }, { title: 'For' }, { title: 'Tokens', isNumber: true }, { title: 'Cost', isNumber: true }, { title: 'Subagents', isNumber: true },
] as const;

/** Who works now. A row stays where it first was, whatever comes and goes around it. */
export function WorkingTable({ working, filter, nowMs }: { working: readonly Working[] | undefined; filter: string; nowMs: number }) {
  const places = useRef<Map<string, number>>(new Map());
  const known = places.current ?? new Map<string, number>();
  for (const { session } of working ?? []) if (!known.has(session)) known.set(session, known.size);
  const placeOf = ({ session }: Working): number => known.get(session) ?? 0;
  const shown = working?.filter((each) => isMatch(filter, each.title, each.session, each.project, each.tool)).toSorted((a, b) => placeOf(a) - placeOf(b));
  return (
    <Panel id="sessions" title="Now" note={working && working.length > 0 ? `${working.length} at work` : ''}>
      <Empty count={working?.length} shown={shown?.length ?? 0} words="No session is at work." />
      {shown && shown.length > 0 && (
        <Table label="Sessions at work" columns={COLUMNS}>
          {shown.map((each) => <Row key={each.session} working={each} nowMs={nowMs} />)}
        </Table>
      )}
    </Panel>
  );
}

function Row({ working, nowMs }: { working: Working; nowMs: number }) {
  const { since, as_of: asOf, tool } = working;
  return (
    <tr role="row" tabindex={-1} data-row>
      <th role="rowheader" scope="row"><SessionName session={working} /></th>
      <Cell title="Tool">{tool === null ? UNKNOWN : plain(tool)}</Cell>
      <Cell title="For">
        {since === null ? UNKNOWN : durationWords(nowMs - Date.parse(since))}
        {asOf !== null && <span class="note"> as of {minuteWords(asOf, nowMs)}</span>}
      </Cell>
      <Cell title="Tokens" isNumber>{tokensWords(working.tokens.total)}</Cell>
      <Cell title="Cost" isNumber>{costWords(working)}</Cell>
      <Cell title="Subagents" isNumber>{countWords(working.subagents)}</Cell>
    </tr>
  );
}
