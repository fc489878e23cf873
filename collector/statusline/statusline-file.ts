/**
 * The file that a prompt reads instead of asking: `statusline` in the state
 * directory. Lines of text, because a shell reads it too (deploy/statusline.sh):
 *
 *     1 1767607200            version, and when it was written (seconds since the epoch)
 *     2 wait · 5 work · …     the line about all machines
 *     <session ID> <text>     one for each session that may be asked for
 *
 * It is loaded at every prompt, so it imports next to nothing.
 */
import { readFileSync } from 'node:fs';

const VERSION = '1';

/** The collector writes it anew this often, also when nothing happens. */
export const STATUSLINE_BEAT_MS = 30_000;
/** Older than this, nobody keeps it. */
export const STATUSLINE_STALE_MS = 90_000;

export interface Statusline {
  writtenAtMs: number;
  line: string;
  /** By session ID. */
  sessions: ReadonlyMap<string, string>;
}

export function printStatusline({ writtenAtMs, line, sessions }: Statusline): string {
  const lines = [`${VERSION} ${Math.floor(writtenAtMs / 1000)}`, line, ...[...sessions].map(([id, text]) => `${id} ${text}`)];
  return `${lines.join('\n')}\n`;
}

/** Undefined for anything else. */
export function parseStatusline(text: string): Statusline | undefined {
  const [head = '', line, ...rest] = text.split('\n');
  const [version, written] = head.split(' ');
  if (version !== VERSION || line === undefined || !/^\d{1,12}$/.test(written ?? '')) return undefined;
  const sessions = rest.filter((each) => each !== '').map((each): [string, string] => {
    const space = each.indexOf(' ');
    return [each.slice(0, space), each.slice(space + 1)];
  });
  return { writtenAtMs: Number(written) * 1000, line, sessions: new Map(sessions) };
}

export function readStatusline(file: string): Statusline | undefined {
  try {
    return parseStatusline(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** `3s`, `12m`, `5h`, `2d`: shorter than elsewhere, for a prompt. */
export function shortDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** What stands in the file is never passed off as of now. */
export function withAge(line: string, writtenAtMs: number, nowMs: number): string {
  const ageMs = nowMs - writtenAtMs;
  return ageMs <= STATUSLINE_STALE_MS ? line : `stale ${shortDuration(ageMs)} · ${line}`;
}

/**
 * The answer to `tt statusline` with these words behind it, from the file alone.
 * Undefined: something else is asked, or the file does not tell.
 */
export function quickStatusline(words: readonly string[], file: string, nowMs: number): string | undefined {
  const session = words.length === 2 && words[0] === '--session' ? words[1] : undefined;
  if (words.length > 0 && session === undefined) return undefined;
  const kept = readStatusline(file);
  const line = session === undefined ? kept?.line : kept?.sessions.get(session);
  return kept === undefined || line === undefined ? undefined : `${withAge(line, kept.writtenAtMs, nowMs)}\n`;
}
