/**
 * The table `session_dirty`: sessions whose intervals may be older than their
 * events. All that the commit of an event does for delegated time is one small
 * write for each session it touches; who derives is told from where.
 */
import type { Claim } from './claim.ts';
import type { Database } from './database.ts';

export interface SessionMarks {
  /** An event of the session came, changed or went. */
  mark(claim: Pick<Claim, 'session' | 'at'>): void;
  /** Call once, before commit. */
  flush(): void;
  forget(): void;
}

export function openSessionMarks(database: Database): SessionMarks {
  const write = database.prepare<[number, number, number]>(`
    INSERT INTO session_dirty (session, from_at, to_at) VALUES (?, ?, ?)
    ON CONFLICT (session) DO UPDATE SET from_at = min(from_at, excluded.from_at), to_at = max(to_at, excluded.to_at)`);
  let marks = new Map<number, { from: number; to: number }>();
  return {
    mark({ session, at }) {
      if (session === 0) return;
      const known = marks.get(session);
      if (known === undefined) {
        marks.set(session, { from: at, to: at });
        return;
      }
      if (at < known.from) known.from = at;
      if (at > known.to) known.to = at;
    },
    flush() {
      for (const [session, { from, to }] of marks) write.run(session, from, to);
      marks = new Map();
    },
    forget() {
      marks = new Map();
    },
  };
}
