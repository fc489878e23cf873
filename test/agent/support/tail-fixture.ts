import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SourceKind } from '../../../agent/extraction.ts';
import type { Slice } from '../../../agent/feed.ts';
import { systemFiles, type FileAccess } from '../../../agent/tail/file-access.ts';
import { createTail, type Tail, type TailDeps, type TailOptions } from '../../../agent/tail/tail.ts';
import type { DirectoryWatcher, WatchEvents } from '../../../agent/tail/watcher.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Lane } from '../../../shared/protocol/frames.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { lineSource } from './line-source.ts';

export const LIMITS = { targetBytes: 96 * 1024, maxEvents: 500 };

/** Calls of a `FileAccess`, and faults put into it. */
export interface CountedFiles extends FileAccess {
  opened: number;
  bytesRead: number;
  stats: number;
  /** Path → code with which it can not be opened. */
  fail: Map<string, string>;
  /** Path → code with which it can not be looked at, or as a directory not be read. */
  failLook: Map<string, string>;
  /** Code with which nothing that is open can be asked or closed any more. */
  failOpen: string | undefined;
  /** Descriptors that were opened and not closed. */
  descriptors: Set<number>;
}

export function countFiles(): CountedFiles {
  const throwIfAsked = (code: string | undefined): void => {
    if (code !== undefined) refuse(code);
  };
  const counted: CountedFiles = {
    ...systemFiles,
    opened: 0, bytesRead: 0, stats: 0, fail: new Map(), failLook: new Map(), failOpen: undefined, descriptors: new Set(),
    stat: (path) => {
      counted.stats += 1;
      throwIfAsked(counted.failLook.get(path));
      return systemFiles.stat(path);
    },
    readDirectory: (path) => {
      throwIfAsked(counted.failLook.get(path));
      return systemFiles.readDirectory(path);
    },
    fstat: (fd) => {
      throwIfAsked(counted.failOpen);
      return systemFiles.fstat(fd);
    },
    close: (fd) => {
      systemFiles.close(fd);
      counted.descriptors.delete(fd);
      throwIfAsked(counted.failOpen);
    },
    open: (path) => {
      throwIfAsked(counted.fail.get(path));
      counted.opened += 1;
      const fd = systemFiles.open(path);
      counted.descriptors.add(fd);
      return fd;
    },
    read: (fd, buffer, position) => {
      const count = systemFiles.read(fd, buffer, position);
      counted.bytesRead += count;
      return count;
    },
  };
  return counted;
}

/** Fails as the system does. */
export function refuse(code: string): never {
  throw Object.assign(new Error(code), { code });
}

/** A watcher that says what the test tells it to say. */
export class ToldWatcher implements DirectoryWatcher {
  readonly directories = new Set<string>();
  readonly added: string[] = [];
  readonly #events: WatchEvents;

  constructor(events: WatchEvents) {
    this.#events = events;
  }

  add(directory: string): void {
    this.directories.add(directory);
    this.added.push(directory);
  }

  remove(directory: string): void {
    this.directories.delete(directory);
  }

  close(): Promise<void> {
    this.directories.clear();
    return Promise.resolve();
  }

  /** Says it only for a watched directory, as the system would. */
  tell(path: string, isRename = false): void {
    const directory = dirname(path);
    if (this.directories.has(directory)) this.#events.changed(directory, path.slice(directory.length + 1), isRename);
  }

  fail(directory: string, code: string): void {
    this.#events.failed(directory, Object.assign(new Error(code), { code }));
  }
}

/** A tailer on real files, a manual clock and a watcher that says nothing unless told. */
export class TailFixture {
  readonly top = mkdtempSync(join(tmpdir(), 'tt-tail-'));
  readonly root = join(this.top, 'root');
  readonly checkpointDir = join(this.top, 'checkpoints');
  readonly badDir = join(this.top, 'bad');
  readonly keptDir = join(this.top, 'kept');
  readonly clock = new ManualClock(Date.now());
  readonly files = countFiles();
  sources: SourceKind[] = [lineSource([this.root])];
  watcher: ToldWatcher | undefined;
  woken = 0;
  #tail: Tail | undefined;

  constructor() {
    mkdirSync(this.root);
  }

  get tail(): Tail {
    if (this.#tail === undefined) throw new Error('open it first');
    return this.#tail;
  }

  async open(deps: Partial<TailDeps> = {}, options: TailOptions = {}, how: 'started' | 'not started' = 'started'): Promise<Tail> {
    this.#tail = createTail({
      clock: this.clock, log: silentLog, sources: this.sources, checkpointDir: this.checkpointDir, badDir: this.badDir, keptDir: this.keptDir,
      files: this.files,
      watchers: { chokidar: null, plain: (events) => (this.watcher = new ToldWatcher(events)) },
      ...deps,
    }, options);
    this.#tail.onWork(() => {
      this.woken += 1;
    });
    if (how === 'started') await this.#tail.start();
    return this.#tail;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  write(name: string, content: string | Buffer): string {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  append(name: string, content: string | Buffer): void {
    appendFileSync(this.path(name), content);
  }

  look(): void {
    this.tail.lookNow();
    this.clock.advance(0);
  }

  readAll(lane?: Lane, limits = LIMITS): Slice[] {
    const slices: Slice[] = [];
    for (const each of lane === undefined ? (['live', 'backfill'] as const) : [lane]) {
      while (this.tail.hasWork(each)) {
        const slice = this.tail.read(each, limits);
        if (slice !== undefined) slices.push(slice);
      }
    }
    return slices;
  }

  acknowledgeAll(slices: readonly Slice[]): void {
    for (const slice of slices) this.tail.acknowledge(slice.receipt);
  }

  /** Looks, reads everything and acknowledges it; the lines it got. */
  drain(): string[] {
    this.look();
    const slices = this.readAll();
    this.acknowledgeAll(slices);
    return linesOf(slices);
  }

  async reopen(deps: Partial<TailDeps> = {}): Promise<Tail> {
    await this.tail.close();
    return this.open(deps);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail?.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

export function linesOf(slices: readonly Slice[]): string[] {
  return slices.flatMap((slice) => slice.printed.map((text) => {
    const event: unknown = JSON.parse(text);
    if (typeof event !== 'object' || event === null || !('line' in event) || typeof event.line !== 'string') throw new Error(text);
    return event.line;
  }));
}
