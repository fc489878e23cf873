/**
 * What a power cut could have left on the disk of a real program: its system
 * calls are recorded by strace, and the files are made again as they may have
 * been at every moment that matters. Nothing that was not synced is sure to be
 * there: a write since the last sync of its file may be missing, and each 512
 * bytes of it for themselves; a name since the last sync of its directory, too.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { seededRandom, type SeededRandom } from './seeded-random.ts';

const CALLS = 'openat,write,pwrite64,writev,sendmsg,sendto,fsync,fdatasync,ftruncate,unlink,rename';

/** Words to put before a command; it keeps its process ID, its parent and its end. */
export function recorder(trace: string): string[] {
  return ['strace', '-D', '-f', '--quiet=attach,personality', '--seccomp-bpf', '-y', '-xx', '-s', '16777216', '-e', `trace=${CALLS}`, '-o', trace];
}

/** Undefined where it works, else why it does not. */
export function recorderProblem(): string | undefined {
  const { error, status, stderr } = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (error) return `strace is not installed (${error.message})`;
  return status === 0 ? undefined : `strace does not work here: ${stderr.trim()}`;
}

export function isOver(trace: string): boolean {
  return /\+\+\+ (exited with|killed by) .*\+\+\+\s*$/.test(readFileSync(trace, 'latin1').slice(-200));
}

type Change = { at: number; bytes: Buffer } | { cutTo: number };

class DiskFile {
  durable: Buffer = Buffer.alloc(0);
  pending: Change[] = [];
}

export type Loss = 'all' | 'nothing' | 'some';
export const LOSSES: readonly Loss[] = ['all', 'nothing', 'some'];

/** One directory as its programs see it, and what of it is on the disk for sure. */
class Disk {
  #names = new Map<string, DiskFile>();
  /** What the directory may hold after a crash: as synced, and after each change since. */
  #mayHold: Map<string, DiskFile>[] = [new Map<string, DiskFile>()];
  readonly #position = new Map<string, number>();

  open(name: string, flags: string, fd: string): void {
    let file = this.#names.get(name);
    if (!file) {
      if (!flags.includes('O_CREAT')) return;
      file = new DiskFile();
      this.#rename(() => this.#names.set(name, file ?? new DiskFile()));
    } else if (flags.includes('O_TRUNC')) file.pending.push({ cutTo: 0 });
    this.#position.set(fd, flags.includes('O_APPEND') ? sizeOf(file) : 0);
  }

  write(name: string, fd: string, bytes: Buffer, at: number | undefined): void {
    const start = at ?? this.#position.get(fd) ?? 0;
    if (at === undefined) this.#position.set(fd, start + bytes.length);
    this.#names.get(name)?.pending.push({ at: start, bytes });
  }

  cut(name: string, to: number): void {
    this.#names.get(name)?.pending.push({ cutTo: to });
  }

  remove(name: string): void {
    if (this.#names.has(name)) this.#rename(() => this.#names.delete(name));
  }

  move(from: string, to: string): void {
    const file = this.#names.get(from);
    if (!file) return;
    this.#rename(() => {
      this.#names.delete(from);
      this.#names.set(to, file);
    });
  }

  /** How much a sync that starts now covers. */
  syncing(name: string): number {
    return this.#names.get(name)?.pending.length ?? 0;
  }

  synced(name: string, count: number): void {
    const file = this.#names.get(name);
    if (file) file.durable = applied(file.durable, file.pending.splice(0, count));
  }

  directorySynced(): void {
    this.#mayHold = [new Map(this.#names)];
  }

  put(directory: string, loss: Loss, random: SeededRandom): void {
    const at = { all: 0, nothing: this.#mayHold.length - 1, some: random.between(0, this.#mayHold.length - 1) }[loss];
    for (const [name, file] of this.#mayHold[at] ?? []) {
      const kept = loss === 'all' ? [] : loss === 'nothing' ? file.pending : file.pending.flatMap((change) => torn(change, random));
      writeFileSync(join(directory, name), applied(file.durable, kept), { mode: 0o600 });
    }
  }

  #rename(change: () => void): void {
    change();
    this.#mayHold.push(new Map(this.#names));
  }
}

const SECTOR = 512;

function torn(change: Change, random: SeededRandom): Change[] {
  if ('cutTo' in change) return random.chance(0.5) ? [change] : [];
  const parts: Change[] = [];
  for (let start = 0; start < change.bytes.length;) {
    const end = Math.min(change.bytes.length, start + SECTOR - ((change.at + start) % SECTOR));
    if (random.chance(0.5)) parts.push({ at: change.at + start, bytes: change.bytes.subarray(start, end) });
    start = end;
  }
  return parts;
}

function applied(content: Buffer, changes: readonly Change[]): Buffer {
  let bytes = Buffer.from(content);
  for (const change of changes) {
    const end = 'cutTo' in change ? change.cutTo : Math.max(bytes.length, change.at + change.bytes.length);
    if (end !== bytes.length) bytes = Buffer.concat([bytes.subarray(0, end), Buffer.alloc(Math.max(0, end - bytes.length))]);
    if ('bytes' in change) change.bytes.copy(bytes, change.at);
  }
  return bytes;
}

