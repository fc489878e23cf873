/** `tt assign`: what a person says of a session, a directory, events or a time. One document with one entry or a few. */
import { flag, listOption, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { clockWords, countWords, plural } from '../../shared/status-words.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import type { ControlRequest, ControlResponse } from '../control/control-methods.ts';
import type { AssignmentDocument } from '../streams/document.ts';
import { controlOf } from './own-collector.ts';
import { parseTimeArgument } from './time-argument.ts';

const JSON_SCHEMA = 1;

export async function assign(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (flag(parsed, 'undo')) return undoLast(parsed, io);
  const document = toDocument(parsed, io);
  try {
    return await applyAndTell({ document, by: 'user', create: flag(parsed, 'create'), dry_run: flag(parsed, 'dryRun') }, parsed, io);
  } catch (error) {
    throw inPlainWords(error);
  }
}

/** Nobody wrote the document of which the error names the place. */
function inPlainWords(error: unknown): unknown {
  const place = /^assign_by_\w+(?:\[\d+\]|\.\w+)*: /;
  if (!(error instanceof TtError) || !place.test(error.message)) return error;
  const hint = error.message.includes('no stream') ? '`tt streams --all` lists them; --create makes it' : '`tt sessions` and `tt events --json` print IDs';
  return usageError(error.message.replace(place, ''), hint);
}

function toDocument(parsed: ParsedCommand, io: CommandIo): AssignmentDocument {
  const stream = streamOf(parsed);
  const time = (name: 'from' | 'to'): string | undefined => {
    const text = textOption(parsed, name);
    return text === undefined ? undefined : printTimestamp(parseTimeArgument(text, io.clock.now(), `--${name}`));
  };
  const [start, end] = [time('from'), time('to')];
  const bounds = { ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
  const [sessions, directories, events] = [listOption(parsed, 'session'), listOption(parsed, 'cwd'), listOption(parsed, 'event')];
  const isOfTime = sessions.length + directories.length + events.length === 0;
  if (isOfTime && (start === undefined || end === undefined)) {
    throw usageError('what belongs to it?', 'give --session ID, --cwd PATH, --event ID, or --from TIME --to TIME');
  }
  if (events.length > 0 && (start !== undefined || end !== undefined)) throw usageError('--event has a time of its own', 'leave --from and --to away');
  if (start !== undefined && end !== undefined && end <= start) throw usageError(`--to ${end} is not after --from ${start}`, 'give the earlier time first');
  return {
    assign_by_session: sessions.map((session_id) => ({ session_id, stream, ...bounds })),
    assign_by_cwd: directories.map((path) => ({ cwd: toDirectory(path, io.home), stream, ...bounds })),
    ...(events.length > 0 && { assign_by_event_ids: [{ event_ids: events, stream }] }),
    ...(isOfTime && start !== undefined && end !== undefined && { assign_by_time: [{ start, end, stream }] }),
  };
}

/** Null: to none. */
function streamOf(parsed: ParsedCommand): string | null {
  const [name] = parsed.args;
  const isNone = flag(parsed, 'none');
  if (isNone && name !== undefined) throw usageError('--none and a stream exclude each other', 'give one of them');
  if (isNone) return null;
  if (name === undefined || name.trim() === '') throw usageError('to which stream?', '`tt streams` lists them; --none says to no stream');
  return name;
}

/** As its machine knows it; `~` is the home on this one. */
function toDirectory(path: string, home: string): string {
  const absolute = /^~(\/|$)/.test(path) ? home + path.slice(1) : path;
  if (absolute.startsWith('/') && absolute.replace(/\/+$/, '') !== '') return absolute;
  throw usageError(`--cwd: ${JSON.stringify(path)} is not the path of a directory`, 'give an absolute path below /, as its machine knows it');
}

export async function applyAndTell(request: ControlRequest<'streams.assign'>, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const applied = await controlOf(io).call('streams.assign', request);
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: JSON_SCHEMA, dry_run: request.dry_run, by: request.by, ...applied })}\n`
    : appliedWords(applied, request.dry_run));
  return EXIT_CODES.ok;
}

type Applied = ControlResponse<'streams.assign'>;

function appliedWords(applied: Applied, isDry: boolean): string {
  const { events, changed, kept_by_person: byPerson, kept_otherwise: otherwise, streams } = applied;
  const lines = streams.map((stream) => {
    const name = stream.id === null ? 'unassigned' : `${stream.id_short ?? ''} ${stream.name ?? '(unnamed)'}`;
    const moves = [stream.gained > 0 ? `+${countWords(stream.gained)}` : '', stream.lost > 0 ? `-${countWords(stream.lost)}` : ''].filter((text) => text !== '');
    return `  ${toPlainText(name)}: ${moves.length === 0 ? 'no events yet' : `${moves.join(' ')} ${stream.gained + stream.lost === 1 ? 'event' : 'events'}`}${stream.created ? ' (new)' : ''}\n`;
  });
  const kept = [
    byPerson > 0 ? `${staying(byPerson)} where a person put ${byPerson === 1 ? 'it' : 'them'}` : '',
    otherwise > 0 ? `${staying(otherwise)} because something closer was said of ${otherwise === 1 ? 'it' : 'them'}` : '',
  ].filter((text) => text !== '');
  if (applied.act === null && streams.length === 0) return 'nothing new: it was all said before\n';
  const verb = isDry ? 'would change' : changed === 1 ? 'changes' : 'change';
  const head = `${countWords(changed)} of ${plural(events, 'event')} ${verb}${isDry ? '; nothing was assigned' : ''}\n`;
  return [head, ...lines, ...kept.map((text) => `  ${text}\n`), isDry || applied.act === null ? '' : 'take it back: tt assign --undo\n'].join('');
}

function staying(events: number): string {
  return `${plural(events, 'event')} ${events === 1 ? 'stays' : 'stay'}`;
}

export async function undoLast(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { undone } = await controlOf(io).call('streams.undo', { act: null });
  const words = undone === null ? 'nothing is assigned\n'
    : `taken back: ${plural(undone.assignments, 'assignment')} by ${undone.assigned_by} of ${clockWords(undone.assigned_at, io.clock.now())}; what was said before holds again\n`;
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: JSON_SCHEMA, undone })}\n` : words);
  return EXIT_CODES.ok;
}
