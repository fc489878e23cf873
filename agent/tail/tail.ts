/**
 * The tailer: discovers files, follows their generations and hands out slices
 * (agent/feed.ts says what the uplink may rely on). Put together here; each idea
 * has a file of its own.
 */
import { sep } from 'node:path';
import { openCheckpointStore, type CheckpointStore } from '../checkpoint/checkpoint-store.ts';
import type { SourceKind } from '../extraction.ts';
import type { Feed, FeedStatus, Slice, SliceReceipt } from '../feed.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Generation } from '../../shared/ids.ts';
import { KEPT_LIMIT_BYTES } from '../../shared/limits.ts';
import type { Log } from '../../shared/log.ts';
import type { GapReport, Lane, Position } from '../../shared/protocol/frames.ts';
import { createAbsences } from './absences.ts';
import { openBadLines } from './bad-lines.ts';
import { fromKept, fromRecord, toRecord } from './checkpoint-records.ts';
import { createChokidarWatch } from './chokidar-watch.ts';
import { createDeparted, type Departed } from './departed.ts';
import { createDirectoryWalk } from './directory-walk.ts';
import { createDirectoryWatch } from './directory-watch.ts';
import { createDiscovery, type Discovery } from './discovery.ts';
import { createDrainedLooks, type DrainedLooks } from './drained-looks.ts';
import { systemFiles, type FileAccess } from './file-access.ts';
import { createFileTable } from './file-table.ts';
import { openGapLog, type GapLog } from './gap-log.ts';
import { createKeeping, type Forgotten, type Keeping } from './keeping.ts';
import { openKeptFiles, type KeptFiles, type KeptFilesDeps } from './kept-files.ts';
import { createLanes } from './lanes.ts';
import { createLineSplitter } from './line-splitter.ts';
import { createLooks, type Looks, type LooksDeps } from './looks.ts';
import { createReaders, type Readers } from './readers.ts';
import { createReading, type Reading } from './reading.ts';
import { createRelooks } from './relooks.ts';
import { createReplay, type Replay } from './replay.ts';
import type { SliceLimits } from './slice-sink.ts';
import { createSlices } from './slices.ts';
import { createTailStatus, type TailStatus } from './tail-status.ts';
import type { TailedFile } from './tailed-file.ts';
import { createUnreadable, isAbsence, type Unreadable } from './unreadable.ts';
import { createWatch, type Watch, type WatchDeps } from './watch.ts';

export interface TailDeps {
  clock: Clock;
  log: Log;
  sources: readonly SourceKind[];
  /** Journal and snapshots; created when needed. */
  checkpointDir: string;
  /** The ring of lines that gave nothing. */
  badDir: string;
  /** Links and copies of what is not acknowledged. */
  keptDir: string;
  /** Defaults to the system's. */
  files?: FileAccess;
  /** Defaults to chokidar and `fs.watch`. */
  watchers?: Pick<WatchDeps, 'chokidar' | 'plain'>;
  /** Defaults to `link(2)`. */
  link?: KeptFilesDeps['link'];
}

export interface TailOptions {
  /** Below a root, but not to be looked into (`kept/`, `bad/`, `archive/`). */
  ignoredDirectories?: readonly string[];
  keptLimitBytes?: number;
}

export interface Tail extends Feed {
  /**
   * Checkpoints are read before it returns its promise, so `positions` counts at
   * once; resolves when the first full look has ended. There may be work earlier.
   */
  start(): Promise<void>;
  /** Stops looking and writes the checkpoints. */
  close(): Promise<void>;
  /** Stops looking, and from now on writes neither checkpoints nor gaps: another agent does. To be closed all the same. */
  disown(): void;
  /** Bytes of the file at `path` that are stored by the collector; undefined where no file is tailed there. */
  acknowledgedTo(path: string): number | undefined;
  /** Second names, of all their bytes, of files that were tailed; the first may be gone. */
  linked(): Iterable<{ path: string; at: string }>;
  /** Looks at everything as soon as possible (the clock jumped, the machine woke up). */
  lookNow(): void;
  /**
   * Releases what is kept of a path, or of all below it, and declares what is
   * lost by it a gap. Also of a tailer that was not started, if nobody else runs
   * on its directories.
   */
  forget(path: string): Forgotten[];
}

export function createTail(deps: TailDeps, options: TailOptions = {}): Tail {
  return new FileTail(deps, options);
}

class FileTail implements Tail {
  readonly #deps: TailDeps;
  readonly #table = createFileTable();
  readonly #lanes = createLanes();
  readonly #drained: DrainedLooks;
  readonly #store: CheckpointStore;
  readonly #readers: Readers;
  readonly #status: TailStatus;
  readonly #looks: Looks;
  readonly #watch: Watch;
  readonly #discovery: Discovery;
  readonly #replay: Replay;
  readonly #kept: KeptFiles;
  readonly #gaps: GapLog;
  readonly #keeping: Keeping;
  readonly #departed: Departed;
  readonly #reading: Reading;
  readonly #unreadable: Unreadable;
  #isLoaded = false;
  #closing: Promise<void> | undefined;

