/** A program of ours that runs beside us: its first line means ready, its last lines explain its end. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Environment } from '../../shared/paths.ts';

const LAST_LINES = 12;

export interface ProgramEnd {
  /** Null when a signal ended it. */
  code: number | null;
  signal: string | null;
  lastLines: readonly string[];
}

export interface RunningProgram {
  readonly name: string;
  /** Its first line on stdout; undefined when it ended before. */
  readonly ready: Promise<string | undefined>;
  readonly ended: Promise<ProgramEnd>;
  /** SIGTERM: the first asks it to drain, the second ends it now. Nothing when it has ended. */
  terminate(): void;
  kill(): void;
}

export interface ProgramOptions {
  name: string;
  script: string;
  args: readonly string[];
  environment: Environment;
  /** Gets each line of both outputs. */
  onLine?: (line: string) => void;
}

export function startProgram({ name, script, args, environment, onLine }: ProgramOptions): RunningProgram {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Out of the terminal's process group: Ctrl-C reaches us alone, so that the agent drains before the collector goes.
    detached: true,
  });
  const lastLines: string[] = [];
  const keep = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    onLine?.(line);
  };
  const ended = new Promise<ProgramEnd>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, lastLines: [error.message] }));
    // `close`, not `exit`: only then is everything read that it had to say.
    child.once('close', (code, signal) => resolve({ code, signal, lastLines }));
  });
  const firstLine = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      keep(line);
      resolve(line);
    });
  });
  createInterface({ input: child.stderr }).on('line', keep);
  return {
    name,
    ready: Promise.race([firstLine, ended.then(() => undefined)]),
    ended,
    terminate: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  };
}

export interface Answer {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command of ours to its end. */
export function ask(script: string, args: readonly string[], environment: Environment, input = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { env: { ...environment }, stdio: ['pipe', 'pipe', 'pipe'] });
    const answer: Answer = { code: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (answer.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (answer.stderr += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...answer, code }));
    // A command that reads no input may be gone before it was written.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
