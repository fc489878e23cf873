import type { Waiting } from '../../shared/session-documents.ts';
import { needsWords, reasonWords } from '../../shared/session-words.ts';
import { durationWords, minuteWords } from '../../shared/status-words.ts';
import { CopyButton } from './copy-button.tsx';
import { Cell, Empty, Panel, Table } from './panel.tsx';
import { isMatch, plain, SessionName, titleOf } from './session-name.tsx';

const COLUMNS = [{ title: 'Session' }, { title: 'Waits for' }, { title: 'Since' }, { title: 'Said last' }, { title: 'Go there' }];

/** Who waits for the person, longest first. Undefined: not told yet. */
export function NeedsYou({ waiting, filter, nowMs }: { waiting: readonly Waiting[] | undefined; filter: string; nowMs: number }) {
  const shown = waiting?.filter((each) => isMatch(filter, each.title, each.session, each.project, each.last_line));
  return (
    <Panel id="needs-you" title="Needs you" note={waiting && waiting.length > 0 ? String(waiting.length) : ''}>
      <Empty count={waiting?.length} shown={shown?.length ?? 0} words={needsWords(0)} />
      {shown && shown.length > 0 && (
        <Table label="Sessions that wait for you" columns={COLUMNS}>
          {shown.map((each) => <Row key={each.session} waiting={each} nowMs={nowMs} />)}
        </Table>
      )}
    </Panel>
  );
}

function Row({ waiting, nowMs }: { waiting: Waiting; nowMs: number }) {
  const { since, as_of: asOf, command } = waiting;
  return (
    <tr role="row" tabindex={-1} data-row class={`waits ${waiting.reason}`}>
      <th role="rowheader" scope="row"><SessionName session={waiting} /></th>
      <Cell title="Waits for"><span class="reason">{plain(reasonWords(waiting))}</span></Cell>
      <Cell title="Since">
        <strong>{durationWords(nowMs - Date.parse(since))}</strong> <span class="quiet">{minuteWords(since, nowMs)}</span>
        {asOf !== null && <span class="note"> as of {minuteWords(asOf, nowMs)}</span>}
      </Cell>
      <Cell title="Said last"><span class="said">{plain(waiting.last_line)}</span></Cell>
      <Cell title="Go there"><CopyButton text={plain(command)} what={`the command that leads to ${titleOf(waiting)}`} /></Cell>
    </tr>
  );
}
