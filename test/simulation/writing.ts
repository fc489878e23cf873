/** What harnesses, hooks and people do to log files. */
import { dirname, join } from 'node:path';
import { printTimestamp } from '../../shared/timestamp.ts';
import {
  assistantLine, CLAUDE_VERSIONS, noiseLine, openingLines, promptLine, toolLines, turnEndLine, type LineContext,
} from '../support/claude-lines.ts';
import { hookLine, projectDirectory } from '../support/claude-writer.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { completeEnd } from './claims.ts';
import type { LogFile, Machine } from './machine.ts';

const PROJECTS = ['/home/dev/app', '/home/dev/über', '/srv/x'];
const FEW_HOOKS = 0.25;

type Session = NonNullable<LogFile['session']>;

function contextOf(machine: Machine, session: Session, random: SeededRandom): LineContext {
  let now = machine.now;
  return { ...session, random, now: () => (now += random.between(0, 3)) };
}

/** One thing a log says, in one line or two. */
function sentence(machine: Machine, file: LogFile, random: SeededRandom): string[] {
  const { session } = file;
  if (session === undefined) return [eventLine(machine, random)];
  const context = contextOf(machine, session, random);
  const queued = (operation: string, content?: string): string =>
    JSON.stringify({ type: 'queue-operation', operation, timestamp: printTimestamp(context.now()), sessionId: session.sessionId, ...(content === undefined ? {} : { content }) });
  switch (random.between(0, 11)) {
    case 0: case 1: return [promptLine(context, `do ${random.between(1, 99)}`).text];
    case 2: case 3: return [assistantLine(context, `done ${random.between(1, 99)} 🙂`).text];
    case 4: case 5: return toolLines(context, 'out '.repeat(random.between(1, random.chance(0.05) ? 3000 : 20))).map(({ text }) => text);
    case 6: return [turnEndLine(context)?.text ?? noiseLine(context).text];
    case 7: return [JSON.stringify({ type: 'custom-title', customTitle: `t${random.between(1, 9)}`, sessionId: session.sessionId })];
    case 8: return [queued('enqueue', `later ${random.between(1, 9)}`)];
    case 9: return [queued(random.pick(['remove', 'dequeue', 'popAll']))];
    case 10: return [random.pick(['{"type":"user","broken', '\0\0\0', '', '{}', '[]', '{"type":"never-seen"}'])];
    default: return [noiseLine(context).text];
  }
}

function eventLine(machine: Machine, random: SeededRandom): string {
  const line = hookLine(machine.machineId, machine.now - random.between(0, 5), `%${random.between(1, 3)}`, random.pick(PROJECTS)).text;
  if (random.chance(0.05)) return line.replace('"remote.tmux:', '"99999999-0000-4000-8000-000000000000:remote.tmux:');
  return random.chance(0.05) ? 'not json' : line;
}

/** One line, of the same length whenever and wherever it is written. */
export function appendHook(machine: Machine, random: SeededRandom): void {
  const file = eventLogOf(machine);
  mend(machine, file);
  machine.grow(file, `${hookLine(machine.machineId, machine.now, `%${random.between(1, 9)}`, '/srv/x').text}\n`);
}

export function linesOf(machine: Machine, file: LogFile, count: number, random: SeededRandom): string {
  const isNew = !machine.disk.exists(file.path);
  const lines = isNew && file.session !== undefined ? openingLines(contextOf(machine, file.session, random)).map(({ text }) => text) : [];
  const target = lines.length + count;
  while (lines.length < target) lines.push(...sentence(machine, file, random));
  return lines.map((line) => `${line}\n`).join('');
}

/** Finishes a line that was begun. */
export function mend(machine: Machine, file: LogFile): void {
  if (file.rest === undefined) return;
  const { rest } = file;
  file.rest = undefined;
  machine.grow(file, rest);
}

export function append(machine: Machine, file: LogFile, count: number, random: SeededRandom): void {
  mend(machine, file);
  machine.grow(file, linesOf(machine, file, count, random));
}

/** The first part of a line, cut anywhere, also inside a character. */
export function begin(machine: Machine, file: LogFile, random: SeededRandom): void {
  mend(machine, file);
  const bytes = Buffer.from(linesOf(machine, file, 1, random));
  const cut = random.between(1, bytes.length - 1);
  file.rest = bytes.subarray(cut);
  machine.grow(file, bytes.subarray(0, cut));
}

export function newSession(machine: Machine, random: SeededRandom): LogFile {
  const cwd = random.chance(0.3) ? `/home/dev/new-${random.between(1, 1e6)}` : random.pick(PROJECTS);
  const session: Session = { sessionId: random.uuid(), agentId: undefined, cwd, version: random.pick(CLAUDE_VERSIONS) };
  return add(machine, join(machine.projects, projectDirectory(cwd), `${session.sessionId}.jsonl`), session);
}

