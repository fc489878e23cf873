/** Applies a document of assignments inside one transaction: everything of it, or an error that names the place and nothing. */
import { findSessions, openFactFinder, type FactRef } from '../store/assignable.ts';
import { openStreamLookup, readAssignments, type Assigner, type Assignment, type PlacedFact } from '../store/assignments.ts';
import { openAssigning, type Act, type NewAssignment } from '../store/assigning.ts';
import type { Database } from '../store/database.ts';
import { openStreams, readStreams, type Stream } from '../store/streams.ts';
import { boundsOf, invalidAt, type AssignmentDocument } from './document.ts';
import { findStream, shortIdsOf, toStreamName, toTag } from './names.ts';

export interface ApplyOptions {
  by: Assigner;
  /** Make streams that are named but do not exist. */
  create: boolean;
  /** Timestamp. */
  at: string;
}

export interface StreamChange {
  /** Null: unassigned. */
  id: string | null;
  id_short: string | null;
  name: string | null;
  created: boolean;
  /** Events that come to it, and that leave it. */
  gained: number;
  lost: number;
}

export interface Applied {
  /** For undoing; null where nothing new was said. */
  act: number | null;
  assignments: number;
  /** Events that it is about. */
  events: number;
  changed: number;
  /** Of these events: stay elsewhere because a person put them there. */
  kept_by_person: number;
  /** The same because something closer was said of them. */
  kept_otherwise: number;
  /** Those that change, or were made. */
  streams: StreamChange[];
}

const SHORTEST_SESSION = 4;

/** The caller runs it in a transaction and rolls back on a throw, or where it was only a trial. */
export function applyDocument(database: Database, document: AssignmentDocument, options: ApplyOptions): Applied {
  const names = openNames(database, document, options);
  const assigning = openAssigning(database);
  const said = toAssignments(database, document, names.idOf).filter((one) => !assigning.says(one, options.by));
  const before = readAssignments(database);
  const act = assigning.add(said, options.by, options.at);
  const added = act === null ? [] : readAssignments(database).filter((one) => one.act === act);
  const counts = countChanges(database, before, added, assigning.covered(added));
  return { act, assignments: added.length, ...counts.totals, streams: names.changes(counts.moves) };
}

interface Moves {
  gained: number;
  lost: number;
}

function countChanges(database: Database, before: readonly Assignment[], added: readonly Assignment[], covered: Iterable<PlacedFact>): {
  totals: Pick<Applied, 'events' | 'changed' | 'kept_by_person' | 'kept_otherwise'>;
  moves: Map<string | null, Moves>;
} {
  const was = openStreamLookup(database, before);
  const is = openStreamLookup(database, [...before, ...added]);
  const said = openStreamLookup(database, added);
  const totals = { events: 0, changed: 0, kept_by_person: 0, kept_otherwise: 0 };
  const moves = new Map<string | null, Moves>();
  const movesOf = (id: string | null): Moves => {
    const known = moves.get(id) ?? { gained: 0, lost: 0 };
    moves.set(id, known);
    return known;
  };
  for (const fact of covered) {
    const [old, now] = [was.of(fact), is.of(fact)];
    totals.events += 1;
    const [from, to] = [old?.streamId ?? null, now?.streamId ?? null];
    if (now !== undefined && said.of(fact)?.streamId !== to) totals[now.assignedBy === 'user' ? 'kept_by_person' : 'kept_otherwise'] += 1;
    if (from === to) continue;
    totals.changed += 1;
    movesOf(from).lost += 1;
    movesOf(to).gained += 1;
  }
  return { totals, moves };
}

interface Names {
  /** Makes the stream where that is wanted. */
  idOf(name: string | null, place: string): string | null;
  changes(moves: ReadonlyMap<string | null, Moves>): StreamChange[];
}

