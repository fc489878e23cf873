/** The search index (search.sqlite): which passages of which archived files hold which words. */
import { readFileSync } from 'node:fs';
import { openSearchDatabase, type Database } from './database.ts';

const SCHEMA = { sql: readFileSync(new URL('./search-schema.sql', import.meta.url), 'utf8'), version: 1 };

export interface IndexedFile {
  file: number;
  name: string;
  machine: string;
  session: string;
  offset: number;
  mark: string;
  size: number;
  mtime: number;
}

export interface Passage {
  start: number;
  length: number;
  item: number;
  role: number;
  atMs: number | null;
  text: string;
}

/** What was read of a file: from `offset` of before up to `offset`. */
export interface ReadPart {
  passages: readonly Passage[];
  cwd: string | null;
  offset: number;
  mark: string;
  size: number;
  mtime: number;
}

export interface SearchWriter extends Disposable {
  files(): IndexedFile[];
  add(file: { name: string; machine: string; session: string }): IndexedFile;
  /** One transaction: what was read is found from then on, and not read again. */
  store(file: number, part: ReadPart): void;
  /** Its passages are found no more; where it is there, it is read again from its start. */
  empty(file: number): void;
  /**
   * Afterwards no word that only stood in removed passages is in the index any more. Rewrites it.
   * False: somebody is just reading, so words still lie in the log beside it.
   */
  purge(): boolean;
  /** Empty ones are known no more. */
  drop(files: readonly number[]): void;
}

export function openSearchWriter(path: string): SearchWriter {
  const database = openSearchDatabase(path, 'write', SCHEMA);
  const all = database.prepare<[], IndexedFile>('SELECT file, name, machine, session, offset, mark, size, mtime FROM file');
  const addFile = database.prepare<[string, string, string], IndexedFile>('INSERT INTO file (name, machine, session) VALUES (?, ?, ?) RETURNING file, name, machine, session, offset, mark, size, mtime');
  const addPassage = database.prepare<[number, number, number, number, number, number | null]>('INSERT INTO passage (file, start, length, item, role, at) VALUES (?, ?, ?, ?, ?, ?)');
  const addWords = database.prepare<[number | bigint, string]>('INSERT INTO words (rowid, text) VALUES (?, ?)');
  const advance = database.prepare<[number, string, number, number, string | null, number]>('UPDATE file SET offset = ?, mark = ?, size = ?, mtime = ?, cwd = coalesce(cwd, ?) WHERE file = ?');
  const dropWords = database.prepare<[number]>('DELETE FROM words WHERE rowid IN (SELECT passage FROM passage WHERE file = ?)');
  const dropPassages = database.prepare<[number]>('DELETE FROM passage WHERE file = ?');
  const dropFile = database.prepare<[number]>('DELETE FROM file WHERE file = ?');
  const rewind = database.prepare<[number]>("UPDATE file SET offset = 0, mark = '', size = -1, cwd = NULL WHERE file = ?");
  const store = database.transaction((file: number, { passages, cwd, offset, mark, size, mtime }: ReadPart) => {
    for (const { start, length, item, role, atMs, text } of passages) {
      const { lastInsertRowid } = addPassage.run(file, start, length, item, role, atMs);
      addWords.run(lastInsertRowid, text);
    }
    advance.run(offset, mark, size, mtime, cwd, file);
  });
  const empty = database.transaction((file: number) => {
    dropWords.run(file);
    dropPassages.run(file);
    rewind.run(file);
  });
  const drop = database.transaction((files: readonly number[]) => {
    for (const file of files) dropFile.run(file);
  });
  return {
    files: () => all.all(),
    add({ name, machine, session }) {
      const added = addFile.get(name, machine, session);
      if (!added) throw new Error('a file that was added has no row');
      return added;
    },
    store: (file, part) => store(file, part),
    empty: (file) => empty(file),
    purge() {
      database.exec("INSERT INTO words (words) VALUES ('optimize')");
      return database.pragma('wal_checkpoint(TRUNCATE)', { simple: true }) === 0;
    },
    drop: (files) => drop(files),
    [Symbol.dispose]: () => void database.close(),
  };
}

export interface Wanted {
  /** FTS5's own language, made by search-query.ts: never what somebody typed. */
  match: string;
  machines: readonly string[] | undefined;
  roles: readonly number[] | undefined;
  sinceMs: number | undefined;
  /** A directory or what lies below it, or the last word of one. */
  project: string | undefined;
  limit: number;
}

export interface Candidate {
  name: string;
  machine: string;
  session: string;
  cwd: string | null;
  start: number;
  length: number;
  item: number;
  role: number;
  atMs: number | null;
  /** bm25: the smaller, the better. */
  score: number;
}

export interface SearchReader extends Disposable {
  /** The newest passages that match, at most `limit`: of what is found thousands of times only these are ranked. */
  candidates(wanted: Wanted): Candidate[];
  /** How far the index is. */
  extent(): { files: number; bytes: number };
}

export function openSearchReader(path: string): SearchReader {
  const database = openSearchDatabase(path, 'read', SCHEMA);
  return {
    candidates: (wanted) => candidates(database, wanted),
    extent: () => database.prepare<[], { files: number; bytes: number }>('SELECT count(*) AS files, coalesce(sum(offset), 0) AS bytes FROM file').get() ?? { files: 0, bytes: 0 },
    [Symbol.dispose]: () => void database.close(),
  };
}

function candidates(database: Database, { match, machines, roles, sinceMs, project, limit }: Wanted): Candidate[] {
  const conditions: [string, (string | number)[]][] = [];
  if (machines) conditions.push([`f.machine IN (${machines.map(() => '?').join(',')})`, [...machines]]);
  if (roles) conditions.push([`p.role IN (${roles.map(() => '?').join(',')})`, [...roles]]);
  if (sinceMs !== undefined) conditions.push(['p.at >= ?', [sinceMs]]);
  if (project !== undefined) {
    conditions.push(project.startsWith('/')
      ? ["(f.cwd = ? OR substr(f.cwd, 1, length(?) + 1) = ? || '/')", [project, project, project]]
      : ["(f.cwd = ? OR substr(f.cwd, -length(?) - 1) = '/' || ?)", [project, project, project]]);
  }
  return database.prepare<(string | number)[], Candidate>(`
    SELECT f.name, f.machine, f.session, f.cwd, p.start, p.length, p.item, p.role, p.at AS atMs, bm25(words) AS score
    FROM words JOIN passage p ON p.passage = words.rowid JOIN file f ON f.file = p.file
    WHERE words MATCH ? ${conditions.map(([sql]) => `AND ${sql}`).join(' ')}
    ORDER BY words.rowid DESC LIMIT ?`).all(match, ...conditions.flatMap(([, values]) => values), limit);
}