  constructor(deps: TailDeps, options: TailOptions) {
    const { clock, log, sources } = deps;
    const files = deps.files ?? systemFiles;
    const splitter = createLineSplitter(files);
    const badLines = openBadLines(deps.badDir);
    this.#kept = openKeptFiles({ directory: deps.keptDir, clock, link: deps.link });
    this.#gaps = openGapLog(deps.checkpointDir, clock);
    this.#departed = createDeparted(this.#gaps);
    this.#unreadable = createUnreadable(() => this.#discovery.lookNumber);
    const common = {
      files, unreadable: this.#unreadable, departed: this.#departed, table: this.#table, lanes: this.#lanes, kept: this.#kept, gaps: this.#gaps,
      now: () => clock.now(), monotonic: () => clock.monotonic(),
    };
    const look = (path: string, source: SourceKind): boolean => this.#looks.look(path, source);
    const sourceOf = (path: string): SourceKind | undefined => this.#sourceOf(path);
    const found = (): void => this.#reading.found();
    this.#deps = deps;
    this.#drained = createDrainedLooks(clock, this.#departed);
    this.#store = this.#openStore();
    this.#readers = createReaders({ ...common, splitter });
    this.#looks = this.#createLooks(common);
    this.#watch = createWatch(
      { ...common, ...(deps.watchers ?? { chokidar: createChokidarWatch, plain: createDirectoryWatch }) },
      {
        changed: (directory, name, isRename) => this.#discovery.changed(directory, name, isRename),
        failed: (directory, error) => this.#discovery.failed(directory, error),
      },
    );
    const walk = createDirectoryWalk(
      { ...common, watch: this.#watch, look, sourceOf, mayHold: (directory) => this.#mayHold(directory), sharedPath: (path) => this.#table.byPath(path)?.path ?? path },
      { ignoredDirectories: new Set([deps.badDir, deps.checkpointDir, deps.keptDir, ...(options.ignoredDirectories ?? [])]) },
    );
    const absences = createAbsences({
      ...common,
      readers: this.#readers,
      exists: (path) => exists(files, path),
      rootState: (root) => walk.rootState(root),
      vanish: (file) => this.#looks.vanish(file),
      drop: (file) => this.#drop(file),
    });
    this.#keeping = createKeeping(
      { ...common, exists: (path) => exists(files, path), drop: (file) => this.#drop(file) },
      { limitBytes: options.keptLimitBytes ?? KEPT_LIMIT_BYTES },
    );
    this.#discovery = createDiscovery({
      clock, log, sources, walk, look, sourceOf, found,
      changes: () => this.#looks.changes,
      relooks: createRelooks({ clock, look, found }),
      renewWatch: (directory) => this.#watch.add(directory, { isActive: false, entries: 0 }),
      lookBelow: (directory) => this.#lookBelow(directory),
      lookEnded: (ended) => {
        absences.lookEnded(ended.number);
        this.#keeping.lookEnded();
        this.#gaps.tidy();
        this.#readers.closeIdle();
        this.#unreadable.lookEnded(ended.number);
        if (this.#unreadable.isEmpty) this.#drained.lookEnded(ended, this.#table.all());
        this.#status.lookEnded();
      },
    });
    this.#status = createTailStatus({
      ...common, drained: this.#drained, store: this.#store, badLines, keeping: this.#keeping,
      problems: () => this.#discovery.problems,
    });
    const slices = createSlices({
      ...common, splitter, badLines, readers: this.#readers, countUnknown: (type) => this.#status.countUnknown(type),
      lost: (gap) => this.#gaps.declare(gap),
    });
    this.#reading = createReading({
      ...common, clock, slices, readers: this.#readers, looks: this.#looks, drained: this.#drained, status: this.#status,
    });
    this.#replay = createReplay({
      ...common, readers: this.#readers, store: this.#store, looks: this.#looks, drained: this.#drained,
      drop: (file) => this.#drop(file),
      lookNow: () => this.#discovery.lookNow(),
    });
  }

  #openStore(): CheckpointStore {
    return openCheckpointStore({
      clock: this.#deps.clock,
      directory: this.#deps.checkpointDir,
      recordOf: (gen) => {
        const file = this.#table.byGeneration(gen);
        return file === undefined ? undefined : toRecord(file);
      },
      generations: () => [...this.#table.all()].map((file) => file.gen),
      before: () => this.#gaps.flush(),
    });
  }

  #createLooks(common: Pick<LooksDeps, 'files' | 'table' | 'lanes' | 'kept' | 'gaps' | 'departed' | 'unreadable' | 'now'>): Looks {
    return createLooks({
      ...common,
      readers: this.#readers,
      lookNumber: () => this.#discovery.lookNumber,
      isFirstLook: () => this.#discovery.isFirstLook,
      touched: (file) => this.#store.mark(file.gen),
      dropped: (old, replacement) => {
        this.#store.mark(old.gen);
        this.#drained.replaced(old, replacement);
        this.#lanes.enqueue(replacement);
      },
    });
  }

  start(): Promise<void> {
    this.#load();
    return this.#discovery.start();
  }

  /** From the checkpoints, then what is kept of files that these do not know: they were lost, or nothing was acknowledged yet. */
  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    for (const record of this.#store.takeLoaded()) {
      const kept = this.#kept.get(record.gen);
      // The very strings that `kept` holds, where they say the same: each once in memory.
      const shared = kept?.path === record.path ? { ...record, gen: kept.gen, path: kept.path } : record;
      this.#table.add(fromRecord(shared, this.#sourceOf(record.path)));
    }
    for (const { gen, path, at } of this.#kept.all()) {
      const measure = this.#kept.measure(gen);
      if (measure === undefined || this.#table.byGeneration(gen) !== undefined) continue;
      const source = path === undefined ? undefined : this.#sourceOf(path);
      this.#table.add(fromKept({ gen, source, path: path ?? at, measure }));
    }
  }

  forget(path: string): Forgotten[] {
    this.#load();
    return this.#keeping.forget(path);
  }

  onWork(listener: () => void): void {
    this.#reading.onWork(listener);
  }

  hasWork(lane: Lane): boolean {
    return this.#reading.hasWork(lane);
  }

  read(lane: Lane, limits: SliceLimits): Slice | undefined {
    return this.#reading.read(lane, limits);
  }

  acknowledge(receipt: SliceReceipt): void {
    const file = this.#table.byGeneration(receipt.gen);
    if (file === undefined) this.#departed.acknowledge(receipt);
    if (file === undefined || !file.positions.acknowledge(receipt)) return;
    if (file.positions.acknowledged.offset >= file.replaceUntil) file.replaceUntil = 0;
    file.acknowledgedAt = this.#deps.clock.now();
    file.acknowledgedTimestamp = receipt.lastTimestamp ?? file.acknowledgedTimestamp;
    this.#store.mark(file.gen);
    this.#drained.progressed(file);
    if (file.wantsLive && !file.positions.hasPending && this.#lanes.enqueue(file)) this.#reading.found();
  }

  *positions(): Iterable<readonly [gen: Generation, offset: number]> {
    for (const file of this.#table.all()) {
      const { offset } = file.positions.acknowledged;
      if (offset > 0) yield [file.gen, offset];
    }
    yield* this.#departed.positions();
  }

  async settle(ledger: readonly Position[]): Promise<Generation[]> {
    const unknown = await this.#replay.settle(ledger);
    this.#reading.found();
    return unknown;
  }

  resync(): boolean {
    const isInDoubt = this.#replay.resync();
    this.#reading.found();
    return isInDoubt;
  }

  async rewind(gen: Generation, to: number, options: { replace: boolean }): Promise<void> {
    await this.#replay.rewind(gen, to, options);
    this.#reading.found();
  }

  async reset(gen: Generation): Promise<void> {
    await this.#replay.reset(gen);
    this.#reading.found();
  }

  untold(): readonly GapReport[] {
    return this.#gaps.untold;
  }

  told(gaps: readonly GapReport[]): void {
    this.#gaps.told(gaps);
  }

  status(): FeedStatus {
    return this.#status.read();
  }

  *linked(): Iterable<{ path: string; at: string }> {
    for (const { path, at, isCopy } of this.#kept.all()) if (path !== undefined && !isCopy) yield { path, at };
  }

  acknowledgedTo(path: string): number | undefined {
    const file = this.#table.byPath(path);
    return file?.presence === 'present' ? file.positions.acknowledged.offset : undefined;
  }

  lookNow(): void {
    this.#discovery.lookNow();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  disown(): void {
    this.#discovery.close();
    this.#gaps.disown();
    this.#store.disown();
  }

  async #close(): Promise<void> {
    this.#discovery.close();
    this.#reading.close();
    await this.#watch.close();
    this.#kept.close();
    this.#gaps.tidy();
    await this.#store.close();
    this.#readers.closeAll();
  }

  #sourceOf(path: string): SourceKind | undefined {
    return this.#deps.sources.find((source) => isBelow(path, source));
  }

  #mayHold(directory: string): boolean {
    return this.#deps.sources.some(({ roots, isFlat }) => roots.some((root) => directory === root || (isFlat !== true && directory.startsWith(root + sep))));
  }

  #lookBelow(directory: string): void {
    for (const file of [...this.#table.all()]) {
      if (file.source !== undefined && file.path.startsWith(directory + sep)) this.#looks.look(file.path, file.source);
    }
  }

  #drop(file: TailedFile): void {
    this.#readers.close(file);
    this.#lanes.remove(file);
    this.#table.remove(file);
    this.#kept.release(file.gen);
    this.#store.mark(file.gen);
    this.#drained.replaced(file, undefined);
  }
}

function isBelow(path: string, source: SourceKind): boolean {
  return source.roots.some((root) => path.startsWith(root + sep)) && source.matches(path);
}

/** Is there a file, as far as can be told? */
function exists(files: FileAccess, path: string): boolean {
  try {
    return files.stat(path).isFile;
  } catch (error) {
    return !isAbsence(error);
  }
}
