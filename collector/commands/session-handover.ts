/** `tt sessions pull` and `tt sessions push`: `claude --resume` goes on with a session on another machine. */
import { resolve } from 'node:path';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import type { HandoverAnswer, HandoverRequest, Landed } from '../../shared/protocol/handover.ts';
import { isPersonAt, readAnswer } from '../../shared/question.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import { openBundle, type Bundle } from '../handover/bundle.ts';
import { localReceiver, openRemoteReceiver, otherAnswer, put, refusedBy, type Receiver } from '../handover/receiver.ts';
import { ownerOf } from '../session-files/named-session.ts';
import { resumeCommand } from '../sessions/attach.ts';
import type { SessionFile } from '../session-files/session-files.ts';
import { machineNames } from './machine-names.ts';
import { namedSession, type NamedSession } from './named-session.ts';

const JSON_SCHEMA = 1;

export async function pullSession(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const named = namedSession(parsed.args[0] ?? '', io);
  if (named.file.machine === null) {
    io.stdout.write(flag(parsed, 'json')
      ? `${JSON.stringify({ schema: JSON_SCHEMA, session: named.sessionId, result: 'kept' })}\n`
      : `${named.sessionId} is on this computer already${named.others.length === 0 ? ', and nobody has more of it' : '; it went on elsewhere as well, which a pull of that makes a session of its own'}\n`);
    tellOthers(named, io);
    return EXIT_CODES.ok;
  }
  return handOver(named, { receiver: localReceiver(io), isOwn: true }, parsed, io);
}

export async function pushSession(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [name = '', machine = ''] = parsed.args;
  const names = machineNames(resolvePaths(io.environment, io.home));
  if (names.here !== null && names.machineIdOf(machine) === names.here) throw usageError(`${machine} is this computer`, `tt sessions pull ${name}`);
  const named = namedSession(name, io);
  const host = names.hostOf(machine) ?? (names.machineIdOf(machine) === undefined ? machine : undefined);
  if (host === undefined) {
    throw new TtError('no_way', `${machine} comes by itself: nobody knows how ssh reaches it`, { hint: `name the host, as ssh takes it: tt sessions push ${name} HOST` });
  }
  const { receiver, close } = await openRemoteReceiver(host, io);
  try {
    return await handOver(named, { receiver, isOwn: false }, parsed, io);
  } finally {
    await close();
  }
}

interface Way {
  receiver: Receiver;
  isOwn: boolean;
}

async function handOver(named: NamedSession, { receiver, isOwn }: Way, parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const { file, names } = named;
  const machine = ownerOf(file, names) ?? 'this computer';
  const bundle = openBundle(file, { machine, home: io.home, isHere: file.machine === null || file.machine === names.here });
  const to = absolute(textOption(parsed, 'to'), isOwn, io);
  const request = (directory: string | null): Omit<HandoverRequest, 'action'> => ({ ...bundle.request, to: directory, is_own: isOwn });
  const planned = await plan((directory) => receiver.ask({ ...request(directory), action: 'plan' }, undefined), to, { name: receiver.name, io });
  if (flag(parsed, 'dryRun')) {
    io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ ...planned.answer, schema: JSON_SCHEMA, session: file.sessionId })}\n` : `it would go on in ${toPlainText(planned.answer.directory)} on ${receiver.name}: ${plural(bundle.request.files.length, 'file')}, ${bytesWords(bundle.bytes)}\n`);
    return EXIT_CODES.ok;
  }
  const landed = await put(receiver, request(planned.to), bundle.content());
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(toJson(file, landed, { receiver, bundle, machine }))}\n` : toText(file, landed, { receiver, bundle, machine }));
  tellOthers(named, io);
  return EXIT_CODES.ok;
}

type Planned = Extract<HandoverAnswer, { action: 'plan' }>;

