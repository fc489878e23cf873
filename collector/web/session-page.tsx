/** A session's page of its own: what it is, and its turns, newest first. */
import type { SessionPageDocument, Subagent } from '../../shared/session-documents.ts';
import { stateWords } from '../../shared/session-words.ts';
import { clockWords, countWords, durationWords, minuteWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { CopyButton } from './copy-button.tsx';
import { Cell, Panel, Table } from './panel.tsx';
import { plain, titleOf } from './session-name.tsx';
import { transcriptAddress } from './route.ts';
import { useSession } from './session-fetch.ts';
import { TurnList } from './turn-list.tsx';

export function SessionPage({ name, stamp, nowMs }: { name: string; stamp: string; nowMs: number }) {
  const { document: detail, rows: turns, count, error, problem, want } = useSession(name, stamp);
  return (
    <article aria-label="Session">
      <p><a href="/">All sessions and machines</a></p>
      {error !== undefined && <p class="problem">{plain(error)}</p>}
      {detail && <Facts detail={detail} nowMs={nowMs} />}
      {detail && <p class="actions"><a class="button" data-key="w" href={transcriptAddress(name)}>All that was said <kbd>w</kbd></a></p>}
      {detail && detail.children.length > 0 && <Subagents list={detail.children} nowMs={nowMs} />}
      {detail && (
        <Panel id="turns" title="Turns" note="newest first">
          <TurnList count={count} turns={turns} nowMs={nowMs} problem={problem} want={want} />
        </Panel>
      )}
    </article>
  );
}

function Facts({ detail, nowMs }: { detail: SessionPageDocument; nowMs: number }) {
  const { state, since, as_of: asOf, tokens } = detail;
  const bound = detail.lower_bound_responses > 0 ? '≥ ' : '';
  const facts: readonly (readonly [string, string])[] = [
    ['Project', plain(detail.project) || UNKNOWN],
    ['Branch', plain(detail.branch) || UNKNOWN],
    ['Machine', plain(detail.machine) || UNKNOWN],
    ['From', `${clockWords(detail.started_at, nowMs)} to ${clockWords(detail.last_at, nowMs)}`],
    ['Asked', `${plural(detail.prompts + detail.script_prompts, 'prompt')}, ${plural(detail.commands, 'command')}, ${plural(detail.answers, 'answer')}, ${plural(detail.interrupts, 'interrupt')}`],
    ['Tools', `${countWords(detail.tool_uses)}, ${countWords(detail.tool_errors)} failed`],
    ['Tokens', `${tokensWords(tokens.total)}: ${tokensWords(tokens.input)} in, ${bound}${tokensWords(tokens.output)} out, cache ${tokensWords(tokens.cache_creation)} written, ${tokensWords(tokens.cache_read)} read`],
    ['Cost', costWords(detail)],
    ['Harness', [plain(detail.harness) || UNKNOWN, plain(detail.harness_version)].join(' ').trim()],
  ];
  return (
    <>
      <h2 class="session-title">{titleOf(detail)}</h2>
      <p class={`session-state ${state}`}>
        <strong>{stateWords(detail).replace(/\?$/, '')}</strong>
        {since !== null && ` for ${durationWords((asOf === null ? nowMs : Date.parse(asOf)) - Date.parse(since))}, since ${clockWords(since, nowMs)}`}
        {asOf !== null && <span class="note"> as of {minuteWords(asOf, nowMs)}: its machine is away</span>}
      </p>
      <dl class="facts">
        {facts.map(([term, words]) => <div key={term}><dt>{term}</dt><dd>{words}</dd></div>)}
        <div key="command"><dt>Go there</dt><dd><code>{plain(detail.command)}</code> <CopyButton text={plain(detail.command)} what="the command that leads there" /></dd></div>
      </dl>
    </>
  );
}

const SUBAGENT_COLUMNS = [
  { title: 'Subagent' }, { title: 'State' }, { title: 'Started' }, { title: 'For' }, { title: 'Tools', isNumber: true }, { title: 'Tokens', isNumber: true }, { title: 'Cost', isNumber: true },
] as const;

function Subagents({ list, nowMs }: { list: readonly Subagent[]; nowMs: number }) {
  return (
    <Panel id="subagents" title="Subagents">
      <Table label="Subagents" columns={SUBAGENT_COLUMNS}>
        {list.map((child) => (
          <tr key={child.agent_id} role="row">
            <th role="rowheader" scope="row">{plain(child.agent_id)}</th>
            <Cell title="State">{child.state}</Cell>
            <Cell title="Started">{clockWords(child.started_at, nowMs)}</Cell>
            <Cell title="For">{durationWords(Date.parse(child.last_at) - Date.parse(child.started_at))}</Cell>
            <Cell title="Tools" isNumber>{countWords(child.tool_uses)}</Cell>
            <Cell title="Tokens" isNumber>{tokensWords(child.tokens.total)}</Cell>
            <Cell title="Cost" isNumber>{costWords(child)}</Cell>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}
