import type { DayNumbers, NumbersDocument } from '../../shared/numbers-document.ts';
import { completenessWords, hoursWords } from '../../shared/report-words.ts';
import { plural, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { CompletenessMark } from './completeness-mark.tsx';
import { Cell, Empty, Panel, Table } from './panel.tsx';
import { plain } from './session-name.tsx';

interface Figure {
  title: string;
  words(numbers: DayNumbers): string;
}

const FIGURES: readonly Figure[] = [
  { title: 'Direct', words: ({ totals }) => hoursWords(totals.time_direct_ms) },
  { title: 'Delegated', words: ({ totals }) => hoursWords(totals.time_delegated_ms) },
  { title: 'Leverage', words: ({ totals }) => (totals.leverage === null ? UNKNOWN : `${totals.leverage.toFixed(1)}×`) },
  { title: 'Waited for you', words: ({ totals }) => (totals.time_waiting_ms === null ? UNKNOWN : `${totals.waiting_unknown_sessions > 0 ? '≥ ' : ''}${hoursWords(totals.time_waiting_ms)}`) },
  { title: 'Tokens', words: ({ spent }) => `${spent.lower_bound_responses > 0 ? '≥ ' : ''}${tokensWords(spent.tokens.total)}` },
  { title: 'Cost', words: ({ spent }) => costWords(spent) },
];
const COLUMNS = [{ title: 'Day' }, ...FIGURES.map(({ title }) => ({ title, isNumber: true as const })), { title: 'How complete' }];

export function NumbersTable({ numbers, nowMs }: { numbers: NumbersDocument | undefined; nowMs: number }) {
  return (
    <Panel id="time" title="Numbers">
      {numbers === undefined && <Empty count={undefined} shown={0} words="" />}
      {numbers && (
        <Table label="Numbers of today and yesterday" columns={COLUMNS}>
          <Row key="today" name="Today" day={numbers.today} nowMs={nowMs} />
          <Row key="yesterday" name="Yesterday" day={numbers.yesterday} nowMs={nowMs} />
        </Table>
      )}
      {numbers && <Footnotes day={numbers.today} />}
    </Panel>
  );
}

function Row({ name, day, nowMs }: { name: string; day: DayNumbers; nowMs: number }) {
  const { complete } = day.completeness;
  return (
    <tr role="row" tabindex={-1} data-row class={name.toLowerCase()}>
      <th role="rowheader" scope="row">{name}</th>
      {FIGURES.map(({ title, words }) => (
        <Cell key={title} title={title} isNumber>
          {words(day)} <CompletenessMark isComplete={complete} />
        </Cell>
      ))}
      <Cell title="How complete"><span class="said">{plain(completenessWords(day.completeness, nowMs))}</span></Cell>
    </tr>
  );
}

/** What a reader must know before believing the figures. */
function Footnotes({ day: { totals, spent } }: { day: DayNumbers }) {
  const notes = [
    ...(totals.waiting_unknown_sessions > 0 ? [`${plural(totals.waiting_unknown_sessions, 'session')} of today can not tell when they wait.`] : []),
    ...(spent.unpriced_responses > 0 ? [`${plural(spent.unpriced_responses, 'response')} of today have no price: tt usage --by model.`] : []),
  ];
  return notes.length === 0 ? null : <p class="quiet">{notes.join(' ')}</p>;
}
