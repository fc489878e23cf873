/** What must hold once everything was repaired and had its time. */
import { checkpointPaths, loadCheckpoint } from '../../agent/checkpoint/checkpoint-files.ts';
import { completeEnd, read, type ClaimKey } from './claims.ts';
import { claimsIn, derivedIn, gapsIn, ledgerIn, lineageIn, statesIn, storedClaims, type StoredClaim } from './database-content.ts';
import type { LogFile, Machine } from './machine.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { edgeKey, type Model } from './model.ts';
import type { CollectorProgram } from './collector-program.ts';
import { Violation } from './violation.ts';

export interface Judged {
  collector: CollectorProgram | undefined;
  model: Model;
  machines: readonly Machine[];
  clock: ManualClock;
}

const SHOWN = 5;

function require(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what);
}

function none(keys: readonly string[], what: string): void {
  require(keys.length === 0, `${what} (${keys.length}): ${keys.slice(0, SHOWN).join(', ')}`);
}

/** Holds at every moment: what an ack promised is in the database that gave it, and so is all that its ledger says it has. */
export function checkPromises(world: Judged): void {
  const { collector, model } = world;
  if (collector === undefined) return;
  const stored = new Set(claimsIn(collector.database));
  none([...model.acknowledged].filter((key) => !stored.has(key)), 'acknowledged and not stored');
  for (const machine of world.machines) {
    checkDrained(world, machine, stored);
    // Where acks were forgotten, one generation may have been read over two contents.
    if (machine.hasCrashed || isShared(world, machine)) continue;
    for (const [gen, offset] of ledgerIn(collector.database, machine.machineId)) {
      const keys = (model.read.get(gen) ?? []).flatMap((slice) => (slice.to <= offset ? slice.keys : []));
      none(keys.filter((key) => !stored.has(key)), `${machine.name}: in the ledger and not stored`);
    }
  }
}

/** What an agent calls drained: every line that was complete when that look began is stored. */
function checkDrained(world: Judged, machine: Machine, stored: ReadonlySet<ClaimKey>): void {
  const drainedAt = machine.agent?.tail.status().drainedAt ?? null;
  if (drainedAt === null || machine.agent?.believesConnected !== true || machine.hasJumped || isShared(world, machine)) return;
  const lookedAt = world.clock.monotonic() - (machine.now - drainedAt);
  for (const file of presentFiles(machine)) {
    const size = file.sizes.findLast(({ at }) => at < lookedAt)?.size;
    if (size === undefined) continue;
    const content = machine.disk.content(file.path).subarray(0, size);
    const said = read(machine.sourceOf(file), file.path, content, { andLast: false });
    none([...said.claims.keys()].filter((key) => key.startsWith(machine.machineId) && !stored.has(key)), `${machine.name}: drained at ${lookedAt}, not stored`);
  }
}

function isShared(world: Judged, machine: Machine): boolean {
  return world.machines.some((other) => other !== machine && other.machineId === machine.machineId);
}

/** Holds whenever an agent is not running: nothing counts as acknowledged that never was. */
export function checkCheckpoints({ model }: Judged, machine: Machine): void {
  for (const { gen, offset, path } of loadCheckpoint(checkpointPaths(machine.checkpointDir), machine.now).records.values()) {
    const acknowledged = model.acknowledgedTo.get(gen) ?? 0;
    require(offset <= acknowledged, `${machine.name}: checkpoint ${offset} of ${path}, acknowledged to ${acknowledged}`);
  }
}

export function checkFacts(world: Judged): void {
  const { collector, model } = world;
  require(collector !== undefined, 'no collector');
  const { database } = collector;
  const claims = storedClaims(database);
  const stored = new Set(claims.map(({ key }) => key));
  for (const machine of world.machines) for (const file of machine.files) machine.note(file);

  const required = new Set<ClaimKey>(model.acknowledged);
  const edges = new Set<string>();
  for (const machine of world.machines) {
    if (machine.agent === undefined) continue;
    for (const key of machine.kept) required.add(key);
    for (const file of presentFiles(machine)) {
      const said = read(machine.sourceOf(file), file.path, machine.disk.content(file.path), { andLast: false });
      for (const [key, event] of said.claims) if (event.id.startsWith(machine.machineId)) required.add(key);
      for (const edge of said.edges) edges.add(edgeKey(edge));
      checkStates(world, said.states);
    }
  }
  none([...required].filter((key) => !stored.has(key)), 'lost');
  none([...stored].filter((key) => !model.allowed.has(key)), 'never written');
  none(repeated(claims.map(({ key }) => key)), 'the same claim twice');
  const storedEdges = new Set(lineageIn(database).map(({ child, parent, via }) => `${child} ${parent} ${via}`));
  none([...edges].filter((edge) => !storedEdges.has(edge)), 'lineage lost');
  none([...storedEdges].filter((edge) => !model.allowedEdges.has(edge)), 'lineage never written');
  none(claims.filter(({ key, bornAt }) => bornAt !== null && model.allowed.get(key)?.has(bornAt) !== true).map(({ key, bornAt }) => `${key} born ${bornAt}`), 'births of no file that says it');
  checkWinners(claims, lineageIn(database));
  checkGaps(world, stored);
  checkDerived(world);
}

