/**
 * Lines that `ingest` appends to `events.jsonl`. One line is at most 4 KiB and
 * written by one call with O_APPEND, so lines of hooks that run at once never
 * mix. Keys in the earlier tool's order (tt-behaviour §1.3).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory, PRIVATE_FILE_MODE } from '../shared/atomic-file.ts';
import { TtError } from '../shared/errors.ts';
import { EVENT_SOURCES, type JsonValue } from '../shared/event.ts';
import { buildEventId } from '../shared/event-id.ts';
import type { MachineId, Timestamp } from '../shared/ids.ts';
import { HOOK_LINE_BYTES } from '../shared/limits.ts';

export interface PaneFacts {
  type: 'tmux_pane_focus' | 'tmux_scroll';
  pane: string;
  cwd: string;
  session: string;
  windowIndex: number | undefined;
}

interface Stamp {
  machineId: MachineId;
  timestamp: Timestamp;
}

/** Names longer than this are no names, and even one that prints as six times its bytes fits; a longer `cwd` or title is cut at its end until the line fits. */
const NAME_BYTES = 128;

export function paneLine({ machineId, timestamp }: Stamp, { type, pane, cwd, session, windowIndex }: PaneFacts): string {
  const source = EVENT_SOURCES.tmux;
  const paneId = cut(pane, NAME_BYTES);
  const id = buildEventId({ machineId, source, type, timestamp, discriminator: paneId });
  return fit(cwd, (shorter) => ({
    id, timestamp, source, type, cwd: shorter, pane_id: paneId, tmux_session: cut(session, NAME_BYTES),
    ...(windowIndex === undefined ? {} : { window_index: windowIndex }),
  }));
}

export function afkLine({ machineId, timestamp }: Stamp, status: 'idle' | 'active', idleMs: number | undefined): string {
  const source = EVENT_SOURCES.watcher;
  const type = 'afk_change';
  const id = buildEventId({ machineId, source, type, timestamp, discriminator: status });
  return `${JSON.stringify({ id, timestamp, source, type, status, ...(idleMs === undefined ? {} : { idle_duration_ms: idleMs }) })}\n`;
}

export function windowLine({ machineId, timestamp }: Stamp, app: string, title: string): string {
  const source = EVENT_SOURCES.watcher;
  const type = 'window_focus';
  const appId = cut(app, NAME_BYTES);
  // Of the whole title, so that two long ones with one beginning stay two.
  const id = buildEventId({ machineId, source, type, timestamp, discriminator: `${appId}:${fnv1a64(title)}` });
  return fit(title, (shorter) => ({ id, timestamp, source, type, window_app_id: appId, window_title: shorter }));
}

/** FNV-1a, 64 bit, over UTF-8, as 16 hex digits. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, '0');
}

function fit(text: string, toEvent: (text: string) => Record<string, JsonValue>): string {
  let shorter = text;
  for (;;) {
    const line = `${JSON.stringify(toEvent(shorter))}\n`;
    const excess = Buffer.byteLength(line) - HOOK_LINE_BYTES;
    if (excess <= 0) return line;
    // A control character prints as six bytes, so more than one round may be needed.
    shorter = cut(shorter, Buffer.byteLength(shorter) - Math.ceil(excess / 6));
  }
}

/** At most `bytes` of UTF-8, without half a character at the end. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = Math.max(0, bytes);
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return encoded.toString('utf8', 0, end);
}

/** Throws `log_full` when the disk took only a part; the part is made unreadable as a line of its own. */
export function appendLine(file: string, line: string): void {
  makePrivateDirectory(dirname(file));
  const fd = openSync(file, 'a', PRIVATE_FILE_MODE);
  try {
    const written = writeSync(fd, line);
    if (written === Buffer.byteLength(line)) return;
    writeSync(fd, '\n');
    throw new TtError('log_full', `only a part of the line could be written to ${file}`, { hint: 'free space on that disk' });
  } finally {
    closeSync(fd);
  }
}