function sizeOf(file: DiskFile): number {
  return applied(file.durable, file.pending).length;
}

export interface CrashPoint {
  /** Number of the system call before which the power fails. */
  call: number;
  loss: Loss;
  /** Files as they are found afterwards. */
  directory: string;
  /** What the program had said to others by then: everything it wrote to no file. */
  said: readonly string[];
}

export interface Replayed {
  points: number;
  syncs: number;
  said: readonly string[];
}

export interface ReplayOptions {
  trace: string;
  /** The directory whose files are made again. */
  of: string;
  isTold: (name: string) => boolean;
  /** Where to make them; emptied each time. */
  into: string;
  seed: number;
  /** Only what holds this is kept of `said`. */
  saying: string;
  check: (point: CrashPoint) => void;
}

interface Call {
  name: string;
  args: string;
}

/** Visits every moment before a sync, a removal, a cut and an answer, three times each: nothing unsynced is lost, all is, some is. */
export function replay({ trace, of, isTold, into, seed, saying, check }: ReplayOptions): Replayed {
  const disk = new Disk();
  const random = seededRandom(seed);
  const said: string[] = [];
  const running = new Map<string, Call & { covered: number }>();
  let points = 0;
  let syncs = 0;
  let number = 0;
  const visit = (): void => {
    for (const loss of LOSSES) {
      points += 1;
      rmSync(into, { recursive: true, force: true });
      mkdirSync(into, { recursive: true, mode: 0o700 });
      disk.put(into, loss, random);
      check({ call: number, loss, directory: into, said });
    }
  };
  const nameOf = (path: string): string | undefined => (dirname(path) === of && isTold(basename(path)) ? basename(path) : undefined);
  const begin = ({ name, args }: Call): void => {
    if (!/^(write|pwrite64|writev|sendmsg|sendto)$/.test(name)) return;
    const fd = fdOf(args);
    const file = fd && nameOf(fd.path);
    if (file !== undefined && fd) {
      const at = name === 'pwrite64' ? Number(/, (\d+)$/.exec(args)?.[1]) : undefined;
      disk.write(file, `${fd.number} ${file}`, textsOf(args)[0] ?? Buffer.alloc(0), at);
      return;
    }
    const text = Buffer.concat(textsOf(args)).toString('latin1');
    if (!text.includes(saying)) return;
    visit();
    said.push(text);
  };
  const end = ({ name, args }: Call, result: number, covered: number): void => {
    if (result < 0) return;
    const fd = fdOf(args);
    const file = fd && nameOf(fd.path);
    if (name === 'openat') {
      const path = textsOf(args)[0]?.toString() ?? '';
      const opened = nameOf(path);
      if (opened !== undefined) disk.open(opened, args, `${result} ${opened}`);
    } else if (name === 'fsync' || name === 'fdatasync') {
      if (fd?.path !== of && file === undefined) return;
      visit();
      syncs += 1;
      if (file === undefined) disk.directorySynced();
      else disk.synced(file, covered);
    } else if (name === 'ftruncate' && file !== undefined) {
      visit();
      disk.cut(file, Number(/, (\d+)$/.exec(args)?.[1]));
    } else if (name === 'unlink' || name === 'rename') {
      const [from = '', to = ''] = textsOf(args).map((bytes) => bytes.toString());
      if (dirname(from) !== of) return;
      visit();
      if (name === 'unlink') disk.remove(basename(from));
      else disk.move(basename(from), basename(to));
    }
  };
  const covers = ({ name, args }: Call): number => {
    const fd = name === 'fsync' || name === 'fdatasync' ? fdOf(args) : undefined;
    const file = fd && nameOf(fd.path);
    return file === undefined ? 0 : disk.syncing(file);
  };
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    number += 1;
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const whole = /^(\w+)\((.*)\) += (-?\d+)/.exec(rest);
    const started = /^(\w+)\((.*) <unfinished \.\.\.>$/.exec(rest);
    const resumed = /^<\.\.\. \w+ resumed>.*\) += (-?\d+)/.exec(rest);
    if (whole) {
      const call = { name: whole[1] ?? '', args: whole[2] ?? '' };
      begin(call);
      end(call, Number(whole[3]), covers(call));
    } else if (started) {
      const call = { name: started[1] ?? '', args: (started[2] ?? '').replace(/,$/, '') };
      begin(call);
      running.set(thread, { ...call, covered: covers(call) });
    } else if (resumed) {
      const call = running.get(thread);
      running.delete(thread);
      if (call) end(call, Number(resumed[1]), call.covered);
    }
  }
  visit();
  return { points, syncs, said };
}

function fdOf(args: string): { number: string; path: string } | undefined {
  const [, number, path] = /^(\d+)<([^>]*)>/.exec(args) ?? [];
  return number === undefined || path === undefined ? undefined : { number, path: unescaped(path).toString() };
}

function textsOf(args: string): Buffer[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)].map(([, text = '', cut]) => {
    if (cut !== undefined) throw new Error('the recording is cut off');
    return unescaped(text);
  });
}

function unescaped(text: string): Buffer {
  return text.includes('\\x') ? Buffer.from(text.replaceAll('\\x', ''), 'hex') : Buffer.from(text);
}
