import { Readable } from 'node:stream';
import type { CommandIo } from '../../shared/cli.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';

export interface TestIo extends CommandIo {
  out(): string;
  err(): string;
  /** The first signal. */
  signal(): void;
}

/** What a command would see of the world, with `home` as its home. */
export function testIo(home: string, options: { clock?: Clock; stdin?: string; environment?: Record<string, string> } = {}): TestIo {
  let out = '';
  let err = '';
  const stop = new AbortController();
  return {
    stdin: Readable.from(options.stdin === undefined ? [] : [options.stdin]),
    stdout: { write: (text) => (out += text), isTTY: false, columns: 80 },
    stderr: { write: (text) => (err += text), isTTY: false, columns: 80 },
    environment: { TT_INGEST_PORT: '0', TT_UI_PORT: '0', TT_LOG_LEVEL: 'silent', ...options.environment },
    home,
    clock: options.clock ?? systemClock,
    stop: stop.signal,
    program: { node: process.execPath, file: '/tt.ts' },
    abandon: new AbortController().signal,
    out: () => out,
    err: () => err,
    signal: () => stop.abort(),
  };
}
