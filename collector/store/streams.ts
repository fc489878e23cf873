/** Streams, their names and tags. Which facts belong to them is the business of `assignments.ts`. */
import { randomUUID } from 'node:crypto';
import type { Database } from './database.ts';

export interface Stream {
  id: string;
  /** Only streams of other programs have none. */
  name: string | null;
  createdAt: string;
  updatedAt: string;
  /** Sorted. */
  tags: string[];
}

export interface Streams {
  /** `name` is not taken. */
  create(name: string, at: string): string;
  rename(id: string, name: string, at: string): void;
  /** What belonged to `from` belongs to `into` then, and has its tags; `from` is gone. */
  merge(from: string, into: string, at: string): void;
  /** Its facts belong to what was said about them before it, or to none. */
  remove(id: string): void;
  tag(id: string, tag: string, at: string): void;
  /** False: it had none of that name. */
  untag(id: string, tag: string, at: string): boolean;
}

/** By name. */
export function readStreams(database: Database): Stream[] {
  const tags = new Map<string, string[]>();
  for (const { id, tag } of database.prepare<[], { id: string; tag: string }>('SELECT stream_id AS id, tag FROM stream_tags ORDER BY tag').all()) {
    const known = tags.get(id);
    if (known === undefined) tags.set(id, [tag]);
    else known.push(tag);
  }
  return database.prepare<[], Omit<Stream, 'tags'>>(
    'SELECT id, name, created_at AS createdAt, updated_at AS updatedAt FROM streams ORDER BY name, id',
  ).all().map((stream) => ({ ...stream, tags: tags.get(stream.id) ?? [] }));
}

export function openStreams(database: Database): Streams {
  const touch = database.prepare<[string, string]>('UPDATE streams SET updated_at = ? WHERE id = ?');
  const addTag = database.prepare<[string, string]>('INSERT OR IGNORE INTO stream_tags (stream_id, tag) VALUES (?, ?)');
  const remove = database.prepare<[string]>('DELETE FROM streams WHERE id = ?');
  return {
    create(name, at) {
      const id = randomUUID();
      database.prepare<[string, string, string, string]>('INSERT INTO streams (id, name, created_at, updated_at) VALUES (?, ?, ?, ?)').run(id, name, at, at);
      return id;
    },
    rename: (id, name, at) => void database.prepare<[string, string, string]>('UPDATE streams SET name = ?, updated_at = ? WHERE id = ?').run(name, at, id),
    merge(from, into, at) {
      database.prepare<[string, string]>('UPDATE assignment SET stream_id = ? WHERE stream_id = ?').run(into, from);
      database.prepare<[string, string]>('INSERT OR IGNORE INTO stream_tags (stream_id, tag) SELECT ?, tag FROM stream_tags WHERE stream_id = ?').run(into, from);
      remove.run(from);
      touch.run(at, into);
    },
    remove: (id) => void remove.run(id),
    tag(id, tag, at) {
      if (addTag.run(id, tag).changes > 0) touch.run(at, id);
    },
    untag(id, tag, at) {
      const had = database.prepare<[string, string]>('DELETE FROM stream_tags WHERE stream_id = ? AND tag = ?').run(id, tag).changes > 0;
      if (had) touch.run(at, id);
      return had;
    },
  };
}
