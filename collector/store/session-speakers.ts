/** Who has spoken of a session: logs that were read here, the earlier tool, or both. */
import type { Database } from './database.ts';
import type { Keys, Kind } from './keys.ts';
import { isLegacyRow } from './session-fold.ts';

export interface Speakers {
  own: boolean;
  legacy: boolean;
}

export interface SessionSpeakers {
  /** As the table has it now, also what the running transaction wrote. */
  of(session: number): Speakers;
  /** One more event, which is in the table already. True: it is the first of our own beside the earlier tool's. */
  note(session: number, schemaVersion: number, kind: Kind): boolean;
  drop(session: number): void;
  forget(): void;
}

const CACHED_SESSIONS = 50_000;

function add(speakers: Speakers, schemaVersion: number, kind: Kind): void {
  if (kind.form === 'fact') speakers.own = true;
  else if (isLegacyRow(schemaVersion, kind)) speakers.legacy = true;
}

export function openSessionSpeakers(database: Database, keys: Pick<Keys, 'kindOf'>): SessionSpeakers {
  const kindsOf = database.prepare<[number], { kind: number; schemaVersion: number }>(
    'SELECT DISTINCT kind, schema_version AS schemaVersion FROM event_row WHERE session = ? AND session <> 0',
  );
  const known = new Map<number, Speakers>();
  const of = (session: number): Speakers => {
    const cached = known.get(session);
    if (cached !== undefined) return cached;
    const found: Speakers = { own: false, legacy: false };
    for (const { kind, schemaVersion } of kindsOf.all(session)) add(found, schemaVersion, keys.kindOf(kind));
    if (known.size >= CACHED_SESSIONS) known.clear();
    known.set(session, found);
    return found;
  };
  return {
    of,
    note(session, schemaVersion, kind) {
      // Just read, the table holds this event too: whether it was the first can not be told.
      const isJustRead = !known.has(session);
      const speakers = of(session);
      const hadOwn = speakers.own && !isJustRead;
      add(speakers, schemaVersion, kind);
      return speakers.own && speakers.legacy && !hadOwn;
    },
    drop: (session) => void known.delete(session),
    forget: () => known.clear(),
  };
}
