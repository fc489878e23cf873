/**
 * Stores claims: one row per fact in `event_row`, the others in `copy_row`.
 * Tells the derived tables which facts came, and which changed their winner.
 */
import { isSameClaim, isSameFact, type Claim, type NewClaim } from './claim.ts';
import { winnerOf, type OrderContext } from './claim-order.ts';
import type { Database, Statement } from './database.ts';
import { FACTS, openFactIndex, type FactIndex } from './fact-index.ts';
import type { Keys } from './keys.ts';

export interface StoredClaim extends Claim {
  row: number;
  isWinner: boolean;
}

/** What derived tables hear. `row` is the event's row, kept by a fact when its winner changes. */
export interface FactListener {
  added(claim: NewClaim, row: number): void;
  /** `row` said `before` and now says `after` (read it again): both sessions must be derived anew. */
  changed(row: number, before: Claim, after: Claim): void;
  /** Nobody claims the fact any more: `row` is gone. */
  removed(row: number, before: Claim): void;
}

export type Known = 'new' | 'same' | 'perhaps';

export interface Claims {
  /** One look at an index: nearly every event is a new fact, or is the winner said again and tells nothing new. */
  look(claim: Claim): Known;
  /** `stored`: a claim that was not there, whether or not it wins. `known`: what `look` said just before. */
  store(claim: NewClaim, known: Known): 'stored' | 'duplicate';
  /** Decides every fact again in which one of these sessions has a claim that lost. */
  decideAgain(sessions: readonly number[]): void;
  /** The same for every fact that this machine and somebody else claim. */
  decideMachineAgain(machine: number): void;
  /** Takes these claims away; what is left of each fact is decided again. */
  remove(claims: readonly StoredClaim[]): void;
  /** Call once, before commit. */
  flush(): void;
  /** After a rollback. */
  forget(): void;
}

const COLUMNS = 'machine, at, kind, session, discriminator, fact, cwd, born_at, schema_version, data';
export const READ_CLAIM = `row, machine, at, kind, session, discriminator, fact, cwd, born_at AS bornAt,
  schema_version AS schemaVersion, data`;

type ClaimRow = Claim & { row: number };
type Values = [number, number, number, number, string, number, number | null, number | null, number, string | null];

function valuesOf(claim: Claim): Values {
  return [
    claim.machine, claim.at, claim.kind, claim.session, claim.discriminator, claim.fact, claim.cwd, claim.bornAt,
    claim.schemaVersion, claim.data,
  ];
}

type ProbedClaim = Pick<Claim, 'machine' | 'at' | 'kind' | 'session' | 'discriminator' | 'bornAt' | 'schemaVersion'>;

/** A claim said again tells something only by an earlier birth or by better extraction. */
function saysNothingNew(known: ProbedClaim, claim: Claim): boolean {
  const isEarlier = claim.bornAt !== null && (known.bornAt === null || claim.bornAt < known.bornAt);
  return !isEarlier && claim.schemaVersion <= known.schemaVersion;
}

interface Statements {
  probe: Statement<[number], ProbedClaim>;
  event: Statement<[number], ClaimRow>;
  copies: Statement<[number], ClaimRow>;
  insert: Statement<Values>;
  insertCopy: Statement<[...Values, number]>;
  replace: Statement<[...Values, number]>;
  replaceCopy: Statement<[...Values, number]>;
  deleteEvent: Statement<[number]>;
  deleteCopy: Statement<[number]>;
  setBirth: Statement<[number, number]>;
  setCopyBirth: Statement<[number, number]>;
  contested: Statement<[number], { event: number }>;
  contestedByMachine: Statement<[number, number], { event: number }>;
}

function prepare(database: Database): Statements {
  const values = '?, ?, ?, ?, ?, ?, ?, ?, ?, ?';
  return {
    probe: database.prepare(`SELECT machine, at, kind, session, discriminator, born_at AS bornAt,
      schema_version AS schemaVersion FROM event_row WHERE row = ?`),
    event: database.prepare(`SELECT ${READ_CLAIM} FROM event_row WHERE row = ?`),
    copies: database.prepare(`SELECT ${READ_CLAIM} FROM copy_row WHERE fact = ?`),
    insert: database.prepare(`INSERT INTO event_row (${COLUMNS}) VALUES (${values})`),
    insertCopy: database.prepare(`INSERT INTO copy_row (${COLUMNS}, event) VALUES (${values}, ?)`),
    replace: database.prepare(`UPDATE event_row SET (${COLUMNS}) = (${values}) WHERE row = ?`),
    replaceCopy: database.prepare(`UPDATE copy_row SET (${COLUMNS}) = (${values}) WHERE row = ?`),
    deleteEvent: database.prepare('DELETE FROM event_row WHERE row = ?'),
    deleteCopy: database.prepare('DELETE FROM copy_row WHERE row = ?'),
    setBirth: database.prepare('UPDATE event_row SET born_at = ? WHERE row = ?'),
    setCopyBirth: database.prepare('UPDATE copy_row SET born_at = ? WHERE row = ?'),
    contested: database.prepare('SELECT DISTINCT event FROM copy_row WHERE session = ?'),
    contestedByMachine: database.prepare(`SELECT DISTINCT c.event FROM copy_row c
      JOIN event_row e ON e.row = c.event WHERE c.machine = ? OR e.machine = ?`),
  };
}

export interface ClaimsDeps {
  keys: Keys;
  order: OrderContext;
  listener: FactListener;
  facts?: FactIndex;
}

