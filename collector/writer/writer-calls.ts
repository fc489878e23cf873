/** What `WriterCalls` promises, done: each runs between two commits. */
import { checkpointWal, copyDatabase } from '../store/backup.ts';
import { compact } from '../store/compaction.ts';
import type { Database } from '../store/database.ts';
import type { EventStore } from '../store/event-store.ts';
import { readGaps } from '../store/gaps.ts';
import { openImporter } from '../store/import.ts';
import type { ForgetTarget } from '../store/tombstones.ts';
import { applyDocument, undoAssignments } from '../streams/apply.ts';
import { changeStreams } from '../streams/change.ts';
import type { WriterCalls, WriterMethod } from './messages.ts';

/** By the time a call arrives its arguments have only been in our own hands. */
type Calls = { [M in WriterMethod]?: (...args: never[]) => WriterCalls[M]['result'] | Promise<WriterCalls[M]['result']> };
export type UntypedCalls = { readonly [M in WriterMethod]?: (...args: readonly unknown[]) => unknown };

export function createWriterCalls(database: Database, store: EventStore): UntypedCalls {
  const importer = openImporter(store);
  const calls = {
    ledger: (machineId: string) => store.transaction(() => store.ledger.positions(store.machineKey(machineId))),
    closeGenerations: (machineId: string, gens: string[]) => {
      store.transaction(() => {
        store.ledger.close(store.machineKey(machineId), gens);
        store.replacing.close(store.machineKey(machineId), gens);
      });
      return null;
    },
    setBackLedger: (machineId: string) => store.transaction(() => {
      const machine = store.machineKey(machineId);
      const gens = store.ledger.positions(machine).map(([gen]) => gen);
      store.ledger.close(machine, gens);
      return gens;
    }),
    wantReplacement: (machineId: string) => store.transaction(() => {
      const machine = store.machineKey(machineId);
      store.replacing.want(machine, store.ledger.positions(machine));
      return { files: store.replacing.wanted(machine).length };
    }),
    wantedReplacements: (machineId: string) => store.transaction(() => store.replacing.wanted(store.machineKey(machineId))),
    reportGaps: (...[machine, gaps, reportedAtMs]: WriterCalls['reportGaps']['args']) => {
      store.transaction(() => store.gaps.store(store.machine(machine), gaps, reportedAtMs));
      return null;
    },
    listGaps: () => readGaps(database),
    acceptGaps: (...[gaps, acceptedAtMs]: WriterCalls['acceptGaps']['args']) => store.transaction(() => store.gaps.accept(gaps, acceptedAtMs)),
    importLines: (lines: string[], receivedAtMs: number) => importer.importLines(lines, receivedAtMs),
    forgetStep: (target: ForgetTarget, nowMs: number) => store.forgetting.step(target, nowMs),
    forgottenNames: (machineId: string, names: string[]) => store.forgottenNames(machineId, names),
    undoForget: (target: ForgetTarget) => store.forgetting.undo(target),
    compact: () => {
      try {
        return compact(database);
      } finally {
        store.forgetCaches();
      }
    },
    changeStreams: (...[change, at]: WriterCalls['changeStreams']['args']) => store.transaction(() => changeStreams(database, change, at)),
    assign: (...[document, { dryRun, ...options }]: WriterCalls['assign']['args']) =>
      inTransaction(store, () => applyDocument(database, document, options), dryRun),
    undoAssignments: (...[act]: WriterCalls['undoAssignments']['args']) => store.transaction(() => undoAssignments(database, act)),
    backup: (file: string) => copyDatabase(database, file),
    rebuild: () => store.rebuild(),
    recomputeStep: (...[place, stepMs]: WriterCalls['recomputeStep']['args']) => store.recomputing.step(place, stepMs),
    derivedCounts: () => store.derivedCounts(),
    deriveTime: () => store.deriveTime(),
    checkpoint: () => {
      checkpointWal(database);
      return null;
    },
  } satisfies Calls;
  return calls as UntypedCalls;
}

/** `isTrial`: nothing of it is stored; it only answers. */
function inTransaction<T>(store: EventStore, work: () => T, isTrial: boolean): T {
  if (!isTrial) return store.transaction(work);
  const trial = new Error('rolled back');
  const results: T[] = [];
  try {
    store.transaction(() => {
      results.push(work());
      throw trial;
    });
  } catch (error) {
    for (const result of results) if (error === trial) return result;
    throw error;
  }
  throw trial;
}
