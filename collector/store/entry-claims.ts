/** Claims by the log entry they rest on. Only replacing asks for them, so only replacing pays for the indexes. */
import { READ_CLAIM, type StoredClaim } from './claims.ts';
import type { Claim } from './claim.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';

/**
 * UUID of the log entry that a row rests on, as `entryUuidOf` reads it off the
 * event. Word by word what the indexes of `ENTRY_INDEXES` hold, or they are not used.
 */
const ENTRY = `coalesce(json_extract(data, '$.entry_uuid'), CASE substr(discriminator, -6)
  WHEN ':ended' THEN substr(discriminator, 1, length(discriminator) - 6) ELSE discriminator END)`;

/** Made while entries are being replaced and dropped behind it: kept up, they would cost every insert. */
export const ENTRY_INDEXES = {
  create: `CREATE INDEX IF NOT EXISTS event_row_entry ON event_row (${ENTRY});
    CREATE INDEX IF NOT EXISTS copy_row_entry ON copy_row (${ENTRY})`,
  drop: 'DROP INDEX IF EXISTS event_row_entry; DROP INDEX IF EXISTS copy_row_entry',
} as const;

export interface EntryClaims {
  /** Claims of the Claude source about this entry that an extraction before `version` made, of any machine and session. */
  olderAbout(entry: string, version: number): StoredClaim[];
}

export function openEntryClaims(database: Database, keys: Keys): EntryClaims {
  type Row = Claim & { row: number };
  const winners = database.prepare<[string, number], Row>(`SELECT ${READ_CLAIM} FROM event_row WHERE ${ENTRY} = ? AND schema_version < ?`);
  const copies = database.prepare<[string, number], Row>(`SELECT ${READ_CLAIM} FROM copy_row WHERE ${ENTRY} = ? AND schema_version < ?`);
  return {
    olderAbout: (entry, version) => [
      ...winners.all(entry, version).map((row) => ({ ...row, isWinner: true })),
      ...copies.all(entry, version).map((row) => ({ ...row, isWinner: false })),
    ].filter((claim) => keys.kindOf(claim.kind).form === 'fact'),
  };
}
