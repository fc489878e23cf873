/** A log file that turns over by itself: `agent.log`, then `agent.log.1`, and so on. Its size is bounded whatever is logged. */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE } from './atomic-file.ts';
import { textOption, type OptionSpec, type ParsedCommand } from './cli.ts';
import type { LogSink } from './log.ts';

const LIMIT_BYTES = 8 * 1024 * 1024;
const KEPT = 3;

export interface RotatingFileOptions {
  limitBytes?: number;
  /** Old files beside the present one. */
  kept?: number;
}

/** What can not be written is not written: a full disk must not end the program that logs it. */
export function openRotatingFile(path: string, { limitBytes = LIMIT_BYTES, kept = KEPT }: RotatingFileOptions = {}): LogSink {
  makePrivateDirectory(dirname(path));
  let size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return {
    write(line) {
      try {
        if (size >= limitBytes) {
          turnOver(path, kept);
          size = 0;
        }
        appendFileSync(path, line, { mode: PRIVATE_FILE_MODE });
        size += Buffer.byteLength(line);
      } catch {
        // Said above.
      }
    },
  };
}

function turnOver(path: string, kept: number): void {
  for (let number = kept; number >= 1; number -= 1) {
    const from = number === 1 ? path : `${path}.${number - 1}`;
    if (statSync(from, { throwIfNoEntry: false })) renameSync(from, `${path}.${number}`);
  }
}

export const LOG_OPTION: OptionSpec = { flags: '--log <file>', description: 'log into this file instead of stderr; it turns over at 8 MiB, three old ones are kept' };

/** Of a program that has LOG_OPTION. */
export function logSinkOf(parsed: ParsedCommand, stderr: LogSink): LogSink {
  const path = textOption(parsed, 'log');
  return path === undefined ? { write: (line) => stderr.write(line) } : openRotatingFile(path);
}
