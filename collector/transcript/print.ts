/** A transcript for a person: in a terminal, or as Markdown with its tools folded. */
import { toPlainLines, toPlainText, toVisibleLines } from '../../shared/plain-text.ts';
import { clockWords, plural } from '../../shared/status-words.ts';
import type { TranscriptDocument, TranscriptItem } from '../../shared/transcript-document.ts';
import { taglessMarkdown } from './tagless-markdown.ts';

type Tool = Extract<TranscriptItem, { kind: 'tool' }>;

const SPEAKERS = { said: 'You', text: 'Claude', thinking: 'Claude thinks', summary: 'Summary of what was before' } as const;

export function transcriptText({ title, session, items, subagents }: TranscriptDocument, nowMs: number): string {
  const parts = [`${toPlainText(title ?? session)}\n`, itemsText(items, nowMs)];
  for (const { agent_id: agentId, items: own } of subagents) parts.push(`\n── subagent ${toPlainText(agentId)} ──\n`, itemsText(own, nowMs));
  return parts.join('');
}

function itemsText(items: readonly TranscriptItem[], nowMs: number): string {
  return items.map((item) => {
    if (item.kind === 'tool') return `  · ${toPlainText(`${item.tool}  ${item.summary}`).slice(0, 200)}  (${gaveWords(item)})\n`;
    const text = toPlainLines(item.text.trim());
    if (item.kind === 'thinking') return '';
    return `\n${speakerOf(item)}  ${item.at === null ? '' : clockWords(item.at, nowMs)}\n${text.split('\n').map((line) => `  ${line}`).join('\n')}\n`;
  }).join('');
}

function speakerOf(item: Exclude<TranscriptItem, Tool>): string {
  if (item.kind !== 'said') return SPEAKERS[item.kind];
  return `${item.origin === 'human' ? SPEAKERS.said : 'Script'}${item.said === 'prompt' ? '' : ` (${toPlainText(item.said)})`}`;
}

function gaveWords({ result }: Tool): string {
  if (result === null) return 'no result';
  const lines = result.text === '' ? 0 : result.text.split('\n').length;
  return `${result.is_error ? 'failed, ' : ''}${result.length > result.text.length ? `${result.length} characters` : plural(lines, 'line')}`;
}

/** What the log says stands as it was said; what a tool got and gave stands in fenced blocks, folded. */
export function transcriptMarkdown({ title, session, machine, cwd, items, subagents }: TranscriptDocument): string {
  const facts = [`session \`${codeText(session)}\``, ...(machine === null ? [] : [`on ${machine}`]), ...(cwd === null ? [] : [`in \`${codeText(cwd)}\``])].join(' ');
  const parts = [`# ${escapeHtml(toPlainText(title ?? session))}\n\n${facts}\n`, ...items.map(itemMarkdown)];
  for (const { agent_id: agentId, items: own } of subagents) parts.push(`\n## Subagent ${escapeHtml(toPlainText(agentId))}\n`, ...own.map(itemMarkdown));
  return parts.join('');
}

function itemMarkdown(item: TranscriptItem): string {
  if (item.kind === 'tool') return toolMarkdown(item);
  const at = item.at === null ? '' : ` · ${escapeHtml(toPlainText(item.at))}`;
  const text = toVisibleLines(item.text.trim());
  if (item.kind === 'thinking' || item.kind === 'summary') return `\n${folded(`${SPEAKERS[item.kind]}${at}`, fenced(text))}`;
  return `\n**${speakerOf(item)}**${at}\n\n${taglessMarkdown(text)}\n`;
}

function toolMarkdown(item: Tool): string {
  const { tool, summary, input, result } = item;
  const body = [fenced(toVisibleLines(JSON.stringify(input, null, 2)), 'json'), ...(result === null ? [] : [fenced(toVisibleLines(result.text)), ...(result.length > result.text.length ? [`the first ${result.text.length} of ${result.length} characters\n`] : [])])];
  return `\n${folded(escapeHtml(`${toPlainText(`${tool}: ${summary}`).slice(0, 160)} (${gaveWords(item)})`), body.join('\n'))}`;
}

function folded(summary: string, body: string): string {
  return `<details><summary>${summary}</summary>\n\n${body}\n</details>\n`;
}

/** The fence is longer than any in the text: nothing in it ends it. */
function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}\n`;
}

function codeText(text: string): string {
  return toPlainText(text).replaceAll('`', "'");
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
