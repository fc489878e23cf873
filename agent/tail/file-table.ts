/** The generations the agent knows, by what each may be looked for. */
import type { Generation } from '../../shared/ids.ts';
import type { TailedFile } from './tailed-file.ts';

export interface FileTable {
  add(file: TailedFile): void;
  remove(file: TailedFile): void;
  byGeneration(gen: string): TailedFile | undefined;
  /** The file that owns the path, be it present or not. */
  byPath(path: string): TailedFile | undefined;
  byInode(inode: { dev: number; ino: number }): readonly TailedFile[];
  /** Its path or inode changed. */
  move(file: TailedFile, to: { path: string; dev: number; ino: number }): void;
  all(): Iterable<TailedFile>;
  readonly size: number;
}

const NONE: readonly TailedFile[] = [];

export function createFileTable(): FileTable {
  const generations = new Map<Generation | string, TailedFile>();
  const paths = new Map<string, TailedFile>();
  const inodes = new Map<string, TailedFile[]>();

  const inodeKey = ({ dev, ino }: { dev: number; ino: number }): string => `${dev}:${ino}`;

  function index(file: TailedFile): void {
    paths.set(file.path, file);
    const key = inodeKey(file);
    const same = inodes.get(key);
    if (same === undefined) inodes.set(key, [file]);
    else same.push(file);
  }

  function unindex(file: TailedFile): void {
    if (paths.get(file.path) === file) paths.delete(file.path);
    const key = inodeKey(file);
    const others = (inodes.get(key) ?? NONE).filter((other) => other !== file);
    if (others.length === 0) inodes.delete(key);
    else inodes.set(key, others);
  }

  return {
    add: (file) => {
      generations.set(file.gen, file);
      index(file);
    },
    remove: (file) => {
      generations.delete(file.gen);
      unindex(file);
    },
    byGeneration: (gen) => generations.get(gen),
    byPath: (path) => paths.get(path),
    byInode: (inode) => inodes.get(inodeKey(inode)) ?? NONE,
    move: (file, to) => {
      unindex(file);
      file.path = to.path;
      file.dev = to.dev;
      file.ino = to.ino;
      index(file);
    },
    all: () => generations.values(),
    get size() {
      return generations.size;
    },
  };
}