export function newSubagent(machine: Machine, parent: Session, random: SeededRandom): LogFile {
  const agentId = `a${random.bytes(4).toString('hex')}`;
  return add(machine, join(machine.projects, projectDirectory(parent.cwd), parent.sessionId, 'subagents', `agent-${agentId}.jsonl`), { ...parent, agentId });
}

function add(machine: Machine, path: string, session: Session | undefined): LogFile {
  const file: LogFile = { path, session, rest: undefined, sizes: [] };
  machine.files.push(file);
  return file;
}

/** The log that hooks append to: made anew after each rotation. */
export function eventLogOf(machine: Machine): LogFile {
  return machine.files.find(({ path }) => path === machine.eventLog) ?? add(machine, machine.eventLog, undefined);
}

export function someFile(machine: Machine, random: SeededRandom): LogFile {
  if (random.chance(FEW_HOOKS)) return eventLogOf(machine);
  const written = machine.files.filter(({ session }) => session !== undefined);
  return written.length === 0 ? newSession(machine, random) : random.pick(written);
}

/** A fork repeats what was said until then under its own name, and says of whom it is one, sometimes only later. */
export function fork(machine: Machine, parent: LogFile, random: SeededRandom): void {
  const { session } = parent;
  if (session === undefined || session.agentId !== undefined) return;
  const content = machine.disk.content(parent.path);
  const lines = content.toString('utf8', 0, completeEnd(content)).split('\n').slice(0, -1);
  const sessionId = random.uuid();
  const copied = lines.slice(0, random.between(1, lines.length)).map((line) => forked(line, session.sessionId, sessionId, random));
  const child = add(machine, join(dirname(parent.path), `${sessionId}.jsonl`), { ...session, sessionId });
  machine.grow(child, copied.map((line) => `${line}\n`).join(''));
}

function forked(line: string, parent: string, child: string, random: SeededRandom): string {
  if (!line.startsWith('{"') || !line.endsWith('}') || !line.includes(`"sessionId":"${parent}"`)) return line;
  const renamed = line.replaceAll(`"sessionId":"${parent}"`, `"sessionId":"${child}"`);
  if (!line.includes('"uuid":') || random.chance(0.5)) return renamed;
  const lineage = random.chance(0.5) ? `"requestSessionId":"${parent}"` : `"forkedFrom":{"sessionId":"${parent}","messageUuid":"${random.uuid()}"}`;
  return `${renamed.slice(0, -1)},${lineage}}`;
}

/** Cuts off the last complete lines, and goes on writing. */
export function truncate(machine: Machine, file: LogFile, random: SeededRandom): void {
  machine.note(file);
  const content = machine.disk.content(file.path);
  let end = completeEnd(content);
  for (let lines = random.between(1, 2); lines > 0 && end > 0; lines -= 1) end = content.lastIndexOf(10, end - 2) + 1;
  Object.assign(file, { rest: undefined, sizes: [] });
  machine.disk.truncate(file.path, end);
}

/** Empties the file and writes others in its place, perhaps with the same beginning. */
export function rewrite(machine: Machine, file: LogFile, random: SeededRandom): void {
  machine.note(file);
  const content = machine.disk.content(file.path);
  const kept = random.chance(0.4) ? content.subarray(0, content.indexOf(10) + 1) : Buffer.alloc(0);
  Object.assign(file, { rest: undefined, sizes: [] });
  const bytes = Buffer.concat([kept, Buffer.from(linesOf(machine, file, random.between(1, 8), random))]);
  if (random.chance(0.5)) {
    machine.losesName(file);
    return machine.disk.replace(file.path, bytes);
  }
  machine.disk.truncate(file.path, 0);
  machine.grow(file, bytes);
}

export function remove(machine: Machine, file: LogFile): void {
  machine.losesName(file);
  machine.files = machine.files.filter((other) => other !== file);
  machine.disk.remove(file.path);
}

/** Gone, and made anew under the same name at once: its inode may well be the same. */
export function recreate(machine: Machine, file: LogFile, random: SeededRandom): void {
  const { path, session } = file;
  remove(machine, file);
  append(machine, add(machine, path, session), random.between(1, 4), random);
}

export function move(machine: Machine, file: LogFile, random: SeededRandom): void {
  if (file.session === undefined || file.session.agentId !== undefined) return;
  const to = join(machine.projects, projectDirectory(`/home/dev/moved-${random.between(1, 3)}`), `${file.session.sessionId}.jsonl`);
  if (machine.disk.exists(to)) return;
  machine.disk.rename(file.path, to);
  file.path = to;
}

/** Copies a log as it is to another machine, in the same place. */
export function copy(from: Machine, file: LogFile, to: Machine, random: SeededRandom): void {
  if (file.session === undefined) return;
  const path = join(to.projects, file.path.slice(from.projects.length + 1));
  if (to.disk.exists(path)) return;
  const content = from.disk.content(file.path);
  to.grow(add(to, path, file.session), random.chance(0.3) ? content.subarray(0, random.between(1, content.length)) : content);
}
