/**
 * Writes logs as Claude Code does (one append per batch of lines, sometimes
 * torn in the middle of one) and knows which facts it has written.
 *
 * A fact counts as written from the moment before its newline is appended: at
 * any moment what is stored must be part of it, in the end equal to it.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { printTimestamp } from '../../shared/timestamp.ts';
import {
  assistantLine, CLAUDE_VERSIONS, noiseLine, openingLines, promptLine, startedFact, startsSession, toolLines, turnEndLine,
  type ClaudeVersion, type Line, type LineContext,
} from './claude-lines.ts';
import type { SeededRandom } from './seeded-random.ts';

const WORDS = ['tests', 'über', 'fix', 'the', '日本', 'parser', 'again', '🙂', 'quickly', '"quoted"', 'back\\slash', 'tab\there'];

/** As Claude Code encodes a directory's name. */
export function projectDirectory(cwd: string): string {
  return cwd.replaceAll(/[^A-Za-z0-9-]/g, '-');
}

export interface SessionOptions {
  version: ClaudeVersion;
  cwd: string;
  sessionId?: string;
  /** In a file below the session's `subagents/`. */
  agentId?: string;
}

export interface SessionWriter {
  readonly path: string;
  readonly sessionId: string;
  readonly cwd: string;
  readonly version: ClaudeVersion;
  /** Is a line waiting for its second half? */
  readonly isTorn: boolean;
  prompt(text?: string): void;
  assistant(text?: string): void;
  tool(output?: string): void;
  noise(): void;
  endTurn(): void;
  /** Whole turns in one append: what a batch of 2 to 50 lines looks like. */
  burst(lines: number): void;
  /** Appends the first part of a line, cut anywhere, also inside a character. */
  tear(): void;
  /** Appends the rest of it. */
  mend(): void;
}

export interface ClaudeWriter {
  /** Facts of every line whose newline is, or is about to be, in its file. */
  readonly facts: ReadonlySet<string>;
  readonly sessions: readonly SessionWriter[];
  session(options: SessionOptions): SessionWriter;
  /** One random thing that a harness does: lines, bursts, torn lines, new files, new directories, subagents. */
  act(): void;
  /** Mends every torn line: from here on the facts are all in the files. */
  settle(): void;
}

export interface ClaudeWriterOptions {
  /** `…/.claude/projects`. */
  projects: string;
  random: SeededRandom;
  /** Epoch ms of the first line; later ones follow a few ms apart. */
  startMs?: number;
}

export function createClaudeWriter({ projects, random, startMs = Date.now() }: ClaudeWriterOptions): ClaudeWriter {
  const facts = new Set<string>();
  const sessions: SessionWriter[] = [];
  let now = startMs;
  const tick = (): number => (now += random.between(1, 40));
  const session = (options: SessionOptions): SessionWriter => {
    const sessionId = options.sessionId ?? random.uuid();
    const directory = join(projects, projectDirectory(options.cwd));
    const path = options.agentId === undefined
      ? join(directory, `${sessionId}.jsonl`)
      : join(directory, sessionId, 'subagents', `agent-${options.agentId}.jsonl`);
    const context: LineContext = { version: options.version, sessionId, agentId: options.agentId, cwd: options.cwd, random, now: tick };
    const made = createSession(path, context, facts);
    sessions.push(made);
    return made;
  };
  return {
    facts, sessions, session,
    act: () => act({ random, sessions, session }),
    settle: () => {
      for (const each of sessions) each.mend();
    },
  };
}