/** What an agent has read and did not bring is declared lost, if that agent and that database are still there. */
function checkGaps(world: Judged, stored: ReadonlySet<ClaimKey>): void {
  const { collector, machines, model } = world;
  if (collector === undefined) return;
  const gaps = gapsIn(collector.database);
  for (const machine of machines) {
    if (isShared(world, machine)) continue;
    for (const { gen, path, from, to, keys, epoch } of machine.agent?.handedOut ?? []) {
      if (epoch !== model.databaseEpoch) continue;
      const lost = keys.filter((key) => !stored.has(key));
      // What a cut left of a file goes on as another generation, and may be lost as that.
      const isDeclared = gaps.some((gap) => (gap.gen === gen || gap.path === path) && gap.from < to && gap.to > from);
      if (!isDeclared) none(lost, `${machine.name}: read, neither stored nor declared lost`);
    }
  }
}

function repeated(keys: readonly string[]): string[] {
  const seen = new Set<string>();
  return keys.filter((key) => seen.size === seen.add(key).size);
}

/** Every fact once, told by the claim that wins by the rule of the design. */
function checkWinners(claims: readonly StoredClaim[], edges: readonly { child: string; parent: string }[]): void {
  const facts = new Map<string, StoredClaim[]>();
  for (const claim of claims) facts.set(claim.fact, [...facts.get(claim.fact) ?? [], claim]);
  const parents = new Map<string, string[]>();
  for (const { child, parent } of edges) parents.set(child, [...parents.get(child) ?? [], parent]);
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean => (parents.get(from) ?? []).some((parent) => {
    if (parent === to) return true;
    if (seen.has(parent)) return false;
    seen.add(parent);
    return reaches(parent, to, seen);
  });
  for (const [fact, all] of facts) {
    const winners = all.filter(({ isWinner }) => isWinner);
    require(winners.length === 1, `${fact} counts ${winners.length} times`);
    const originals = all.filter((claim) => !all.some((other) => other.sessionId !== claim.sessionId && reaches(claim.sessionId, other.sessionId)));
    const [expected] = (originals.length > 0 ? originals : all).toSorted(byRule);
    require(winners[0] === expected, `${fact} is won by ${winners[0]?.key}, not by ${expected?.key}`);
  }
}

function byRule(a: StoredClaim, b: StoredClaim): number {
  const order = (x: number | string, y: number | string): number => (x < y ? -1 : x > y ? 1 : 0);
  return order(a.bornAt ?? Infinity, b.bornAt ?? Infinity) || order(a.enrolledAt ?? Infinity, b.enrolledAt ?? Infinity)
    || order(a.machineId, b.machineId) || order(a.sessionId, b.sessionId) || order(a.at, b.at) || order(a.id, b.id);
}

/** The latest value of a file that is there must not be older than what is stored, and what is stored was said. */
function checkStates(world: Judged, said: readonly { session_id: string; key: string; after: string; offset: number }[]): void {
  if (world.collector === undefined || said.length === 0) return;
  const stored = new Map(statesIn(world.collector.database).map((state) => [`${state.session_id} ${state.key}`, state]));
  for (const state of said) {
    const latest = stored.get(`${state.session_id} ${state.key}`);
    require(latest !== undefined, `state ${state.key} of ${state.session_id} is lost`);
    const isOlder = latest.after < state.after || (latest.after === state.after && latest.offset < state.offset);
    require(!isOlder, `state ${state.key} of ${state.session_id} is an older one`);
  }
}

function checkDerived({ collector }: Judged): void {
  require(collector !== undefined, 'no collector');
  const before = derivedIn(collector.database);
  collector.rebuild();
  require(derivedIn(collector.database) === before, 'sessions, usage and time differ from what a rebuild gives');
}

function presentFiles(machine: Machine): LogFile[] {
  return machine.files.filter(({ path }) => machine.disk.exists(path));
}

/** Of an agent that has stopped: its checkpoints are those of its files, and the ledger is not behind them. */
export function checkPositions(world: Judged, machine: Machine): void {
  const { collector } = world;
  require(collector !== undefined, 'no collector');
  const ledger = ledgerIn(collector.database, machine.machineId);
  const records = [...loadCheckpoint(checkpointPaths(machine.checkpointDir), machine.now).records.values()];
  for (const { gen, offset, path } of records) {
    require((ledger.get(gen) ?? 0) >= offset, `${machine.name}: checkpoint ${offset} of ${path} is beyond the ledger (${ledger.get(gen) ?? 'none'})`);
  }
  for (const file of presentFiles(machine)) {
    const end = completeEnd(machine.disk.content(file.path));
    if (end === 0) continue;
    const known = (path: string): typeof records => records.filter((record) => record.path === path && record.vanished_at === null);
    // A log that was rotated after the last look is known by its old name until the next one.
    const rotatedFrom = file.path.replace(/-[0-9a-f]{16}(?=\.jsonl$)/, '');
    const own = known(file.path).length > 0 ? known(file.path) : known(rotatedFrom);
    require(own.length === 1, `${machine.name}: ${file.path} has ${own.length} checkpoints`);
    const offset = own[0]?.offset;
    require(offset === end, `${machine.name}: checkpoint of ${file.path} is ${offset}, its lines end at ${end}`);
    const stored = own[0] === undefined ? undefined : ledger.get(own[0].gen);
    const mayBeLonger = machine.hasCrashed || isShared(world, machine);
    require(stored === end || (mayBeLonger && stored !== undefined && stored > end), `${machine.name}: the ledger has ${file.path} to ${stored}, its lines end at ${end}`);
  }
}
