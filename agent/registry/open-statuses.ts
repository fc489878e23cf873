/**
 * The last telling of each process that was seen on this host and whose end is not
 * told yet. The log turns over, its old parts are removed, and only its newest part
 * is read at a start; without these lines the end of a session that was quiet for
 * long would never be told, and it would wait for its person for ever.
 */
import { dirname } from 'node:path';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';
import { parseStatusLine, type Told } from './status-line.ts';

export interface OpenStatuses {
  /** As of the start. */
  readonly told: readonly Told[];
  /** Durable, and nothing is written where nothing changed. Throws what writing throws. */
  keep(lines: readonly string[]): void;
}

/** What can not be read is not known. `lines` are those of the log. */
export function openStatuses(file: string, host: string): OpenStatuses {
  let kept = textOf(file);
  return {
    told: kept.split('\n').flatMap((line) => parseStatusLine(line, host) ?? []),
    keep(lines) {
      const text = lines.join('');
      if (text === kept) return;
      makePrivateDirectory(dirname(file));
      writeFileAtomic(file, text);
      kept = text;
    },
  };
}

function textOf(file: string): string {
  try {
    return readFileIfExists(file) ?? '';
  } catch {
    return '';
  }
}