/** Asks the receiver where it would go, and the person where it could be several directories. */
async function plan(ask: (to: string | null) => Promise<HandoverAnswer>, to: string | null, { name, io }: { name: string; io: CommandIo }): Promise<{ answer: Planned; to: string | null }> {
  const answer = await ask(to);
  if (answer.ok && answer.action === 'plan') return { answer, to };
  if (answer.ok) throw otherAnswer(name);
  if (answer.candidates.length === 0 || !isPersonAt(io.stdin) || to !== null) throw refusedBy(answer, name);
  const list = answer.candidates.map((path, index) => `  ${index + 1}  ${toPlainText(path)}\n`).join('');
  const chosen = answer.candidates[Number(await readAnswer(io, `Where does it go on, on ${name}?\n${list}Type a number: `)) - 1];
  if (chosen !== undefined) return plan(ask, chosen, { name, io });
  throw refusedBy(answer, name);
}

/** A path here is completed here; one of another machine must be whole. */
function absolute(to: string | undefined, isOwn: boolean, io: CommandIo): string | null {
  if (to === undefined) return null;
  if (to.startsWith('/')) return to.replace(/(.)\/+$/, '$1');
  if (isOwn && to.startsWith('~')) return to.replace(/^~(?=\/|$)/, io.home);
  const workingDirectory = io.environment['PWD'];
  if (isOwn && workingDirectory !== undefined && workingDirectory.startsWith('/')) return resolve(workingDirectory, to);
  throw usageError(`--to: ${JSON.stringify(to)} is not an absolute path`, 'give the whole path, as it is there');
}

interface Done {
  receiver: Receiver;
  bundle: Bundle;
  machine: string;
}


function toJson({ sessionId }: SessionFile, { directory, project_directory, result, other, files_written, files_kept, late_lines, replaced }: Landed, { bundle, machine }: Done): object {
  return {
    schema: JSON_SCHEMA, session: sessionId, from: machine, directory, project_directory, result, other, files_written, files_kept, late_lines, replaced,
    bytes: bundle.bytes, command: resumeCommand({ project: directory, sessionId }),
  };
}

function toText({ sessionId }: SessionFile, landed: Landed, { receiver, bundle, machine }: Done): string {
  const { directory, result, other, files_kept: kept, late_lines: late, replaced } = landed;
  const what = {
    new: `${sessionId} of ${machine} is on ${receiver.name} now: ${plural(bundle.request.files.length, 'file')}, ${bytesWords(bundle.bytes)}`,
    longer: `${sessionId} of ${machine} is on ${receiver.name} now, which had a part of it`,
    kept: `${receiver.name} has all of ${sessionId} already`,
    diverged: `${sessionId} went on in both places, and both are kept`,
  }[result];
  const both = other === null ? [] : [
    `  the name stays with what was said last; what ${other.whose === 'held' ? `${receiver.name} had` : `came from ${machine}`} is a session of its own, with ${other.entries} ${other.entries === 1 ? 'entry' : 'entries'} that only it has:`,
    `  ${resumeCommand({ project: directory, sessionId: other.session })}`,
  ];
  const notes = [
    ...(late > 0 ? [`  ${plural(late, 'line')} came at the last moment, and stand at its end`] : []),
    ...(kept > 0 ? [`  ${plural(kept, 'file')} beside it that differ in both places stayed as they were`] : []),
    ...(replaced === null ? [] : [`  what was there before is kept for 30 days: ${replaced}`]),
  ];
  return `${[what, ...both, ...notes, `  ${resumeCommand({ project: directory, sessionId })}`].map(toPlainText).join('\n')}\n`;
}

function tellOthers({ others, names, sessionId }: NamedSession, io: CommandIo): void {
  for (const { file, entries } of others) {
    const machine = ownerOf(file, names);
    if (machine !== null) io.stderr.write(`${machine} went on for itself, with ${entries} ${entries === 1 ? 'entry' : 'entries'} more: ${sessionId}@${machine}\n`);
  }
}
