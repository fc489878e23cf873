/**
 * `tt machines rewind … --replace`: machines read their files again and name
 * every entry of them, and what older extraction said about those entries goes,
 * whichever machine and session said it.
 *
 * Guarantee: which claims are left is a function of what was said, not of the
 * order in which it arrived: the entries are remembered, and older claims that
 * come later are not taken. Limits: an entry without UUID cannot be named, so
 * what rests on one (queued prompts of old versions, lines made by hand) stays;
 * session states and lineage are no claims and stay, too.
 *
 * Only files that somebody asked for count: a machine cannot remove what others
 * said of its own accord.
 */
import { entryUuidOf } from '../../shared/event-id.ts';
import type { TtEvent } from '../../shared/event.ts';
import { isUuid } from '../../shared/ids.ts';
import type { BatchFile, Position } from '../../shared/protocol/frames.ts';
import type { Claims } from './claims.ts';
import type { Database } from './database.ts';
import { ENTRY_INDEXES, openEntryClaims } from './entry-claims.ts';
import type { Keys } from './keys.ts';

export interface NamedEntries {
  files: readonly Pick<BatchFile, 'gen' | 'from' | 'to'>[];
  entries: readonly string[];
  /** Of the extraction that read them. */
  schemaVersion: number;
}

export interface Replacing {
  /** From now on these files count, up to the given offsets. */
  want(machine: number, positions: readonly Position[]): void;
  /** What the machine still has to read again, and from where. */
  wanted(machine: number): { gen: string; from: number }[];
  /** Call after the events of the same batch, so that what is said again keeps its row. */
  take(machine: number, named: NamedEntries): void;
  /** Was this said better already, about an entry that was replaced? */
  isOutdated(event: TtEvent, schemaVersion: number): boolean;
  close(machine: number, gens: readonly string[]): void;
  /** After a rollback. */
  forget(): void;
}

/** A third of the size of its text. */
function entryKey(entry: string): Buffer | string {
  return isUuid(entry) ? Buffer.from(entry.replaceAll('-', ''), 'hex') : entry;
}

export function openReplacing(database: Database, keys: Keys, claims: Pick<Claims, 'remove'>): Replacing {
  const { olderAbout } = openEntryClaims(database, keys);
  const want = database.prepare<[number, string, number]>(`
    INSERT INTO replay (machine, gen, from_offset, to_offset) VALUES (?, ?, 0, ?)
    ON CONFLICT (machine, gen) DO UPDATE SET from_offset = 0, to_offset = max(to_offset, excluded.to_offset)`);
  const wanted = database.prepare<[number], { gen: string; from: number }>(
    'SELECT gen, from_offset AS "from" FROM replay WHERE machine = ? ORDER BY gen',
  );
  const isWanted = database.prepare<[number, string]>('SELECT 1 FROM replay WHERE machine = ? AND gen = ?');
  const isAnyWanted = database.prepare('SELECT 1 FROM replay LIMIT 1');
  const advance = database.prepare<{ machine: number; gen: string; from: number; to: number }>(`
    UPDATE replay SET from_offset = @to
    WHERE machine = @machine AND gen = @gen AND from_offset BETWEEN @from AND @to`);
  const finish = database.prepare<[number, string]>('DELETE FROM replay WHERE machine = ? AND gen = ? AND from_offset >= to_offset');
  const close = database.prepare<[number, string]>('DELETE FROM replay WHERE machine = ? AND gen = ?');
  const note = database.prepare<[Buffer | string, number]>(`
    INSERT INTO replaced_entry (entry, schema_version) VALUES (?, ?)
    ON CONFLICT (entry) DO UPDATE SET schema_version = excluded.schema_version
    WHERE excluded.schema_version > schema_version`);
  const find = database.prepare<[Buffer | string, number]>('SELECT 1 FROM replaced_entry WHERE entry = ? AND schema_version > ?');
  const newest = database.prepare<[], { version: number }>('SELECT coalesce(max(schema_version), 0) AS version FROM replaced_entry');
  /** Newest version that replaced anything: what is not older needs no look. */
  let newestVersion: number | undefined;
  let isIndexed = false;

  const makeIndexes = (): void => {
    if (!isIndexed) database.exec(ENTRY_INDEXES.create);
    isIndexed = true;
  };
  const dropIndexes = (): void => {
    if (isAnyWanted.get() !== undefined) return;
    database.exec(ENTRY_INDEXES.drop);
    isIndexed = false;
  };

  return {
    want(machine, positions) {
      for (const [gen, offset] of positions) if (offset > 0) want.run(machine, gen, offset);
    },
    wanted: (machine) => wanted.all(machine),
    take(machine, { files, entries, schemaVersion }) {
      if (!files.some(({ gen }) => isWanted.get(machine, gen) !== undefined)) return;
      if (entries.length > 0) makeIndexes();
      for (const entry of entries) {
        claims.remove(olderAbout(entry, schemaVersion));
        note.run(entryKey(entry), schemaVersion);
      }
      newestVersion = undefined;
      let isFinished = false;
      for (const { gen, from, to } of files) {
        advance.run({ machine, gen, from, to });
        isFinished = finish.run(machine, gen).changes > 0 || isFinished;
      }
      if (isFinished) dropIndexes();
    },
    isOutdated(event, schemaVersion) {
      newestVersion ??= newest.get()?.version ?? 0;
      if (schemaVersion >= newestVersion) return false;
      const entry = entryUuidOf(event);
      return entry !== undefined && find.get(entryKey(entry), schemaVersion) !== undefined;
    },
    close(machine, gens) {
      let isFinished = false;
      for (const gen of gens) isFinished = close.run(machine, gen).changes > 0 || isFinished;
      if (isFinished) dropIndexes();
    },
    forget() {
      newestVersion = undefined;
      isIndexed = false;
    },
  };
}
