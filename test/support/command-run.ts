import { Readable } from 'node:stream';
import { runProgram, type CommandIo, type CommandSpec } from '../../shared/cli.ts';
import type { ExitCode } from '../../shared/errors.ts';
import { ManualClock } from './manual-clock.ts';

export interface CommandRun {
  code: ExitCode;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  stdin?: string | Uint8Array;
  /** Somebody sits there and types `stdin`. */
  isTerminal?: boolean;
  clock?: CommandIo['clock'];
  stop?: AbortSignal;
  onStdout?: (text: string) => void;
}

/** Runs one command line in this process, with a home of its own. */
export async function runCommand(commands: readonly CommandSpec[], argv: readonly string[], home: string, options: RunOptions = {}): Promise<CommandRun> {
  const run = { stdout: '', stderr: '' };
  const outputOf = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      run[name] += text;
      if (name === 'stdout') options.onStdout?.(text);
    },
    isTTY: false,
    columns: 80,
  });
  const code = await runProgram({ name: 'tt', summary: '', version: '0', commands }, argv, {
    stdin: Object.assign(Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]), { isTTY: options.isTerminal ?? false }),
    stdout: outputOf('stdout'), stderr: outputOf('stderr'), environment: {}, home,
    clock: options.clock ?? new ManualClock(), program: { node: process.execPath, file: '/tt.ts' }, stop: options.stop ?? new AbortController().signal, abandon: new AbortController().signal,
  });
  return { code, ...run };
}
