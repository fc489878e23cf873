/**
 * What was refused, with its reason: shown, never in the way. Capped per machine
 * by rows and bytes; beyond the caps it is only counted.
 */
import {
  DEAD_LETTER_BODY_BYTES, DEAD_LETTER_BYTES_PER_MACHINE, DEAD_LETTER_ROWS_PER_MACHINE,
} from '../../shared/limits.ts';
import type { RefusalCode } from '../../shared/protocol/frames.ts';
import type { Database } from './database.ts';

export interface DeadLetter {
  machine: number;
  code: RefusalCode;
  /** What it would have been; a foreign prefix for `foreign_machine`, so that a flood is one row. */
  subject: string;
  gen: string | null;
  body: string;
}

export interface DeadLetters {
  store(letter: DeadLetter, nowMs: number): void;
  /** After a rollback: what was counted may not be there. */
  forget(): void;
}

/** Cut by bytes without tearing a character. */
function cutBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && ((encoded[end] ?? 0) & 0xc0) === 0x80) end--;
  return encoded.toString('utf8', 0, end);
}

export interface DeadLetterCaps {
  rows: number;
  bytes: number;
}

const CAPS: DeadLetterCaps = { rows: DEAD_LETTER_ROWS_PER_MACHINE, bytes: DEAD_LETTER_BYTES_PER_MACHINE };

/** `caps`: per machine. */
export function openDeadLetters(database: Database, caps: DeadLetterCaps = CAPS): DeadLetters {
  const countHeld = database.prepare<[number], { rows: number; bytes: number }>(
    'SELECT count(*) AS rows, coalesce(sum(length(CAST(body AS BLOB))), 0) AS bytes FROM dead_letter WHERE machine = ?',
  );
  const store = database.prepare<[number, number, string, string, string | null, string, number]>(`
    INSERT INTO dead_letter (machine, received_at, code, subject, gen, body, body_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (machine, code, subject) DO UPDATE SET count = count + 1, received_at = excluded.received_at`);
  const again = database.prepare<[number, number, string, string]>(
    'UPDATE dead_letter SET count = count + 1, received_at = ? WHERE machine = ? AND code = ? AND subject = ?',
  );
  const count = database.prepare<[number, string]>(`
    INSERT INTO refused_count (machine, code, count) VALUES (?, ?, 1)
    ON CONFLICT (machine, code) DO UPDATE SET count = count + 1`);
  // Counted once and kept: a flood must not scan what the flood has left before.
  const held = new Map<number, { rows: number; bytes: number }>();
  const heldBy = (machine: number): { rows: number; bytes: number } => {
    const known = held.get(machine);
    if (known !== undefined) return known;
    const counted = countHeld.get(machine) ?? { rows: 0, bytes: 0 };
    held.set(machine, counted);
    return counted;
  };
  return {
    store(letter, nowMs) {
      count.run(letter.machine, letter.code);
      if (letter.code === 'forgotten') return; // nothing of it may stay
      if (again.run(nowMs, letter.machine, letter.code, letter.subject).changes > 0) return;
      const total = heldBy(letter.machine);
      if (total.rows >= caps.rows || total.bytes >= caps.bytes) return;
      const body = cutBytes(letter.body, DEAD_LETTER_BODY_BYTES);
      store.run(letter.machine, nowMs, letter.code, letter.subject, letter.gen, body, Buffer.byteLength(letter.body));
      total.rows += 1;
      total.bytes += Buffer.byteLength(body);
    },
    forget: () => held.clear(),
  };
}
