/** What harnesses, hooks, people and cleanups do to the logs of one machine, with real files. */
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, renameSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  assistantLine, CLAUDE_VERSIONS, noiseLine, openingLines, promptLine, startedFact, startsSession, toolLines, turnEndLine, type Line, type LineContext,
} from '../support/claude-lines.ts';
import { hookLine, projectDirectory } from '../support/claude-writer.ts';
import type { MachineHome } from '../support/machine-home.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { newLog, type Log, type MachineOwed } from './owed.ts';

type Session = Pick<LineContext, 'version' | 'sessionId' | 'agentId' | 'cwd'>;

/** More than this many logs are not written any more: somebody has to end. */
const LIVING_LOGS = 15;
const PROJECTS = ['/home/dev/app', '/home/dev/über', '/srv/a b'];
const RUBBISH = ['{"type":"user","broken', '\0\0\0\0', '', '{}', '[]', '{"type":"never-seen"}', 'not json'];

export interface WriterCounts {
  lines: number;
  cuts: number;
  removals: number;
  renames: number;
}

export class Writer {
  readonly counts: WriterCounts = { lines: 0, cuts: 0, removals: 0, renames: 0 };
  readonly #home: MachineHome;
  readonly #random: SeededRandom;
  readonly #owed: MachineOwed;
  readonly #machineId: string;
  readonly #sessions = new Map<Log, Session>();
  /** The event log is rotated by others: what it is, its inode tells. */
  readonly #eventLogs = new Map<number, Log>();
  #now: number;

  constructor(home: MachineHome, random: SeededRandom, owed: MachineOwed) {
    this.#home = home;
    this.#random = random;
    this.#owed = owed;
    this.#machineId = home.machineId();
    this.#now = Date.now();
  }

  /** One random thing. */
  act(): void {
    const random = this.#random;
    const dice = random.between(1, 100);
    const log = this.#someSession();
    if (log === undefined || dice <= 5) return this.#append(this.#newSession(), random.between(1, 5));
    if (dice <= 9) return this.#append(this.#newSession(this.#sessions.get(log)), random.between(1, 3));
    if (dice <= 30) return this.#append(log, 1);
    if (dice <= 45) return this.#append(log, random.between(2, random.chance(0.2) ? 50 : 8));
    if (dice <= 55) return this.#tear(log);
    if (dice <= 72) return this.#hooks(random.chance(0.02) ? 400 : random.between(1, 6));
    this.#mishap(log, dice);
  }

