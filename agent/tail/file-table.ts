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

export function createFileTable(): FileTable {
  const generations = new Map<Generation | string, TailedFile>();
  const paths = new Map<string, TailedFile>();
  /** Device → inode → file. Of more than one, which is rare, a list: ten thousand lists of one take room. */
  const devices = new Map<number, Map<number, TailedFile | readonly TailedFile[]>>();

  function byInode({ dev, ino }: { dev: number; ino: number }): readonly TailedFile[] {
    return listOf(devices.get(dev)?.get(ino));
  }

  function index(file: TailedFile): void {
    paths.set(file.path, file);
    const inodes = devices.get(file.dev) ?? new Map<number, TailedFile | readonly TailedFile[]>();
    devices.set(file.dev, inodes);
    const same = inodes.get(file.ino);
    inodes.set(file.ino, same === undefined ? file : [...listOf(same), file]);
  }

  function unindex(file: TailedFile): void {
    if (paths.get(file.path) === file) paths.delete(file.path);
    const inodes = devices.get(file.dev);
    const others = listOf(inodes?.get(file.ino)).filter((other) => other !== file);
    if (others.length === 0) inodes?.delete(file.ino);
    else inodes?.set(file.ino, others);
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
    byInode,
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

function listOf(files: TailedFile | readonly TailedFile[] | undefined): readonly TailedFile[] {
  if (files === undefined) return [];
  return 'gen' in files ? [files] : files;
}
