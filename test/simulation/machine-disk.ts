/**
 * The files of one machine that others write: real files, whose inodes, births
 * and times are simulated, so that a seed repeats on every file system and the
 * traps of the worst one (ext4 gives an inode to the next file at once, times
 * come in ticks of 4 ms) are always there.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemFiles, type FileAccess, type FileStat } from '../../agent/tail/file-access.ts';
import { openInodes } from './platform.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

export interface DiskEvents {
  /** A name or a content changed, as a watcher of its directory would hear. */
  changed(path: string, isRename: boolean): void;
}

interface Node {
  ino: number;
  birthMs: number;
  mtimeMs: number;
}

const TICK_MS = 4;

export class MachineDisk {
  readonly #now: () => number;
  readonly #random: SeededRandom;
  readonly #events: DiskEvents;
  readonly #nodes = new Map<number, Node>();
  #freed: { ino: number; realIno: number }[] = [];
  #nextIno = 1000;
  /** Contents written within one tick still differ in time: equal size and time is what no tailer can tell. */
  #writes = 0;

  constructor(now: () => number, random: SeededRandom, events: DiskEvents) {
    this.#now = now;
    this.#random = random;
    this.#events = events;
  }

  /** What a tailer of this machine sees. */
  get access(): FileAccess {
    return {
      ...systemFiles,
      stat: (path) => this.#seen(systemFiles.stat(path)),
      fstat: (fd) => this.#seen(systemFiles.fstat(fd)),
    };
  }

  #seen(stat: FileStat): FileStat {
    const { ino, birthMs, mtimeMs } = this.#node(stat.ino);
    return { ...stat, dev: 1, ino, birthMs, mtimeMs };
  }

  #node(realIno: number): Node {
    const known = this.#nodes.get(realIno);
    if (known !== undefined) return known;
    const node = { ino: this.#nextIno++, birthMs: this.#now(), mtimeMs: this.#tick() };
    this.#nodes.set(realIno, node);
    return node;
  }

  #tick(): number {
    return Math.floor(this.#now() / TICK_MS) * TICK_MS;
  }

  #written(path: string): void {
    this.#node(statSync(path).ino).mtimeMs = this.#tick() + (this.#writes++ % 4096) / 4096;
  }

  #named(path: string): void {
    this.#node(statSync(dirname(path)).ino).mtimeMs = this.#tick();
    this.#events.changed(path, true);
  }

  #created(path: string): void {
    const reused = this.#random.chance(0.7) ? this.#takeFreed() : undefined;
    const now = this.#now();
    this.#nodes.set(statSync(path).ino, { ino: reused ?? this.#nextIno++, birthMs: now, mtimeMs: this.#tick() });
    this.#named(path);
  }

  /** An inode is free only when nobody has its file open. */
  #takeFreed(): number | undefined {
    const open = openInodes();
    const index = this.#freed.findLastIndex(({ realIno }) => !open.has(realIno));
    return index === -1 ? undefined : this.#freed.splice(index, 1)[0]?.ino;
  }

  #freeing(path: string): void {
    const { ino, nlink } = statSync(path);
    const node = this.#nodes.get(ino);
    if (node === undefined || nlink > 1) return;
    this.#freed.push({ ino: node.ino, realIno: ino });
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  content(path: string): Buffer {
    return readFileSync(path);
  }

  /** Has it a second name? */
  isLinked(path: string): boolean {
    return statSync(path).nlink > 1;
  }

  birthOf(path: string): number {
    return this.#node(statSync(path).ino).birthMs;
  }

  makeDirectory(path: string): void {
    if (existsSync(path)) return;
    this.makeDirectory(dirname(path));
    mkdirSync(path);
    this.#created(path);
  }

  append(path: string, bytes: Buffer | string): void {
    const isNew = !existsSync(path);
    if (isNew) this.makeDirectory(dirname(path));
    appendFileSync(path, bytes);
    if (isNew) this.#created(path);
    this.#written(path);
    this.#events.changed(path, false);
  }

  truncate(path: string, size: number): void {
    truncateSync(path, size);
    this.#written(path);
    this.#events.changed(path, false);
  }

  /** As an editor does: a new file under another name takes the place of the old one. */
  replace(path: string, bytes: Buffer | string): void {
    const next = `${path}.new`;
    writeFileSync(next, bytes);
    this.#created(next);
    this.#written(next);
    this.#freeing(path);
    renameSync(next, path);
    this.#named(path);
  }

  rename(from: string, to: string): void {
    this.makeDirectory(dirname(to));
    renameSync(from, to);
    this.renamed(from, to);
  }

  /** Somebody else renamed it already. */
  renamed(from: string, to: string): void {
    this.#named(from);
    this.#named(to);
  }

  remove(path: string): void {
    this.#freeing(path);
    unlinkSync(path);
    this.#named(path);
  }

  list(directory: string): string[] {
    return existsSync(directory) ? readdirSync(directory) : [];
  }
}