  #mishap(log: Log, dice: number): void {
    const random = this.#random;
    if (dice <= 76) return this.#cut(log, random.between(0, Math.max(0, log.lines.length - 1)));
    if (dice <= 81) {
      this.#cut(log, random.chance(0.5) ? 0 : random.between(0, log.lines.length));
      return this.#append(log, random.between(1, 20));
    }
    if (dice <= 84) return this.#replace(log);
    if (dice <= 87) return this.#remove(log);
    if (dice <= 89) return this.#recreate(log);
    if (dice <= 93) return this.#rename(log);
    if (dice <= 94) return this.#moveDirectory(log);
    if (dice <= 95) return this.#removeDirectory(log);
    if (dice <= 97) return this.#rotateEvents();
    if (dice <= 98) return this.#rotateAsBefore();
    this.#write(log, [{ text: random.pick(RUBBISH), facts: [] }]);
  }

  /** Finishes what was begun, or most of it: a line that never ends must not hold anything up either. */
  settle(): void {
    for (const log of this.#owed.logs) if (this.#random.chance(0.8)) this.#mend(log);
    this.#forgetRemoved();
  }

  // Words

  #context(session: Session): LineContext {
    return { ...session, random: this.#random, now: () => (this.#now += this.#random.between(1, 40)) };
  }

  #sentence(session: Session): readonly Line[] {
    const random = this.#random;
    const context = this.#context(session);
    const words = random.pick(['fix the tests', 'über 日本 🙂 "quoted" back\\slash', 'again '.repeat(random.between(1, 60))]);
    switch (random.between(0, 5)) {
      case 0: return [promptLine(context, words)];
      case 1: return [assistantLine(context, words)];
      case 2: return toolLines(context, 'out '.repeat(random.chance(0.02) ? 60_000 : random.between(1, 400)));
      // A turn ends once, so each end has a turn of its own.
      case 3: return [promptLine(context, words), turnEndLine(context) ?? assistantLine(context, words)];
      case 4: return [noiseLine(context)];
      default: return [promptLine(context, words), assistantLine(context, words)];
    }
  }

  // Writing

  #someSession(): Log | undefined {
    const logs = [...this.#sessions.keys()].slice(-LIVING_LOGS);
    return logs.length === 0 ? undefined : this.#random.pick(logs);
  }

  #newSession(parent?: Session): Log {
    const random = this.#random;
    const session: Session = parent === undefined
      ? { version: random.pick(CLAUDE_VERSIONS), sessionId: random.uuid(), agentId: undefined, cwd: random.chance(0.3) ? `/home/dev/new-${random.between(1, 999)}` : random.pick(PROJECTS) }
      : { ...parent, agentId: `a${random.bytes(6).toString('hex')}` };
    const directory = join(this.#home.projects, projectDirectory(session.cwd));
    const path = session.agentId === undefined
      ? join(directory, `${session.sessionId}.jsonl`)
      : join(directory, session.sessionId, 'subagents', `agent-${session.agentId}.jsonl`);
    return this.#add(path, session);
  }

  #add(path: string, session: Session | undefined): Log {
    const log = newLog(path);
    if (session !== undefined) this.#sessions.set(log, session);
    return log;
  }

  #append(log: Log, sentences: number): void {
    const session = this.#sessions.get(log);
    if (session === undefined) return;
    this.#write(log, Array.from({ length: sentences }, () => this.#sentence(session)).flat());
  }

  /** A fact for each line, and for the one that starts the session's file. */
  #withStarts(log: Log, lines: readonly Line[]): (Line & { starts: boolean })[] {
    const session = this.#sessions.get(log);
    let hasStarted = session === undefined || log.lines.some(({ starts }) => starts);
    return lines.map((line) => {
      if (hasStarted || session === undefined || !startsSession(line)) return { ...line, starts: false };
      hasStarted = true;
      return { ...line, facts: [startedFact(this.#context(session)), ...line.facts], starts: true };
    });
  }

  #write(log: Log, lines: readonly Line[]): void {
    this.#mend(log);
    const session = this.#sessions.get(log);
    const opening = log.size === 0 && session !== undefined ? openingLines(this.#context(session)) : [];
    const all = this.#withStarts(log, [...opening, ...lines]);
    for (const { facts } of all) this.#owed.willSay(facts);
    mkdirSync(dirname(log.path), { recursive: true });
    const bytes = all.map(({ text }) => Buffer.from(`${text}\n`));
    appendTo(log.path, Buffer.concat(bytes));
    this.#wrote(log, all, bytes);
  }

  #wrote(log: Log, lines: readonly (Line & { starts: boolean })[], bytes: readonly Buffer[]): void {
    for (const [at, { facts, starts }] of lines.entries()) {
      log.size += bytes[at]?.length ?? 0;
      log.lines.push({ end: log.size, facts, starts });
      this.counts.lines += 1;
    }
    // Only what is new in the database tells that it was read.
    log.wasWritten ||= lines.some(({ facts }) => facts.length > 0);
    this.#owed.logs.add(log);
  }

  /** The first part of a line, cut anywhere, also inside of a character. */
  #tear(log: Log): void {
    this.#mend(log);
    const session = this.#sessions.get(log);
    if (session === undefined || log.size === 0) return this.#append(log, 1);
    const [line] = this.#withStarts(log, this.#sentence(session).slice(0, 1));
    if (line === undefined) return;
    // Without its newline it is a whole line where the file is gone.
    this.#owed.willSay(line.facts);
    const bytes = Buffer.from(`${line.text}\n`);
    const cut = this.#random.between(1, bytes.length - 1);
    log.torn = { rest: bytes.subarray(cut), facts: line.facts, starts: line.starts };
    appendTo(log.path, bytes.subarray(0, cut));
    log.size += cut;
  }

  #mend(log: Log): void {
    const { torn } = log;
    if (torn === undefined) return;
    log.torn = undefined;
    appendTo(log.path, torn.rest);
    log.size += torn.rest.length;
    log.lines.push({ end: log.size, facts: torn.facts, starts: torn.starts });
    log.wasWritten ||= torn.facts.length > 0;
  }

  // Mishaps

  /** In place, as with copytruncate: behind so many of its lines. */
  #cut(log: Log, lines: number): void {
    if (log.size === 0) return;
    const to = lines === 0 ? 0 : log.lines[lines - 1]?.end ?? 0;
    this.#owed.cut(log, to);
    const fd = openSync(log.path, 'r+');
    ftruncateSync(fd, to);
    closeSync(fd);
    this.counts.cuts += 1;
  }

  /** As an editor or a sync does: another file takes the name, with the old lines and more, or with others. */
  #replace(log: Log): void {
    const session = this.#sessions.get(log);
    if (log.size === 0 || session === undefined) return;
    const next = newLog(`${log.path}.tmp`);
    this.#sessions.set(next, session);
    if (this.#random.chance(0.5)) {
      const complete = log.lines.at(-1)?.end ?? 0;
      appendTo(next.path, readFileSync(log.path).subarray(0, complete));
      Object.assign(next, { size: complete, lines: [...log.lines] });
    }
    const session2 = this.#sentence(session);
    const opening = next.size === 0 ? openingLines(this.#context(session)) : [];
    const lines = this.#withStarts(next, [...opening, ...session2]);
    for (const { facts } of lines) this.#owed.willSay(facts);
    const bytes = lines.map(({ text }) => Buffer.from(`${text}\n`));
    appendTo(next.path, Buffer.concat(bytes));
    renameSync(next.path, log.path);
    this.#lost(log, next);
    Object.assign(next, { path: log.path });
    next.paths.clear();
    next.paths.add(log.path);
    this.#wrote(next, lines, bytes);
  }

  #lost(log: Log, successor?: Log): void {
    this.#owed.removed(log, successor);
    this.#sessions.delete(log);
    for (const [inode, each] of this.#eventLogs) if (each === log) this.#eventLogs.delete(inode);
    this.counts.removals += 1;
  }

  #remove(log: Log): void {
    if (log.size > 0 || existsSync(log.path)) unlinkSync(log.path);
    this.#lost(log);
  }

  /** Its inode may go to the new one at once. */
  #recreate(log: Log): void {
    const session = this.#sessions.get(log);
    this.#remove(log);
    this.#append(this.#add(log.path, session), this.#random.between(1, 6));
  }

  #rename(log: Log): void {
    const session = this.#sessions.get(log);
    if (log.size === 0 || session === undefined || session.agentId !== undefined) return;
    const to = join(this.#home.projects, projectDirectory(`/home/dev/moved-${this.#random.between(1, 5)}`), basename(log.path));
    if (existsSync(to)) return;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(log.path, to);
    this.#owed.renamed(log, to);
    this.counts.renames += 1;
  }

  #logsBelow(directory: string): Log[] {
    return [...this.#sessions.keys()].filter(({ path, size }) => size > 0 && path.startsWith(`${directory}/`));
  }

  #moveDirectory(log: Log): void {
    const from = this.#projectOf(log);
    const to = `${from}-${this.#random.between(1, 99)}`;
    if (existsSync(to) || !existsSync(from)) return;
    renameSync(from, to);
    for (const each of this.#logsBelow(from)) this.#owed.renamed(each, to + each.path.slice(from.length));
    // What is still to be begun begins where it wanted to.
    this.counts.renames += 1;
  }

  #removeDirectory(log: Log): void {
    const directory = this.#projectOf(log);
    const logs = this.#logsBelow(directory);
    if (logs.length > 5) return this.#remove(log);
    rmSync(directory, { recursive: true, force: true });
    for (const each of logs) this.#lost(each);
    if (this.#random.chance(0.7)) this.#append(this.#newSession(), 1);
  }

  #projectOf(log: Log): string {
    const [name = ''] = log.path.slice(this.#home.projects.length + 1).split('/');
    return join(this.#home.projects, name);
  }

  // The event log

  /** Each line in an append of its own, as hooks do it. */
  #hooks(count: number): void {
    const { eventLog } = this.#home.paths;
    for (let at = 0; at < count; at += 1) {
      const line = { ...hookLine(this.#machineId, (this.#now += 1), `%${this.#random.between(0, 9)}`, this.#random.pick(PROJECTS)), starts: false };
      this.#owed.willSay(line.facts);
      const bytes = Buffer.from(`${line.text}\n`);
      const { inode, size, written } = appendHook(eventLog, bytes);
      const log = this.#eventLogs.get(inode) ?? newLog(eventLog);
      this.#eventLogs.set(inode, log);
      log.size = size;
      log.wasWritten = true;
      this.#owed.logs.add(log);
      // A line that the disk had no room for in full is none, and breaks the next one off from it.
      if (written === bytes.length) log.lines.push({ end: size, facts: line.facts, starts: false });
      this.counts.lines += 1;
    }
  }

  #eventLogNow(): Log | undefined {
    const inode = statSync(this.#home.paths.eventLog, { throwIfNoEntry: false })?.ino;
    return inode === undefined ? undefined : this.#eventLogs.get(inode);
  }

  #rotateEvents(): void {
    const log = this.#eventLogNow();
    if (log === undefined) return;
    const segment = this.#home.paths.eventLog.replace(/\.jsonl$/, `-${this.#random.bytes(8).toString('hex')}.jsonl`);
    renameSync(this.#home.paths.eventLog, segment);
    this.#owed.renamed(log, segment);
    this.counts.renames += 1;
  }

  /** The earlier tool had one backup and overwrote it. */
  #rotateAsBefore(): void {
    const log = this.#eventLogNow();
    if (log === undefined) return;
    const backup = `${this.#home.paths.eventLog}.1`;
    const before = statSync(backup, { throwIfNoEntry: false })?.ino;
    renameSync(this.#home.paths.eventLog, backup);
    const overwritten = before === undefined ? undefined : this.#eventLogs.get(before);
    if (overwritten !== undefined) this.#lost(overwritten);
    this.#owed.renamed(log, backup);
    this.counts.renames += 1;
  }

  /** The agent itself removes segments that are a day old and stored. */
  #forgetRemoved(): void {
    const { dataDir } = this.#home.paths;
    const there = new Map(readdirSync(dataDir).map((name) => [statSync(join(dataDir, name), { throwIfNoEntry: false })?.ino, join(dataDir, name)]));
    for (const [inode, log] of this.#eventLogs) {
      const path = there.get(inode);
      if (path === undefined) this.#lost(log);
      else if (path !== log.path) this.#owed.renamed(log, path);
    }
  }
}

function appendTo(path: string, bytes: Buffer): void {
  const fd = openSync(path, 'a', 0o600);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}

/** On a disk that may be full. What is there in part is closed off by a newline as soon as there is room. */
function appendHook(path: string, bytes: Buffer): { inode: number; size: number; written: number } {
  const fd = openSync(path, 'a+', 0o600);
  try {
    const before = fstatSync(fd);
    let written = 0;
    try {
      const last = Buffer.alloc(1);
      const isTorn = before.size > 0 && readSync(fd, last, 0, 1, before.size - 1) === 1 && last[0] !== 10;
      if (isTorn) writeSync(fd, '\n');
      written = writeSync(fd, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
    return { inode: before.ino, size: fstatSync(fd).size, written };
  } finally {
    closeSync(fd);
  }
}
