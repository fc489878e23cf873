/**
 * The executables as they are shipped, as real processes: started, stopped,
 * killed by pid, and none left behind. `npm test` builds dist/ before any test;
 * a test file that runs alone builds it here.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MachineHome } from './machine-home.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export type ProgramName = 'tt' | 'tt-agent';

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProgram {
  readonly pid: number;
  /** First line on stdout: printed when it is ready. Rejects, with what it wrote, if it ends before. */
  readonly ready: Promise<string>;
  readonly ended: Promise<Ended>;
  isAlive(): boolean;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  /** Nobody reads any more what it writes, as behind a pipe whose reader has ended. */
  leave(): void;
  /** SIGTERM, then waits; throws with what it wrote if it takes longer than `withinMs`. */
  stop(withinMs?: number): Promise<Ended>;
  /** SIGKILL, then waits until it is gone. */
  kill(): Promise<void>;
}

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** Kills what a test started and did not stop. */
export async function killAll(): Promise<void> {
  await Promise.all([...alive].map((child) => new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  })));
}

/** Builds dist/ if it is missing or out of date. Once per run of a test file. */
export function ensureExecutables(): void {
  const script = "import('./deploy/ensure-built.mjs').then((built) => built.ensureBuilt())";
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`cannot build the executables: ${stderr}`);
}

export function executableOf(program: ProgramName): string {
  return join(ROOT, 'dist', `${program}.mjs`);
}

export interface StartOptions {
  cwd?: string;
  environment?: Record<string, string>;
  /** Node's own flags, e.g. for a profile. */
  nodeFlags?: readonly string[];
  /** A copy of the executable somewhere else. */
  executable?: string;
  /** Words before the command, of a program that starts it: its process ID must become the command's. */
  under?: readonly string[];
}

function commandLine(program: ProgramName, args: readonly string[], { under = [], nodeFlags = [], executable }: StartOptions): [string, string[]] {
  const [command = process.execPath, ...words] = [...under, process.execPath, ...nodeFlags, executable ?? executableOf(program), ...args];
  return [command, words];
}

export function startProgram(home: MachineHome, program: ProgramName, args: readonly string[], options: StartOptions = {}): RunningProgram {
  const [command, words] = commandLine(program, args, options);
  const child = spawn(command, words, {
    cwd: options.cwd ?? home.directory, env: { ...home.environment, ...options.environment }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  alive.add(child);
  const written = { stdout: '', stderr: '' };
  const told = (): string => `stdout: ${written.stdout || '(nothing)'}\nstderr: ${tail(written.stderr) || '(nothing)'}`;
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      alive.delete(child);
      resolve({ code, signal });
    });
  });
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written.stdout += text;
      const end = written.stdout.indexOf('\n');
      if (end !== -1) resolve(written.stdout.slice(0, end));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      written.stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => reject(new Error(`${program} ${args.join(' ')} ended (${code ?? signal}) before it was ready\n${told()}`)));
  });
  ready.catch(() => undefined); // whoever awaits it hears of it; who kills it first need not
  return {
    pid: child.pid ?? 0, ready, ended,
    isAlive: () => alive.has(child),
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    signal: (name) => void child.kill(name),
    leave: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    stop: async (withinMs = 15_000) => {
      child.kill('SIGTERM');
      return within(ended, withinMs, () => `${program} did not end within ${withinMs} ms of SIGTERM\n${told()}`);
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface Finished extends Ended {
  stdout: string;
  stderr: string;
}

/** Runs one command to its end. */
export async function runCommand(
  home: MachineHome, program: ProgramName, args: readonly string[], { stdin = '', ...options }: StartOptions & { stdin?: string } = {},
): Promise<Finished> {
  const [command, words] = commandLine(program, args, options);
  const child = spawn(command, words, {
    cwd: options.cwd ?? home.directory, env: { ...home.environment, ...options.environment }, stdio: ['pipe', 'pipe', 'pipe'],
  });
  alive.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined); // it may end without reading
  child.stdin.end(stdin);
  const ended = await new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  alive.delete(child);
  return { ...ended, stdout, stderr };
}

/** One JSON document from a command that must succeed. */
export async function runJson<T>(home: MachineHome, program: ProgramName, args: readonly string[], parse: (value: unknown) => T): Promise<T> {
  const { code, stdout, stderr } = await runCommand(home, program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited ${code}: ${stderr}`);
  return parse(JSON.parse(stdout));
}

async function within<T>(promise: Promise<T>, ms: number, why: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(why())), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function tail(text: string): string {
  return text.length <= 4000 ? text : `… ${text.slice(-4000)}`;
}
