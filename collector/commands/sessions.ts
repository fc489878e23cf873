/** `tt sessions` and `tt waiting`: from the database alone; what is connected, from the running collector. */
import { countOption, flag, listOption, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { SESSION_STATES, type SessionDocument, type SessionState, type Waiting } from '../../shared/session-documents.ts';
import { reasonWords, shortName, stateWords } from '../../shared/session-words.ts';
import { agoWords, countWords, durationWords, minuteWords, plural, UNKNOWN } from '../../shared/status-words.ts';
import { costWords, tokensWords } from '../../shared/usage-words.ts';
import { listSessions, listWaiting, type SessionsQuery } from '../sessions/session-list.ts';
import { machineIdsOf, openReading, type Reading } from './reading.ts';
import { cutText, toTextTable, type TableFit } from './text-table.ts';
import { parseTimeArgument } from './time-argument.ts';

/** A person reads a screenful; `--json` without a limit is all. */
const SCREENFUL = 50;
const DAY_MS = 86_400_000;

export async function sessions(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  using reading = await openReading(io);
  const query = toQuery(parsed, reading, io);
  const { document, hasMore } = listSessions(query, reading);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : sessionsText(document.sessions, io));
  if (hasMore && textOption(parsed, 'limit') === undefined) {
    io.stderr.write(`the latest ${SCREENFUL}; for more: --limit N, or less of them: --days N, --project DIRECTORY\n`);
  }
  return EXIT_CODES.ok;
}

function toQuery(parsed: ParsedCommand, reading: Reading, io: CommandIo): SessionsQuery {
  const [machineIds, project] = [machineIdsOf(parsed, reading), textOption(parsed, 'project')];
  const states = listOption(parsed, 'state').filter(isState);
  const limit = countOption(parsed, 'limit') ?? (flag(parsed, 'json') ? undefined : SCREENFUL);
  const sinceMs = sinceOf(parsed, io.clock.now());
  return {
    ...(machineIds && { machineIds }),
    ...(project !== undefined && { project: project.replace(/^~(?=\/|$)/, io.home) }),
    ...(states.length > 0 && { states }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(limit !== undefined && { limit }),
  };
}

const isState = (word: string): word is SessionState => SESSION_STATES.some((state) => state === word);

function sinceOf(parsed: ParsedCommand, nowMs: number): number | undefined {
  const [since, days] = [textOption(parsed, 'since'), countOption(parsed, 'days')];
  if (since !== undefined && days !== undefined) throw usageError('--since or --days?', 'give one of the two');
  if (days !== undefined) return nowMs - days * DAY_MS;
  return since === undefined ? undefined : parseTimeArgument(since, nowMs, '--since');
}

/** As wide as the terminal; into a pipe or file nothing is cut. */
export function fitOf({ stdout }: Pick<CommandIo, 'stdout'>, shrink: readonly number[]): TableFit | undefined {
  return stdout.isTTY ? { columns: stdout.columns, shrink } : undefined;
}

const SESSION_HEADINGS = ['SESSION', 'STATE', 'SINCE', 'LAST', 'TITLE', 'PROJECT', 'BRANCH', 'TURNS', 'PROMPTS', 'TOOLS', 'SUB', 'TOKENS', 'COST'];
const SESSION_NUMBERS = new Set([7, 8, 9, 10, 11, 12]);
/** In a narrow terminal: turns, last, subagents, branch, prompts, tools and tokens go, in this order. */
const SESSION_DROPS = [7, 3, 10, 6, 8, 9, 11];
const SESSION_PATHS = new Set([5]);

function sessionsText(list: readonly SessionDocument[], io: CommandIo): string {
  if (list.length === 0) return 'no sessions\n';
  const nowMs = io.clock.now();
  const rows = list.map((session) => [
    shortName(session), stateWords(session), agoWords(session.since, nowMs), agoWords(session.last_at, nowMs), session.title ?? UNKNOWN,
    projectWords(session.project, io.home), session.branch ?? UNKNOWN, countWords(session.turns), countWords(session.prompts + session.script_prompts),
    countWords(session.tool_uses), countWords(session.subagents), tokensWords(session.tokens.total), costWords(session),
  ]);
  const fit = fitOf(io, [6, 4, 5]);
  return toTextTable([SESSION_HEADINGS, ...rows], SESSION_NUMBERS, fit && { ...fit, drop: SESSION_DROPS, tails: SESSION_PATHS });
}

export function projectWords(project: string | null, home: string): string {
  if (project === null) return UNKNOWN;
  return project === home || project.startsWith(`${home}/`) ? `~${project.slice(home.length)}` : project;
}

export async function waiting(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  using reading = await openReading(io);
  const document = listWaiting(reading, { isInTmux: (io.environment['TMUX'] ?? '') !== '' });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : waitingText(document.waiting, io));
  return EXIT_CODES.ok;
}

/** A paragraph each: what it is about, what it said last, and the line to type. */
function waitingText(list: readonly Waiting[], io: CommandIo): string {
  if (list.length === 0) return 'nobody waits for you\n';
  const nowMs = io.clock.now();
  const width = io.stdout.isTTY ? io.stdout.columns : Infinity;
  const paragraphs = list.map((each) => {
    const asOf = each.as_of === null ? '' : `, as of ${minuteWords(each.as_of, nowMs)}`;
    const about = [each.title, projectWords(each.project, io.home)].filter((words) => words !== null && words !== UNKNOWN).join(' · ');
    const lines = [
      `${durationWords(each.waited_ms)}  ${shortName(each)}  ${reasonWords(each)}, since ${minuteWords(each.since, nowMs)}${asOf}`,
      ...[about, lastWords(each.last_line)].filter((line) => line !== '').map((line) => `  ${line}`),
    ].map((line) => cutText(toPlainText(line), width));
    // Never cut: half a command is none.
    return [...lines, `  ${toPlainText(each.command)}`].join('\n');
  });
  return `${plural(list.length, 'session')} ${list.length === 1 ? 'waits' : 'wait'} for you\n\n${paragraphs.join('\n\n')}\n`;
}

function lastWords(text: string | null): string {
  return text === null ? '' : `“${toPlainText(text).trim()}”`;
}
