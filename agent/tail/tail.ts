/**
 * The tailer: discovers files, follows their generations and hands out slices
 * (agent/feed.ts says what the uplink may rely on). Put together here; each idea
 * has a file of its own.
 */
import { sep } from 'node:path';
import { openCheckpointStore, type CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { SourceKind } from '../extraction.ts';
import type { Feed, Slice, SliceReceipt } from '../feed.ts';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import type { Generation } from '../../shared/ids.ts';
import type { Log } from '../../shared/log.ts';
import type { GapReport, Lane } from '../../shared/protocol/frames.ts';
import { createAbsences } from './absences.ts';
import { openBadLines } from './bad-lines.ts';
import { fromRecord, toRecord } from './checkpoint-records.ts';
import { createChokidarWatch } from './chokidar-watch.ts';
import { createDirectoryWalk } from './directory-walk.ts';
import { createDirectoryWatch } from './directory-watch.ts';
import { createDiscovery, type Discovery } from './discovery.ts';
import { createDrainedLooks } from './drained-looks.ts';
import { systemFiles, type FileAccess } from './file-access.ts';
import { createFileTable } from './file-table.ts';
import { createLanes } from './lanes.ts';
import { createLineSplitter } from './line-splitter.ts';
import { createLooks } from './looks.ts';
import { createReaders } from './readers.ts';
import { createRelooks } from './relooks.ts';
import { createReplay } from './replay.ts';
import { createSlices } from './slices.ts';
import { createTailStatus } from './tail-status.ts';
import { needsRead, type TailedFile } from './tailed-file.ts';
import { createWatch, type WatchDeps } from './watch.ts';

export interface TailDeps {
  clock: Clock;
  log: Log;
  sources: readonly SourceKind[];
  /** Journal and snapshots; created when needed. */
  checkpointDir: string;
  /** The ring of lines that gave nothing. */
  badDir: string;
  /** Defaults to the system's. */
  files?: FileAccess;
  /** Defaults to chokidar and `fs.watch`. */
  watchers?: Pick<WatchDeps, 'chokidar' | 'plain'>;
}

export interface TailOptions {
  /** Below a root, but not to be looked into (`kept/`, `bad/`, `archive/`). */
  ignoredDirectories?: readonly string[];
}

export interface Tail extends Feed {
  /**
   * Checkpoints are read before it returns its promise, so `positions` counts at
   * once; resolves when the first full look has ended. There may be work earlier.
   */
  start(): Promise<void>;
  /** Stops looking and writes the checkpoints. */
  close(): Promise<void>;
  /** Looks at everything as soon as possible (the clock jumped, the machine woke up). */
  lookNow(): void;
}

/** One call of `read` does about this much, also where files turn out to hold nothing. */
const READ_MS = 6;

export function createTail(deps: TailDeps, options: TailOptions = {}): Tail {
  const { clock } = deps;
  const files = deps.files ?? systemFiles;
  const monotonic = (): number => clock.monotonic();
  const table = createFileTable();
  const lanes = createLanes();
  const drained = createDrainedLooks();
  const splitter = createLineSplitter(files);
  const readers = createReaders({ files, splitter, monotonic });
  const badLines = openBadLines(deps.badDir);
  const truncated: GapReport[] = [];
  const store: CheckpointStore = openCheckpointStore({
    clock,
    directory: deps.checkpointDir,
    recordOf: (gen) => {
      const file = table.byGeneration(gen);
      return file === undefined ? undefined : toRecord(file);
    },
    generations: () => [...table.all()].map((file) => file.gen),
  });
  const status = createTailStatus({ table, drained, badLines, store, problems: () => discovery.problems, truncated });
  const slices = createSlices({ files, splitter, readers, badLines, monotonic, countUnknown: status.countUnknown });

  let listener: () => void = () => {};
  let cancelWake: (() => void) | undefined;
  let closing: Promise<void> | undefined;

  function found(): void {
    if (lanes.hasNext('live') || lanes.hasNext('backfill')) listener();
  }

  function wakeSoon(): void {
    cancelWake ??= clock.after(0, () => {
      cancelWake = undefined;
      found();
    });
  }

  const looks = createLooks({
    files, table, lanes, readers,
    now: () => clock.now(),
    lookNumber: () => discovery.lookNumber,
    isFirstLook: () => discovery.isFirstLook,
    touched: (file) => store.mark(file.gen),
    dropped: (old, replacement) => {
      store.mark(old.gen);
      drained.replaced(old, replacement);
      if (replacement !== undefined) lanes.enqueue(replacement);
    },
    lost: (gap) => truncated.push(gap),
  });
  const look = (path: string, source: SourceKind): boolean => looks.look(path, source);
  const watch = createWatch(
    { monotonic, ...(deps.watchers ?? { chokidar: createChokidarWatch, plain: createDirectoryWatch }) },
    {
      changed: (directory, name, isRename) => discovery.changed(directory, name, isRename),
      failed: (directory, error) => discovery.failed(directory, error),
    },
  );
  const walk = createDirectoryWalk(
    { files, watch, look, now: () => clock.now() },
    { ignoredDirectories: new Set([deps.badDir, deps.checkpointDir, ...(options.ignoredDirectories ?? [])]) },
  );
  const absences = createAbsences({
    table, lanes, readers,
    now: () => clock.now(),
    exists: (path) => exists(files, path),
    rootState: (root) => walk.rootState(root),
    vanish: (file) => looks.vanish(file),
    prune: (file) => drop(file),
    givenUp: (file) => drained.progressed(file),
  });
  const discovery: Discovery = createDiscovery({
    clock, log: deps.log, sources: deps.sources, walk, look, found,
    relooks: createRelooks({ clock, look, found }),
    renewWatch: (directory) => watch.add(directory, { isActive: false, entries: 0 }),
    lookBelow: (directory) => {
      for (const file of [...table.all()]) {
        if (file.source !== undefined && file.path.startsWith(directory + sep)) looks.look(file.path, file.source);
      }
    },
    lookEnded: ({ number, startedAt }) => {
      absences.lookEnded(number);
      readers.closeIdle();
      drained.lookEnded(startedAt, table.all());
      status.lookEnded();
    },
  });
  const replay = createReplay({ files, table, lanes, readers, store, looks, drained, drop, lookNow: () => discovery.lookNow() });

  function drop(file: TailedFile): void {
    readers.close(file);
    lanes.remove(file);
    table.remove(file);
    store.mark(file.gen);
    drained.replaced(file, undefined);
  }

  function read(lane: Lane, limits: { targetBytes: number; maxEvents: number }): Slice | undefined {
    const until = monotonic() + READ_MS;
    for (let file = lanes.next(lane); file !== undefined; file = lanes.next(lane)) {
      const slice = needsRead(file) ? readFile(file, limits) : undefined;
      if (slice !== undefined) return slice;
      if (monotonic() < until) continue;
      wakeSoon();
      return undefined;
    }
    return undefined;
  }

  function readFile(file: TailedFile, limits: { targetBytes: number; maxEvents: number }): Slice | undefined {
    try {
      const result = slices.read(file, limits);
      switch (result.kind) {
        case 'slice':
          lanes.requeue(file);
          status.sliceRead(result.slice);
          return result.slice;
        case 'again':
          lanes.requeue(file);
          wakeSoon();
          return undefined;
        case 'changed':
          looks.replaceGeneration(file);
          return undefined;
        case 'replaced':
          if (file.source !== undefined) looks.look(file.path, file.source);
          return undefined;
        case 'nothing':
          drained.progressed(file);
          return undefined;
      }
    } catch (error) {
      unreadable(file, error);
      return undefined;
    }
  }

  function unreadable(file: TailedFile, error: unknown): void {
    readers.close(file);
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      if (file.presence === 'present') looks.vanish(file);
      return;
    }
    // The next look clears it and tries again; the other files go on.
    file.problem = `cannot read ${file.path}: ${code ?? messageOf(error)}`;
  }

  function acknowledge(receipt: SliceReceipt): void {
    const file = table.byGeneration(receipt.gen);
    if (file === undefined || !file.positions.acknowledge(receipt)) return;
    if (file.positions.acknowledged.offset >= file.replaceUntil) file.replaceUntil = 0;
    store.mark(file.gen);
    drained.progressed(file);
    if (file.wantsLive && !file.positions.hasPending && lanes.enqueue(file)) found();
  }

  return {
    hasWork: (lane) => lanes.hasNext(lane),
    read,
    onWork: (callback) => {
      listener = callback;
    },
    acknowledge,
    positions: function* positions(): Iterable<readonly [Generation, number]> {
      for (const file of table.all()) {
        const { offset } = file.positions.acknowledged;
        if (offset > 0) yield [file.gen, offset];
      }
    },
    settle: async (ledger) => {
      const unknown = await replay.settle(ledger);
      found();
      return unknown;
    },
    resync: () => {
      replay.resync();
      found();
    },
    rewind: async (gen, to, rewindOptions) => {
      await replay.rewind(gen, to, rewindOptions);
      found();
    },
    reset: async (gen) => {
      await replay.reset(gen);
      found();
    },
    status: () => status.read(),
    start: () => {
      for (const record of store.loaded.values()) {
        table.add(fromRecord(record, deps.sources.find((source) => isBelow(record.path, source))));
      }
      return discovery.start();
    },
    lookNow: () => discovery.lookNow(),
    close: () => {
      closing ??= (async () => {
        discovery.close();
        cancelWake?.();
        listener = () => {};
        await watch.close();
        await store.close();
        readers.closeAll();
      })();
      return closing;
    },
  };
}

function isBelow(path: string, source: SourceKind): boolean {
  return source.roots.some((root) => path.startsWith(root + sep)) && source.matches(path);
}

function exists(files: FileAccess, path: string): boolean {
  try {
    files.stat(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}
