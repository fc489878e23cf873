/**
 * The derived table `session_row`: kept up at ingest by adding what each new
 * fact says, derived anew for a session in which a fact changed its winner.
 *
 * Rows of the earlier tool count only for sessions of which there is nothing of
 * our own, whichever came first: its first fact of our own derives a session anew.
 */
import type { Claim, NewClaim } from './claim.ts';
import type { Database } from './database.ts';
import type { Keys } from './keys.ts';
import { fold, isLegacyRow, summaryOf, type EventData, type SessionSummary, type Signal } from './session-fold.ts';
import { openSessionSpeakers, type SessionSpeakers } from './session-speakers.ts';

export interface Sessions {
  /** True: it is the first fact of our own of its session, so that what the earlier tool said of that no longer counts. */
  added(claim: NewClaim): boolean;
  /** Events of these sessions changed: derive them anew at the end of the transaction. */
  touch(session: number): void;
  /** Writes what the transaction gathered. Call once, before commit. */
  flush(): void;
  /** At once, in the transaction that runs; not 0. */
  deriveAgain(session: number): void;
  rebuild(): number;
  forget(): void;
}

const FIELDS = [
  ['machine', 'machine'], ['harness', 'harness'], ['started_at', 'startedAt'], ['first_at', 'firstAt'],
  ['last_at', 'lastAt'], ['cwd', 'cwd'], ['cwd_at', 'cwdAt'], ['git_branch', 'gitBranch'],
  ['harness_version', 'harnessVersion'], ['prompts', 'prompts'], ['script_prompts', 'scriptPrompts'],
  ['commands', 'commands'], ['interrupts', 'interrupts'], ['answers', 'answers'],
  ['assistant_messages', 'assistantMessages'], ['tool_uses', 'toolUses'], ['tool_results', 'toolResults'],
  ['tool_errors', 'toolErrors'], ['turns', 'turns'], ['signal', 'signal'], ['signal_at', 'signalAt'],
  ['status', 'status'], ['waiting_for', 'waitingFor'], ['status_at', 'statusAt'],
  ['status_seen_at', 'statusSeenAt'],
] as const satisfies readonly (readonly [column: string, field: keyof SessionSummary])[];

interface EventOfSession extends Claim {
  row: number;
}

export function openSessions(database: Database, keys: Keys, speakers: SessionSpeakers = openSessionSpeakers(database, keys)): Sessions {
  const columns = FIELDS.map(([column]) => column);
  const find = database.prepare<[number, string], Omit<SessionSummary, 'signal'> & { signal: Signal | null }>(
    `SELECT session, agent_id AS agentId, ${FIELDS.map(([column, field]) => `${column} AS ${field}`).join(', ')}
     FROM session_row WHERE session = ? AND agent_id = ?`,
  );
  const write = database.prepare(
    `INSERT OR REPLACE INTO session_row (session, agent_id, ${columns.join(', ')})
     VALUES (?, ?, ${columns.map(() => '?').join(', ')})`,
  );
  const remove = database.prepare<[number]>('DELETE FROM session_row WHERE session = ?');
  const eventsOf = database.prepare<[number], EventOfSession>(
    `SELECT row, machine, at, kind, session, discriminator, fact, cwd, born_at AS bornAt,
       schema_version AS schemaVersion, data FROM event_row WHERE session = ?`,
  );
  const withEvents = database.prepare<[], { session: number }>('SELECT DISTINCT session FROM event_row WHERE session <> 0');

  let gathered = new Map<string, SessionSummary>();
  let touched = new Set<number>();

  const gather = (into: Map<string, SessionSummary>, summary: SessionSummary): void => {
    const key = `${summary.session} ${summary.agentId}`;
    const known = into.get(key);
    if (known === undefined) into.set(key, summary);
    else fold(known, summary, keys);
  };
  const save = (summary: SessionSummary): unknown => write.run(summary.session, summary.agentId, ...FIELDS.map(([, field]) => summary[field]));
  const derive = (session: number): number => {
    remove.run(session);
    speakers.drop(session);
    const { own } = speakers.of(session);
    const summaries = new Map<string, SessionSummary>();
    for (const event of eventsOf.iterate(session)) {
      const kind = keys.kindOf(event.kind);
      if (own && isLegacyRow(event.schemaVersion, kind)) continue;
      gather(summaries, summaryOf(event, kind, parseData(event.data)));
    }
    for (const summary of summaries.values()) save(summary);
    return summaries.size;
  };

  const reset = (): void => {
    gathered = new Map();
    touched = new Set();
  };

  return {
    added(claim) {
      const { session, schemaVersion, kindName } = claim;
      if (session === 0) return false;
      const isFirstOwn = speakers.note(session, schemaVersion, kindName);
      if (isFirstOwn) touched.add(session);
      if (!isLegacyRow(schemaVersion, kindName) || !speakers.of(session).own) gather(gathered, summaryOf(claim, claim.kindName, claim.event));
      return isFirstOwn;
    },
    touch(session) {
      if (session !== 0) touched.add(session);
    },
    flush() {
      for (const summary of gathered.values()) {
        if (touched.has(summary.session)) continue;
        const stored = find.get(summary.session, summary.agentId);
        if (stored !== undefined) fold(summary, stored, keys);
        save(summary);
      }
      for (const session of touched) derive(session);
      reset();
    },
    deriveAgain: derive,
    rebuild() {
      database.exec('DELETE FROM session_row');
      return withEvents.all().reduce((count, { session }) => count + derive(session), 0);
    },
    forget() {
      speakers.forget();
      reset();
    },
  };
}

/** Our own JSON of a row; null means no further keys. */
export function parseData(data: string | null): EventData {
  return data === null ? {} : (JSON.parse(data) as EventData);
}
