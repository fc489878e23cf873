/**
 * The table `attention_row`: the facts that direct time is read out of, kept in
 * the transaction that stores them. What is in it follows from the set of
 * events alone.
 *
 * A message in a row of the earlier tool counts only where nothing of our own is
 * known of its session (as in sessions.ts), and where no summary of that tool
 * calls the session an agent's own.
 */
import type { Claim, NewClaim } from './claim.ts';
import type { Database } from './database.ts';
import type { Keys, Kind } from './keys.ts';
import { isLegacyRow } from './session-fold.ts';
import type { SessionSpeakers } from './session-speakers.ts';

export interface Attention {
  /** `isFirstOwn`: what the earlier tool said about its session no longer counts. */
  added(claim: NewClaim, row: number, isFirstOwn: boolean): void;
  changed(row: number, before: Claim, after: Claim): void;
  removed(row: number, before: Claim): void;
  /** Call once, before commit. */
  flush(): void;
  /** What these rows of `event_row` say, but for rows of the earlier tool. */
  deriveAgain(rows: { from: number; to: number }): void;
  /** Of a session: whether rows of the earlier tool count. */
  decideAgain(session: number): void;
  /** Removes signs that no event stands behind, among about `rows` after `afterMs`; up to when it looked, undefined: nothing was left. */
  dropLost(afterMs: number, rows: number): number | undefined;
  rebuild(): number;
  forget(): void;
}

const SIGN_TYPES: ReadonlySet<string> = new Set([
  'tmux_pane_focus', 'tmux_scroll', 'user_message', 'afk_change', 'window_focus', 'browser_tab',
]);

function prepare(database: Database) {
  const columns = 'at, event, sign, machine, session, kind, cwd, fact, detail';
  const insert = `INSERT OR REPLACE INTO attention_row (${columns}) SELECT ${columns} FROM attention_text WHERE`;
  return {
    insert: database.prepare<[string]>(`${insert} event IN (SELECT value FROM json_each(?)) AND NOT is_legacy`),
    insertAll: database.prepare<[]>(`${insert} NOT is_legacy`),
    insertLegacy: database.prepare<[number]>(`${insert} session = ? AND is_legacy`),
    remove: database.prepare<[number, number]>('DELETE FROM attention_row WHERE at = ? AND event = ?'),
    removeAll: database.prepare<[]>('DELETE FROM attention_row'),
    removeRows: database.prepare<[number, number]>(`
      DELETE FROM attention_row WHERE (at, event) IN (
        SELECT e.at, e.row FROM event_row e JOIN kind_key k ON k.kind = e.kind WHERE e.row BETWEEN ? AND ?
          AND NOT (k.type = 'user_message' AND e.session <> 0 AND e.schema_version < 2 AND k.form <> 'fact'))`),
    insertRows: database.prepare<[number, number]>(`${insert} event BETWEEN ? AND ? AND NOT is_legacy`),
    pageEnd: database.prepare<[number, number], number | null>(
      'SELECT max(at) FROM (SELECT at FROM attention_row WHERE at > ? ORDER BY at LIMIT ?)').pluck(),
    removeLost: database.prepare<[number, number]>(`
      DELETE FROM attention_row WHERE at > ? AND at <= ?
        AND NOT EXISTS (SELECT 1 FROM event_row e WHERE e.row = attention_row.event AND e.at = attention_row.at)`),
    legacy: database.prepare<[number], { at: number; row: number }>('SELECT at, event AS row FROM attention_text WHERE session = ? AND is_legacy'),
    legacySessions: database.prepare<[], { session: number }>('SELECT DISTINCT session FROM attention_text WHERE is_legacy'),
    isAgents: database.prepare<[number]>(`
      SELECT 1 FROM event_row e JOIN kind_key k ON k.kind = e.kind
      WHERE e.session = ? AND k.type = 'session_metadata' AND json_extract(e.data, '$.session_type') <> 'user' LIMIT 1`),
    count: database.prepare<[], number>('SELECT count(*) FROM attention_row').pluck(),
  };
}

export function openAttention(database: Database, keys: Pick<Keys, 'kindOf'>, speakers: SessionSpeakers): Attention {
  const statements = prepare(database);
  let signs: number[] = [];
  /** Sessions whose rows of the earlier tool may count, or no longer. */
  let legacy = new Set<number>();

  const note = ({ session, schemaVersion }: Claim, row: number, kind: Kind): void => {
    if (session !== 0 && (kind.type === 'session_metadata' || isLegacyRow(schemaVersion, kind))) legacy.add(session);
    else if (SIGN_TYPES.has(kind.type)) signs.push(row);
  };
  const decideLegacy = (session: number): void => {
    for (const { at, row } of statements.legacy.all(session)) statements.remove.run(at, row);
    speakers.drop(session); // facts may have gone since it was asked
    if (!speakers.of(session).own && statements.isAgents.get(session) === undefined) statements.insertLegacy.run(session);
  };
  const takeAway = (row: number, before: Claim): void => {
    const kind = keys.kindOf(before.kind);
    if (SIGN_TYPES.has(kind.type)) statements.remove.run(before.at, row);
    if (before.session !== 0 && speakers.of(before.session).legacy) legacy.add(before.session);
  };
  const reset = (): void => {
    signs = [];
    legacy = new Set();
  };

  return {
    added(claim, row, isFirstOwn) {
      note(claim, row, claim.kindName);
      if (isFirstOwn) legacy.add(claim.session);
    },
    changed(row, before, after) {
      takeAway(row, before);
      note(after, row, keys.kindOf(after.kind));
      if (after.session !== 0 && speakers.of(after.session).legacy) legacy.add(after.session);
    },
    removed: takeAway,
    flush() {
      if (signs.length > 0) statements.insert.run(JSON.stringify(signs));
      for (const session of legacy) decideLegacy(session);
      reset();
    },
    deriveAgain({ from, to }) {
      statements.removeRows.run(from, to);
      statements.insertRows.run(from, to);
    },
    decideAgain(session) {
      if (session !== 0 && speakers.of(session).legacy) decideLegacy(session);
    },
    dropLost(afterMs, rows) {
      const toMs = statements.pageEnd.get(afterMs, rows) ?? undefined;
      if (toMs !== undefined) statements.removeLost.run(afterMs, toMs);
      return toMs;
    },
    rebuild() {
      statements.removeAll.run();
      statements.insertAll.run();
      for (const { session } of statements.legacySessions.all()) decideLegacy(session);
      return Number(statements.count.get());
    },
    forget: reset,
  };
}
