/** `tt sessions show`: everything about one session. */
import { flag, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import type { SessionDetail, Subagent, Turn } from '../../shared/session-documents.ts';
import { REASON_WORDS, stateWords } from '../../shared/session-words.ts';
import { clockWords, countWords, durationWords, minuteWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { findSession, sessionDetail } from '../sessions/session-detail.ts';
import { openEventReader } from '../store/read-events.ts';
import { openReading } from './reading.ts';
import { fitOf, projectWords } from './sessions.ts';
import { cutText, toTextTable } from './text-table.ts';

export async function showSession(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (flag(parsed, 'transcript')) return (await import('./session-transcript.ts')).showTranscript(parsed, io);
  if (flag(parsed, 'markdown')) throw usageError('--markdown is for what was said', 'tt sessions show SESSION --transcript --markdown');
  using reading = await openReading(io);
  const [name = ''] = parsed.args;
  const stored = findSession(name, reading);
  const detail = sessionDetail(stored, { ...reading, events: openEventReader(reading.database) }, { isInTmux: (io.environment['TMUX'] ?? '') !== '' });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(detail)}\n` : toText(detail, io));
  return EXIT_CODES.ok;
}

function toText(detail: SessionDetail, io: CommandIo): string {
  const nowMs = io.clock.now();
  const parts = [
    `${toPlainText(detail.title ?? detail.session)}\n`,
    toTextTable(factsOf(detail, io, nowMs)),
    ...(detail.children.length === 0 ? [] : [`Subagents\n${childrenText(detail.children, nowMs)}`]),
    `${plural(detail.turn_list.length, 'turn')}\n${detail.turn_list.map((turn, index) => turnText(turn, index + 1, io, nowMs)).join('')}`,
  ];
  return parts.join('\n');
}

function factsOf(detail: SessionDetail, io: CommandIo, nowMs: number): string[][] {
  const since = detail.since === null ? '' : `, since ${clockWords(detail.since, nowMs)}`;
  const asOf = detail.as_of === null ? '' : ` (as of ${clockWords(detail.as_of, nowMs)}: its machine is away)`;
  const asked = [
    plural(detail.prompts, 'prompt'), ...counted(detail.script_prompts, 'prompt of a script', 'prompts of scripts'), ...counted(detail.commands, 'command'),
    ...counted(detail.answers, 'answer'), ...counted(detail.interrupts, 'interrupt'),
  ].join(', ');
  return [
    ['Session', detail.session],
    ['State', `${stateWords(detail).replace(/\?$/, '')}${since}${asOf}`],
    ['Project', projectWords(detail.project, io.home)],
    ['Branch', detail.branch ?? UNKNOWN],
    ['From', `${clockWords(detail.started_at, nowMs)} to ${clockWords(detail.last_at, nowMs)}`],
    ['Harness', [detail.harness ?? UNKNOWN, detail.harness_version ?? ''].join(' ').trim()],
    ['Asked', asked],
    ['Tools', `${countWords(detail.tool_uses)}${detail.tool_errors === 0 ? '' : `, ${countWords(detail.tool_errors)} failed`}`],
    ['Tokens', tokenWords(detail)],
    ['Cost', costWords(detail)],
    ...(detail.parents.length === 0 ? [] : [['Continues', detail.parents.join(', ')]]),
    ['Go there', detail.command],
  ];
}

function counted(count: number, word: string, many = `${word}s`): string[] {
  return count === 0 ? [] : [`${countWords(count)} ${count === 1 ? word : many}`];
}

function tokenWords({ tokens, lower_bound_responses }: SessionDetail): string {
  const bound = lower_bound_responses > 0 ? '≥ ' : '';
  return `${tokensWords(tokens.total)}: ${tokensWords(tokens.input)} in, ${bound}${tokensWords(tokens.output)} out, cache ${tokensWords(tokens.cache_creation)} written, ${tokensWords(tokens.cache_read)} read`;
}

function childrenText(children: readonly Subagent[], nowMs: number): string {
  const rows = children.map((child) => [
    child.agent_id, child.state, clockWords(child.started_at, nowMs), durationWords(Date.parse(child.last_at) - Date.parse(child.started_at)),
    countWords(child.tool_uses), tokensWords(child.tokens.total), costWords(child),
  ]);
  return toTextTable([['SUBAGENT', 'STATE', 'STARTED', 'FOR', 'TOOLS', 'TOKENS', 'COST'], ...rows], new Set([4, 5, 6]));
}

function turnText(turn: Turn, number: number, io: CommandIo, nowMs: number): string {
  const width = fitOf(io, [])?.columns ?? Infinity;
  const forMs = Date.parse(turn.last_at) - Date.parse(turn.started_at);
  const head = [
    `${number}.`, clockWords(turn.started_at, nowMs), turn.kind === 'unknown' ? 'started by what the log does not tell' : turn.kind,
    `${durationWords(forMs)}${turn.interrupted ? ', interrupted' : ''}`, `${tokensWords(turn.tokens.total)} tokens`, costWords(turn),
  ].join('  ');
  const tools = turn.tools.map(({ tool, uses, errors }) => `${tool} ×${uses}${errors === 0 ? '' : ` (${errors} failed)`}`).join(', ');
  const waits = turn.waits.map(({ reason, from, to }) => `${REASON_WORDS[reason]} ${to === null ? `since ${minuteWords(from, nowMs)}` : durationWords(Date.parse(to) - Date.parse(from))}`).join(', ');
  const lines = [
    head, quoted('> ', turn.text), tools === '' ? '' : `used ${tools}`, turn.subagents.length === 0 ? '' : `subagents ${turn.subagents.join(', ')}`,
    waits === '' ? '' : `waited for you: ${waits}`, quoted('… ', turn.last_line),
  ].filter((line) => line !== '').map((line, index) => cutText(`${index === 0 ? '' : '   '}${toPlainText(line)}`, width));
  return `\n${lines.join('\n')}\n`;
}

function quoted(mark: string, text: string | null): string {
  return text === null || text.trim() === '' ? '' : `${mark}${toPlainText(text).trim()}`;
}
