/** `tt classify`: context out for a model, its assignments in; `tt streams propose`: what directories speak for. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, systemCode, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { clockWords, plural } from '../../shared/status-words.ts';
import { labelsOf } from '../control/gap-handlers.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { ASSIGNERS, type Assigner } from '../store/assignments.ts';
import { openReader } from '../store/database.ts';
import { readClassification, type Classification, type ClassifiedSession } from '../streams/classification.ts';
import { parseAssignmentDocument } from '../streams/document.ts';
import { PROPOSED_WORDS } from '../streams/propose.ts';
import { applyAndTell, undoLast } from './assign.ts';
import { toTextTable } from './text-table.ts';
import { parseGapThreshold, parseTimeRange } from './time-range.ts';

const JSON_SCHEMA = 1;
const SHORT_SESSION = 8;
const WEEK_MS = 7 * 86_400_000;

export async function classify(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (flag(parsed, 'undo')) return undoLast(parsed, io);
  const file = textOption(parsed, 'apply');
  if (file !== undefined) {
    const document = parseAssignmentDocument(await readDocument(file, io.stdin));
    return applyAndTell({ document, by: assignerOf(parsed), create: flag(parsed, 'create'), dry_run: flag(parsed, 'dryRun') }, parsed, io);
  }
  if (flag(parsed, 'dryRun')) throw usageError('--dry-run is of --apply', 'tt classify --apply FILE --dry-run');
  const found = read(parsed, io, { unclassified: flag(parsed, 'unclassified'), gapMs: flag(parsed, 'gaps') ? parseGapThreshold(parsed) : null });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: JSON_SCHEMA, ...found }, null, 2)}\n` : toText(found, io.clock.now()));
  return EXIT_CODES.ok;
}

export async function proposeStreams(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { time_range, sessions } = read(parsed, io, { unclassified: true, gapMs: null }, WEEK_MS);
  const proposed = sessions.filter(({ proposed_stream: stream }) => stream !== null);
  if (flag(parsed, 'json')) {
    const rows = proposed.map(({ session_id, machine_id, machine, project_path, summary, proposed_stream, proposed_by }) => (
      { session_id, machine_id, machine, project_path, summary, proposed_stream, proposed_by }));
    io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, time_range, proposals: rows })}\n`);
    return EXIT_CODES.ok;
  }
  const [first] = proposed;
  io.stdout.write(first === undefined ? 'no directory speaks for one stream alone\n'
    : `${sessionTable(proposed)}\nnothing is assigned; next: tt assign ${JSON.stringify(first.proposed_stream)} --session ${first.session_id}\n`);
  return EXIT_CODES.ok;
}

function read(parsed: ParsedCommand, io: CommandIo, { unclassified, gapMs }: { unclassified: boolean; gapMs: number | null }, defaultMs?: number): Classification {
  const paths = resolvePaths(io.environment, io.home);
  const nowMs = io.clock.now();
  const period = parseTimeRange(parsed, nowMs, defaultMs);
  const labelOf = labelsOf(openMachineRegistry(paths.machinesFile));
  const reader = openReader(paths.database);
  try {
    return readClassification(reader, period, { unclassified, summary: flag(parsed, 'summary'), gapMs, labelOf });
  } finally {
    reader.close();
  }
}

function assignerOf(parsed: ParsedCommand): Assigner {
  return ASSIGNERS.find((known) => known === textOption(parsed, 'by')) ?? 'model';
}

const DOCUMENT_BYTES = 12 * 1024 * 1024;

async function readDocument(file: string, stdin: Readable): Promise<string> {
  const text = file === '-' ? await readAll(stdin) : readFile(file);
  if (text.length > DOCUMENT_BYTES) throw usageError('the document is larger than 12 MB', 'apply it in parts');
  return text;
}

async function readAll(input: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input as AsyncIterable<Buffer | string>) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    throw usageError(`there is no ${file}`, 'check the path; - reads stdin');
  }
}

function toText({ sessions, event_clusters: clusters, window_runs: runs, gaps, stats, streams }: Classification, nowMs: number): string {
  const parts: string[] = [];
  if (sessions.length > 0) parts.push(sessionTable(sessions));
  if (clusters.length > 0) {
    parts.push(toTextTable([['FOCUS IN', 'FROM', 'MINUTES', 'EVENTS', 'STREAM'], ...clusters.map((cluster) => [
      cluster.cwd ?? '(no directory)', clockWords(cluster.start_time, nowMs), String(cluster.duration_minutes), String(cluster.event_count),
      streamWords(streams.find(({ id }) => id === cluster.stream_id)?.name ?? null, cluster.proposed_stream),
    ])], new Set([2, 3])));
  }
  if (runs.length > 0) {
    parts.push(toTextTable([['WINDOW', 'FROM', 'MINUTES', 'EVENTS', 'STREAM'], ...runs.map((run) => [
      run.app_id ?? '?', clockWords(run.start, nowMs), String(run.duration_minutes), String(run.event_ids.length), streamWords(streams.find(({ id }) => id === run.stream_id)?.name ?? null, null),
    ])], new Set([2, 3])));
  }
  if (gaps !== undefined && gaps.length > 0) {
    parts.push(toTextTable([['QUIET FROM', 'TO', 'MINUTES'], ...gaps.map((gap) => [clockWords(gap.start, nowMs), clockWords(gap.end, nowMs), String(gap.duration_minutes)])], new Set([2])));
  }
  parts.push(`${plural(stats.total_sessions, 'session')}, ${stats.unclassified_sessions} with unassigned events; ${plural(stats.total_event_clusters, 'cluster')} of focus, ${stats.unclassified_event_clusters} unassigned\n`
    + 'next: tt assign STREAM --session ID, or tt classify --json for a model and tt classify --apply FILE\n');
  return parts.join('\n');
}

function sessionTable(sessions: readonly ClassifiedSession[]): string {
  return toTextTable([['SESSION', 'MACHINE', 'PROJECT', 'PROMPTS', 'TITLE', 'STREAM'], ...sessions.map((session) => [
    session.session_id.slice(0, SHORT_SESSION), machineWords(session), session.project_name ?? '?', String(session.user_prompt_count),
    titleOf(session), `${streamWords(session.stream, session.proposed_stream)}${session.proposed_by === null ? '' : ` (${PROPOSED_WORDS[session.proposed_by]})`}`,
  ])], new Set([3]));
}

/** Imported events name machines that have no label. */
function machineWords({ machine, machine_id: id }: ClassifiedSession): string {
  return machine === id ? id?.slice(0, SHORT_SESSION) ?? '?' : machine ?? '?';
}

const TITLE_CHARACTERS = 40;

function titleOf({ summary, starting_prompt: prompt }: ClassifiedSession): string {
  const text = [...(summary ?? prompt ?? '')];
  return text.length > TITLE_CHARACTERS ? `${text.slice(0, TITLE_CHARACTERS - 1).join('')}…` : text.join('');
}

/** What is only proposed has a question mark. */
function streamWords(stream: string | null, proposed: string | null): string {
  return [stream ?? '', proposed === null ? '' : `${proposed}?`].filter((text) => text !== '').join(', ') || '–';
}