function createSession(path: string, context: LineContext, facts: Set<string>): SessionWriter {
  const { random } = context;
  let isOpen = false;
  let hasStarted = false;
  let torn: { rest: Buffer; facts: string[] } | undefined;
  const append = (bytes: Buffer | string): void => {
    if (!isOpen) mkdirSync(dirname(path), { recursive: true });
    isOpen = true;
    appendFileSync(path, bytes, { mode: 0o600 });
  };
  const factsOf = (line: Line): string[] => {
    if (hasStarted || !startsSession(line)) return line.facts;
    hasStarted = true;
    return [startedFact(context), ...line.facts];
  };
  const mend = (): void => {
    if (torn === undefined) return;
    for (const fact of torn.facts) facts.add(fact);
    const { rest } = torn;
    torn = undefined;
    append(rest);
  };
  const write = (lines: readonly Line[]): void => {
    mend();
    const all = isOpen ? lines : [...openingLines(context), ...lines];
    for (const line of all) for (const fact of factsOf(line)) facts.add(fact);
    append(all.map(({ text }) => `${text}\n`).join(''));
  };
  const words = (count = random.between(3, 30)): string => Array.from({ length: count }, () => random.pick(WORDS)).join(' ');
  const randomLines = (): Line[] => {
    const dice = random.next();
    if (dice < 0.2) return [promptLine(context, words())];
    if (dice < 0.5) return [assistantLine(context, words())];
    if (dice < 0.8) return toolLines(context, words(random.chance(0.1) ? 4000 : 40));
    return [noiseLine(context)];
  };
  return {
    path, sessionId: context.sessionId, cwd: context.cwd, version: context.version,
    get isTorn() {
      return torn !== undefined;
    },
    prompt: (text = words()) => write([promptLine(context, text)]),
    assistant: (text = words()) => write([assistantLine(context, text)]),
    tool: (output = words(40)) => write(toolLines(context, output)),
    noise: () => write([noiseLine(context)]),
    endTurn: () => {
      const end = turnEndLine(context);
      if (end !== undefined) write([promptLine(context, words()), end]);
    },
    burst: (count) => {
      const lines: Line[] = [];
      while (lines.length < count) lines.push(...randomLines());
      write(lines);
    },
    tear: () => {
      mend();
      if (!isOpen) return write(randomLines());
      const line = promptLine(context, words());
      const bytes = Buffer.from(`${line.text}\n`);
      const cut = random.between(1, bytes.length - 1);
      torn = { rest: bytes.subarray(cut), facts: factsOf(line) };
      append(bytes.subarray(0, cut));
    },
    mend,
  };
}

interface Stage {
  random: SeededRandom;
  sessions: readonly SessionWriter[];
  session(options: SessionOptions): SessionWriter;
}

function act({ random, sessions, session }: Stage): void {
  const dice = random.next();
  if (sessions.length === 0 || dice < 0.05) {
    session({ version: random.pick(CLAUDE_VERSIONS), cwd: `/home/dev/project-${random.between(1, 1000)}` }).burst(random.between(1, 5));
    return;
  }
  const chosen = random.pick(sessions.slice(-20));
  if (dice < 0.1) {
    session({ version: chosen.version, cwd: chosen.cwd, sessionId: chosen.sessionId, agentId: `a${random.bytes(6).toString('hex')}` }).burst(random.between(1, 5));
  } else if (dice < 0.15) session({ version: random.pick(CLAUDE_VERSIONS), cwd: chosen.cwd }).burst(1);
  else if (dice < 0.35) chosen.burst(random.between(2, 50));
  else if (dice < 0.5) chosen.tear();
  else if (dice < 0.6) chosen.endTurn();
  else if (dice < 0.7) chosen.tool();
  else if (dice < 0.85) chosen.assistant();
  else chosen.prompt();
}

/** A line as the tmux hook appends it, and its fact once the agent has put the machine before it. */
export function hookLine(machineId: string, nowMs: number, pane: string, cwd: string): Line {
  const timestamp = printTimestamp(nowMs);
  const id = `remote.tmux:tmux_pane_focus:${timestamp}:${pane}`;
  return {
    text: JSON.stringify({ id, timestamp, source: 'remote.tmux', type: 'tmux_pane_focus', cwd, pane_id: pane, tmux_session: 'dev', window_index: 1 }),
    facts: [`${machineId}:${id}`],
  };
}
