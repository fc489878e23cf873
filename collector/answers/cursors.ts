/** Places in lists, opaque to whoever asks: only what a `cursor` gave comes back in. */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';

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
  if (!match || id.length > LONGEST_ID) {
    throw new TtError('bad_request', 'cursor: not one of ours', { hint: 'start again without a cursor', exitCode: EXIT_CODES.usage });
  }
  return { at: Number(match[1]), id };
}