function openNames(database: Database, document: AssignmentDocument, { create, at }: ApplyOptions): Names {
  const streams = openStreams(database);
  let known: Stream[] = readStreams(database);
  const made = new Set<string>();
  const make = (name: string): string => {
    const id = streams.create(toStreamName(name), at);
    made.add(id);
    known = readStreams(database);
    return id;
  };
  for (const [index, { name, tags = [] }] of (document.streams ?? []).entries()) {
    // Only the whole name: what is to be made must not become another that begins alike.
    const id = known.find((stream) => stream.name === name)?.id ?? placed(`streams[${index}].name`, () => make(name));
    for (const tag of tags) streams.tag(id, placed(`streams[${index}].tags`, () => toTag(tag)), at);
  }
  return {
    idOf(name, place) {
      if (name === null) return null;
      const found = placed(place, () => findStream(known, name));
      if (found !== undefined) return found.id;
      if (create) return placed(place, () => make(name));
      throw invalidAt(place, `no stream is called ${JSON.stringify(name)}`, 'nothing was assigned: name it in streams[], too, or give --create; `tt streams --all` lists those that there are');
    },
    changes(moves) {
      const short = shortIdsOf(known);
      const rows = known.filter(({ id }) => made.has(id) || moves.has(id)).map(({ id, name }): StreamChange => ({
        id, id_short: short.get(id) ?? null, name, created: made.has(id), gained: 0, lost: 0, ...moves.get(id),
      }));
      const open = moves.get(null);
      return open === undefined ? rows : [...rows, { id: null, id_short: null, name: null, created: false, ...open }];
    },
  };
}

function placed<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw invalidAt(place, error instanceof Error ? error.message : String(error));
  }
}

function toAssignments(database: Database, document: AssignmentDocument, idOf: Names['idOf']): NewAssignment[] {
  const factsOf = openFactFinder(database);
  const each = <E extends { stream: string | null; start?: string | undefined; end?: string | undefined }>(
    key: keyof AssignmentDocument, entries: readonly E[] | undefined, coverageOf: (entry: E, place: string) => NewAssignment['coverage'],
  ): NewAssignment[] => (entries ?? []).map((entry, index) => {
    const place = `${key}[${index}]`;
    const bounds = boundsOf(entry, place);
    return { coverage: coverageOf(entry, place), streamId: idOf(entry.stream, `${place}.stream`), ...bounds };
  });
  return [
    ...each('assign_by_session', document.assign_by_session, ({ session_id }, place) => ({ scope: 'session', session: sessionOf(database, session_id, `${place}.session_id`) })),
    ...each('assign_by_pattern', document.assign_by_pattern, ({ cwd_like }) => ({ scope: 'pattern', path: cwd_like })),
    ...each('assign_by_cwd', document.assign_by_cwd, ({ cwd }) => ({ scope: 'directory', path: cwd.replace(/\/+$/, '') })),
    ...each('assign_by_event_ids', document.assign_by_event_ids, ({ event_ids }, place) => ({
      scope: 'facts', facts: event_ids.flatMap((id, index) => known(factsOf(id), id, `${place}.event_ids[${index}]`)),
    })),
    ...each('assign_by_time', document.assign_by_time, () => ({ scope: 'time' })),
  ];
}

function known(found: readonly FactRef[], id: string, place: string): readonly FactRef[] {
  if (found.length > 0) return found;
  throw invalidAt(place, `there is no event ${JSON.stringify(id)}`);
}

/** `ID@machine`, as lists print it, means the ID. */
function sessionOf(database: Database, name: string, place: string): number {
  const id = name.replace(/@[a-z0-9_-]+$/, '');
  const found = findSessions(database, id, SHORTEST_SESSION);
  const [only, other] = found;
  if (only === undefined) throw invalidAt(place, `there is no session ${JSON.stringify(name)}`);
  if (other !== undefined) throw invalidAt(place, `${JSON.stringify(name)} could be ${found.slice(0, 5).map(({ sessionId }) => sessionId).join(', ')}`);
  return only.session;
}

/** The act that was taken back; null: there is none. */
export function undoAssignments(database: Database, act: number | null): Act | null {
  const assigning = openAssigning(database);
  const found = assigning.act(act);
  if (found === undefined) return null;
  assigning.undo(found.act);
  return found;
}
