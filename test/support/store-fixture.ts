import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openWriter, type Database } from '../../collector/store/database.ts';
import { openAssigning } from '../../collector/store/assigning.ts';
import { openEventStore, type EventStore } from '../../collector/store/event-store.ts';
import { factHash } from '../../collector/store/fact-hash.ts';
import { createCommitter, type Committed, type Committer } from '../../collector/writer/commit.ts';
import type { BatchJob, MachineRef } from '../../collector/writer/messages.ts';
import { buildEventId } from '../../shared/event-id.ts';
import type { JsonValue, LineageEdge, SessionState, TtEvent } from '../../shared/event.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { encodeBatch } from '../../shared/protocol/codec.ts';
import { printTimestamp } from '../../shared/timestamp.ts';

export const START_MS = Date.UTC(2026, 4, 1, 9);

export function testMachine(digit: number): MachineId {
  const id = parseMachineId(`${String(digit).repeat(8)}-0000-4000-8000-000000000000`);
  if (id === undefined) throw new Error('no machine ID');
  return id;
}

export function refOf(machineId: MachineId, enrolledAtMs = START_MS): MachineRef {
  return { machineId, enrolledAtMs };
}

export interface EventShape {
  machineId: MachineId;
  type: string;
  discriminator: string;
  at?: number;
  source?: string;
}

export function testEvent({ machineId, type, discriminator, at = START_MS, source = 'remote.agent' }: EventShape, rest: { [key: string]: JsonValue } = {}): TtEvent {
  const timestamp = printTimestamp(at);
  const id = buildEventId({ machineId, source, type, timestamp, discriminator });
  return { id, timestamp, source, type, schema_version: 2, agent: 'claude-code', ...rest };
}

export interface BatchParts {
  gen: string;
  from?: number;
  to?: number;
  prev?: string;
  tail?: string;
  bornAt?: number | null;
  events?: readonly unknown[];
  /** Instead of `events`, printed already. */
  printed?: readonly string[];
  states?: readonly SessionState[];
  edges?: readonly LineageEdge[];
  /** As after `rewind … replace`. */
  entries?: readonly string[];
  schemaVersion?: number;
}

export const genOf = (digit: number): string => digit.toString(16).padStart(32, '0');

export function jobOf(machine: MachineRef, parts: BatchParts, seq = 1): BatchJob {
  const printed = parts.printed ?? (parts.events ?? []).map((event) => JSON.stringify(event));
  const { gen, from = 0, to = from, prev = '', tail = '', bornAt = START_MS } = parts;
  const text = encodeBatch({
    seq, lane: 'live', files: [{ gen, path: `/logs/${gen}.jsonl`, born_at: bornAt, from, to, prev, tail, events: printed.length }],
    states: [...(parts.states ?? [])], edges: [...(parts.edges ?? [])],
    ...(parts.entries === undefined ? {} : { entries: [...parts.entries] }),
    ...(parts.schemaVersion === undefined ? {} : { schema_version: parts.schemaVersion }),
  }, printed);
  return { kind: 'batch', connection: 1, machine, receivedAtMs: START_MS, lane: 'live', bytes: new TextEncoder().encode(text).buffer, isCompressed: false };
}

/** As a person says it of this one fact. */
export function assignFact({ database }: Pick<StoreFixture, 'database'>, streamId: string, factKey: string): void {
  database.prepare("INSERT OR IGNORE INTO streams VALUES (?, ?, '', '')").run(streamId, streamId);
  openAssigning(database).add([{ streamId, coverage: { scope: 'facts', facts: [{ fact: factHash(factKey), factKey }] }, fromMs: null, toMs: null }], 'user', printTimestamp(START_MS));
}

export interface StoreFixture {
  path: string;
  database: Database;
  store: EventStore;
  committer: Committer;
  commit(...jobs: BatchJob[]): Committed;
  /** The frame that answers a commit of this one batch. */
  answer(machine: MachineRef, parts: BatchParts): unknown;
  rows(sql: string, ...args: unknown[]): unknown[];
  reopen(): void;
  [Symbol.dispose](): void;
}

let empty: Buffer | undefined;

/** Migrated once in this process: each migration waits for the disk. */
function emptyDatabase(): Buffer {
  if (empty !== undefined) return empty;
  const directory = mkdtempSync(join(tmpdir(), 'tt-empty-'));
  const path = join(directory, 'collector.db');
  openWriter(path).close();
  empty = readFileSync(path);
  rmSync(directory, { recursive: true });
  return empty;
}

export function openStoreFixture(): StoreFixture {
  const directory = mkdtempSync(join(tmpdir(), 'tt-store-'));
  const path = join(directory, 'collector.db');
  writeFileSync(path, emptyDatabase(), { mode: 0o600 });
  const open = () => {
    const database = openWriter(path);
    const store = openEventStore(database);
    return { database, store, committer: createCommitter(store, { now: () => START_MS }) };
  };
  const fixture: StoreFixture = {
    path,
    ...open(),
    commit: (...jobs) => fixture.committer.commit(jobs),
    answer: (machine, parts) => JSON.parse(fixture.commit(jobOf(machine, parts)).answers[0]?.frame ?? 'null') as unknown,
    rows: (sql, ...args) => fixture.database.prepare(sql).all(...args),
    reopen() {
      fixture.database.close();
      Object.assign(fixture, open());
    },
    [Symbol.dispose]() {
      fixture.database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return fixture;
}
