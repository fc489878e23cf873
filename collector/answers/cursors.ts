/** Places in lists, opaque to whoever asks: only what a `cursor` gave comes back in. */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { EventPosition } from '../store/read-events.ts';

export interface Place {
  at: number;
  /** Tells apart what is of the same time. */
  id: string;
}

const VERSION = '1';
const LONGEST_ID = 200;

export function encodePlace({ at, id }: Place): string {
  return Buffer.from(`${VERSION}.${at}.${id}`).toString('base64url');
}

export function decodePlace(cursor: string): Place {
  const match = /^1\.(-?\d{1,15})\.(.*)$/s.exec(Buffer.from(cursor, 'base64url').toString('utf8'));
  const id = match?.[2] ?? '';
  return match && id.length <= LONGEST_ID ? { at: Number(match[1]), id } : notOurs();
}

/** Of events: those of the same time are told apart by the order in which they arrived. */
export function encodePosition({ at, row }: EventPosition): string {
  return encodePlace({ at, id: String(row) });
}

export function decodePosition(cursor: string): EventPosition {
  const { at, id } = decodePlace(cursor);
  return /^\d{1,15}$/.test(id) ? { at, row: Number(id) } : notOurs();
}

function notOurs(): never {
  throw new TtError('bad_request', 'cursor: not one of ours', { hint: 'start again without a cursor', exitCode: EXIT_CODES.usage });
}
