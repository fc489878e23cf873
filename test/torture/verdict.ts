/** The database after a round, compared with what was written. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openReader, openWriter, type Database } from '../../collector/store/database.ts';
import { openEventStore } from '../../collector/store/event-store.ts';
import { derivedIn } from '../simulation/database-content.ts';
import { until } from '../support/until.ts';
import type { Fleet } from './fleet.ts';
import type { DeclaredGap, EverythingWritten } from './owed.ts';

/** `{machine}:{source}:{type}:{24 characters}:{discriminator}` */
const ID = /^[0-9a-f-]{36}:([\w.]+):(\w+):.{24}:(.*)$/s;
const SHOWN = 5;
/** Nothing more has arrived for so long: what is missing does not come. On a busy machine a deleted database fills slowly. */
const STANDSTILL_MS = 75_000;
const DRAINED_MS = 400_000;
const SLOW_MS = 25_000;

export interface Stored {
  facts: Set<string>;
  rows: number;
}

/** What is said about a harness is a fact whichever machine says it, and when; everything else is its whole ID. */
function factOfId(id: string): string {
  const [, source, type = '', discriminator = ''] = ID.exec(id) ?? [];
  return source === 'remote.agent' ? `${type}:${discriminator}` : id;
}

function read<T>(fleet: Fleet, look: (database: Database) => T): T {
  const database = openReader(fleet.laptop.paths.database);
  try {
    // One moment for all its questions: more may be arriving.
    return database.transaction(() => look(database))();
  } finally {
    database.close();
  }
}

function storedIn(database: Database): Stored {
  const ids = database.prepare<[], { id: string }>('SELECT id FROM events').all();
  return { facts: new Set(ids.map(({ id }) => factOfId(id))), rows: ids.length };
}

function some(facts: readonly string[]): string {
  return `${facts.length} (${facts.slice(0, SHOWN).join(', ')})`;
}

function whoOwes({ machines }: Fleet, facts: readonly string[]): string {
  const files = new Map<string, number>();
  for (const fact of facts) {
    const path = machines.map(({ owed }) => owed.whoSays(fact)).find((said) => said !== undefined) ?? 'seen in the database before';
    files.set(path, (files.get(path) ?? 0) + 1);
  }
  return [...files].slice(0, SHOWN).map(([path, count]) => `\n    ${count} of ${path}`).join('');
}

/** Waits until everything that must be there is there; says what it waits for when that takes long. */
export async function untilStored(fleet: Fleet, everything: EverythingWritten, print: (line: string) => void): Promise<void> {
  let hasSaid = false;
  let fewest = Number.POSITIVE_INFINITY;
  let movedAt = performance.now();
  const failure = await until('the database to hold what was written', () => {
    const stored = read(fleet, storedIn);
    const { missing } = everything.compare(stored.facts, fleet.machines.map(({ owed }) => owed));
    if (missing.length === 0) return 'none';
    if (missing.length < fewest) movedAt = performance.now();
    fewest = Math.min(fewest, missing.length);
    const what = `of ${everything.count} facts missing: ${some(missing)}${whoOwes(fleet, missing)}`;
    if (!hasSaid && performance.now() - movedAt > SLOW_MS) {
      hasSaid = true;
      print(`  nothing came for ${SLOW_MS / 1000} s, ${what}`);
    }
    if (performance.now() - movedAt > STANDSTILL_MS) return `${what}\n  and nothing came for ${STANDSTILL_MS / 1000} s`;
    throw new Error(what);
  }, { timeoutMs: DRAINED_MS, everyMs: 150 });
  if (failure !== 'none') throw new Error(failure);
}

export interface Judgement {
  facts: number;
  gaps: number;
  /** That reach beyond what was lost. */
  vagueGaps: number;
}

/** Throws what does not hold. */
export function judge(fleet: Fleet, everything: EverythingWritten): Judgement {
  const problems: string[] = [];
  const judgement = read(fleet, (database) => {
    const stored = storedIn(database);
    const { missing, unexpected } = everything.compare(stored.facts, fleet.machines.map(({ owed }) => owed));
    if (missing.length > 0) problems.push(`gone again: ${some(missing)}`);
    if (unexpected.length > 0) problems.push(`nobody wrote: ${some(unexpected)}`);
    if (stored.rows !== stored.facts.size) problems.push(`${stored.rows} rows for ${stored.facts.size} facts`);
    problems.push(...countedWrong(database, stored.facts), ...broken(database));
    const gaps = gapsIn(database);
    let vagueGaps = 0;
    for (const gap of gaps) {
      const machine = fleet.machines.find(({ machineId }) => machineId === gap.machineId);
      const verdict = machine?.owed.explain(gap) ?? 'false';
      if (verdict === 'vague') vagueGaps += 1;
      if (verdict === 'false') problems.push(`a gap where nothing can be lost: ${machine?.name} ${gap.path} ${gap.from}-${gap.to} ${gap.reason}, destroyed: ${machine?.owed.destroyedOf(gap.path)}`);
    }
    if (differsFromRebuild(database, fleet.laptop.directory)) problems.push('sessions and usage differ from what a rebuild gives');
    everything.saw(stored.facts);
    return { facts: stored.facts.size, gaps: gaps.length, vagueGaps };
  });
  if (problems.length > 0) throw new Error(problems.join('\n  '));
  return judgement;
}

/** What is counted is counted from facts, each once. */
function countedWrong(database: Database, facts: ReadonlySet<string>): string[] {
  const count = (sql: string): number => database.prepare<[], { n: number | null }>(sql).get()?.n ?? 0;
  const ofType = (type: string): number => [...facts].filter((fact) => fact.startsWith(`${type}:`)).length;
  const counted: [string, number, number][] = [
    ['responses', count('SELECT count(*) AS n FROM message_usage'), ofType('assistant_message')],
    ['prompts', count('SELECT sum(prompts) AS n FROM sessions'), ofType('user_message')],
    ['tool uses', count('SELECT sum(tool_uses) AS n FROM sessions'), ofType('agent_tool_use')],
    ['refused events', count('SELECT count(*) AS n FROM dead_letter'), 0],
  ];
  return counted.filter(([, is, shall]) => is !== shall).map(([what, is, shall]) => `${is} ${what}, not ${shall}`);
}

function broken(database: Database): string[] {
  const integrity = JSON.stringify(database.pragma('integrity_check'));
  const foreign = JSON.stringify(database.pragma('foreign_key_check'));
  return [
    ...integrity === '[{"integrity_check":"ok"}]' ? [] : [`integrity_check: ${integrity}`],
    ...foreign === '[]' ? [] : [`foreign_key_check: ${foreign}`],
  ];
}

function gapsIn(database: Database): DeclaredGap[] {
  return database.prepare<[], DeclaredGap>(`SELECT m.machine_id AS machineId, g.path, g.from_offset AS "from", g.to_offset AS "to", g.reason
    FROM gap g JOIN machine_key m USING (machine)`).all();
}

function differsFromRebuild(database: Database, scratch: string): boolean {
  const path = join(scratch, 'rebuilt', 'collector.db');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, database.serialize(), { mode: 0o600 });
  const writer = openWriter(path);
  try {
    const before = derivedIn(writer);
    openEventStore(writer).rebuild();
    return derivedIn(writer) !== before;
  } finally {
    writer.close();
    rmSync(join(scratch, 'rebuilt'), { recursive: true, force: true });
  }
}
