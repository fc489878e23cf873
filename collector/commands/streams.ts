/** `tt streams`, `tt tag`, `tt untag`. */
import { flag, listOption, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { hoursWords } from '../../shared/report-words.ts';
import { agoWords, plural } from '../../shared/status-words.ts';
import type { ControlRequest, ControlResponse } from '../control/control-methods.ts';
import { openReader } from '../store/database.ts';
import { readStreams } from '../store/streams.ts';
import { resolveStream } from '../streams/names.ts';
import { LISTED_DAYS, listStreamsOf, type ListedStream, type StreamList } from '../streams/stream-list.ts';
import { isConfirmed } from './confirm.ts';
import { controlOf } from './own-collector.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;
const MINUTE_MS = 60_000;

export async function listStreamsCommand(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const nowMs = io.clock.now();
  const isAll = flag(parsed, 'all');
  const reader = openReader(resolvePaths(io.environment, io.home).database);
  try {
    const { document, hidden } = listStreamsOf(reader, { isAll, nowMs });
    io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : toText(document.streams, { ...document, hidden, isAll }, nowMs));
  } finally {
    reader.close();
  }
  return EXIT_CODES.ok;
}

function toText(shown: readonly ListedStream[], { unassigned, hidden, isAll }: { unassigned: StreamList['unassigned']; hidden: number; isAll: boolean }, nowMs: number): string {
  const lines: string[] = [];
  if (shown.length > 0) {
    const rows = shown.map((stream) => [
      stream.id_short, stream.name ?? '(unnamed)', hoursWords(stream.time_direct_ms), hoursWords(stream.time_delegated_ms),
      stream.last_event_at === null ? 'nothing yet' : agoWords(stream.last_event_at, nowMs), stream.tags.join(', '),
    ]);
    lines.push(toTextTable([['ID', 'NAME', 'DIRECT', 'DELEGATED', 'LAST', 'TAGS'], ...rows], new Set([2, 3])), '\n');
  } else lines.push(isAll || hidden === 0 ? 'no streams yet\n' : `no stream has events of the last ${LISTED_DAYS} days\n`);
  if (hidden > 0) lines.push(`${plural(hidden, 'older stream')}: tt streams --all\n`);
  if (Math.max(unassigned.time_direct_ms, unassigned.time_delegated_ms) >= MINUTE_MS) {
    lines.push(`belonging to none: ${hoursWords(unassigned.time_direct_ms)} direct, ${hoursWords(unassigned.time_delegated_ms)} delegated; sort it out: tt classify --unclassified\n`);
  }
  return lines.join('') + nextStep(shown);
}

/** Every ID that it names works as it stands there. */
function nextStep(shown: readonly ListedStream[]): string {
  const untagged = shown.find(({ tags }) => tags.length === 0);
  if (untagged !== undefined) return `next: tt tag ${untagged.id_short} PROJECT\n`;
  return shown.length === 0 ? 'next: tt streams create NAME, then tt assign NAME --session ID (tt sessions lists them)\n' : '';
}

type Change = ControlRequest<'streams.change'>;
type Changed = ControlResponse<'streams.change'>['streams'];

async function change(request: Change, parsed: ParsedCommand, io: CommandIo, words: (streams: Changed) => string): Promise<ExitCode> {
  const { streams } = await controlOf(io).call('streams.change', request);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: JSON_SCHEMA, streams })}\n` : words(streams));
  return EXIT_CODES.ok;
}

const nameOf = (stream: Changed[number] | undefined): string => (stream === undefined ? '' : `${stream.id_short} ${stream.name ?? '(unnamed)'}`);

/** The ID alone, as the earlier tool prints it: for scripts. */
export async function createStream(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [name = ''] = parsed.args;
  const tags = listOption(parsed, 'tag');
  return change({ change: 'create', name, tags }, parsed, io, ([stream]) => `${stream?.id ?? ''}\n`);
}

export async function renameStream(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [stream = '', name = ''] = parsed.args;
  return change({ change: 'rename', stream, name }, parsed, io, ([renamed]) => `${nameOf(renamed)}\n`);
}

export async function mergeStreams(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [from = '', into = ''] = parsed.args;
  return change({ change: 'merge', from, into }, parsed, io, ([gone, stays]) => `${nameOf(gone)} is part of ${nameOf(stays)} now\n`);
}

export async function deleteStream(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [name = ''] = parsed.args;
  const reader = openReader(resolvePaths(io.environment, io.home).database);
  let stream;
  try {
    stream = resolveStream(readStreams(reader), name);
  } finally {
    reader.close();
  }
  const words = JSON.stringify(stream.name ?? stream.id);
  if (!flag(parsed, 'yes') && !(await isConfirmed(io, `${words} and what was said about it will be deleted for good.`, `tt streams delete ${words} --yes`))) {
    io.stderr.write('nothing was deleted\n');
    return EXIT_CODES.failed;
  }
  return change({ change: 'delete', stream: stream.id }, parsed, io, ([gone]) => `${nameOf(gone)} is deleted; what belonged to it is unassigned\n`);
}

export async function tagStream(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [stream = '', ...tags] = parsed.args;
  return change({ change: 'tag', stream, tags }, parsed, io, ([tagged]) => tagWords(tagged));
}

export async function untagStream(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [stream = '', ...tags] = parsed.args;
  return change({ change: 'untag', stream, tags }, parsed, io, ([tagged]) => tagWords(tagged));
}

function tagWords(stream: Changed[number] | undefined): string {
  return `${nameOf(stream)}: ${stream === undefined || stream.tags.length === 0 ? 'no tags' : stream.tags.join(', ')}\n`;
}