/** Who wins a fact, as its rows stand. */
function openDecisions(statements: Statements, { keys, order, listener, facts }: Required<ClaimsDeps>): {
  claimsOf(like: Claim): StoredClaim[];
  /** Puts the claim that wins into the event's row, keeping the row. */
  decide(claims: readonly StoredClaim[]): void;
  decideEvent(row: number): void;
  /** Every fact that has this hash. */
  decideFacts(hash: number): void;
  /** The row of a fact whose winner goes is that of the best claim that is left, or of nobody. */
  removeWinner(winner: StoredClaim): void;
} {
  const claimsOf = (like: Claim): StoredClaim[] => [
    ...facts.rows(like.fact).flatMap((row) => statements.event.all(row)).map((row) => ({ ...row, isWinner: true })),
    ...statements.copies.all(like.fact).map((row) => ({ ...row, isWinner: false })),
  ].filter((claim) => isSameFact(claim, like, keys));

  const decide = (claims: readonly StoredClaim[]): void => {
    const current = claims.find((claim) => claim.isWinner);
    if (current === undefined || claims.length < 2) return;
    const winner = winnerOf(claims, order);
    if (winner === current) return;
    statements.replace.run(...valuesOf(winner), current.row);
    statements.deleteCopy.run(winner.row);
    statements.insertCopy.run(...valuesOf(current), current.row);
    listener.changed(current.row, current, winner);
  };

  const decideEvent = (row: number): void => {
    for (const winner of statements.event.all(row)) decide(claimsOf(winner));
  };

  const decideFacts = (hash: number): void => {
    for (const row of facts.rows(hash)) decideEvent(row);
  };

  const removeWinner = (winner: StoredClaim): void => {
    const others = claimsOf(winner).filter((claim) => !claim.isWinner);
    if (others.length === 0) {
      statements.deleteEvent.run(winner.row);
      facts.remove(winner.fact, winner.row);
      listener.removed(winner.row, winner);
      return;
    }
    const next = winnerOf(others, order);
    statements.replace.run(...valuesOf(next), winner.row);
    statements.deleteCopy.run(next.row);
    listener.changed(winner.row, winner, next);
  };

  return { claimsOf, decide, decideEvent, decideFacts, removeWinner };
}

export function openClaims(database: Database, { keys, order, listener, facts = openFactIndex(database, FACTS) }: ClaimsDeps): Claims {
  const statements = prepare(database);
  const { claimsOf, decide, decideEvent, decideFacts, removeWinner } = openDecisions(statements, { keys, order, listener, facts });

  /** The same claim from another file: only the earliest birth counts. */
  const noteBirth = (stored: StoredClaim, bornAt: number | null): boolean => {
    if (bornAt === null || (stored.bornAt !== null && stored.bornAt <= bornAt)) return false;
    (stored.isWinner ? statements.setBirth : statements.setCopyBirth).run(bornAt, stored.row);
    stored.bornAt = bornAt;
    return true;
  };

  /** Better extraction says the same claim again: its content is the newer one. */
  const refresh = (stored: StoredClaim, claim: Claim): void => {
    const after = { ...claim, bornAt: stored.bornAt };
    const write = stored.isWinner ? statements.replace : statements.replaceCopy;
    write.run(...valuesOf(after), stored.row);
    if (stored.isWinner) listener.changed(stored.row, { ...stored }, after);
    Object.assign(stored, after);
  };

  const insertFact = (claim: NewClaim): 'stored' => {
    const { lastInsertRowid } = statements.insert.run(...valuesOf(claim));
    const row = Number(lastInsertRowid);
    facts.add(claim.fact, row);
    listener.added(claim, row);
    return 'stored';
  };

  return {
    look(claim) {
      const [row] = facts.rows(claim.fact);
      if (row === undefined) return 'new';
      const known = statements.probe.get(row);
      return known !== undefined && isSameClaim(known, claim) && saysNothingNew(known, claim) ? 'same' : 'perhaps';
    },
    store(claim, known) {
      if (known === 'new') return insertFact(claim);
      const claims = claimsOf(claim);
      const same = claims.find((stored) => isSameClaim(stored, claim));
      if (same !== undefined) {
        if (claim.schemaVersion > same.schemaVersion) refresh(same, claim);
        if (noteBirth(same, claim.bornAt)) decide(claims);
        return 'duplicate';
      }
      const winner = claims.find((stored) => stored.isWinner);
      if (winner === undefined) return insertFact(claim); // another fact has the same hash
      const { lastInsertRowid } = statements.insertCopy.run(...valuesOf(claim), winner.row);
      decide([...claims, { ...claim, row: Number(lastInsertRowid), isWinner: false }]);
      return 'stored';
    },
    decideAgain(sessions) {
      const events = new Set(sessions.flatMap((session) => statements.contested.all(session).map(({ event }) => event)));
      for (const event of events) decideEvent(event);
    },
    decideMachineAgain(machine) {
      for (const { event } of statements.contestedByMachine.all(machine, machine)) decideEvent(event);
    },
    remove(claims) {
      const copies = claims.filter((claim) => !claim.isWinner);
      for (const { row } of copies) statements.deleteCopy.run(row);
      for (const claim of claims) if (claim.isWinner) removeWinner(claim);
      // A claim that lost may have kept its own heirs from winning.
      for (const hash of new Set(copies.map((claim) => claim.fact))) decideFacts(hash);
    },
    flush: facts.flush,
    forget: facts.forget,
  };
}
