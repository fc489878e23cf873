/**
 * What the machine offers for faults: file systems that can be full, packets
 * that can be lost, clocks that can be wrong. What is missing is left out, and
 * the reason printed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync, writeSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';

export interface Platform {
  /** Programs that run what follows in namespaces of its own; empty where there are none. */
  readonly namespaces: readonly string[];
  readonly hasDisks: boolean;
  readonly hasPackets: boolean;
  /** libfaketime; undefined: clocks are right. */
  readonly clockLibrary: string | undefined;
  /** What is left out, and why. */
  readonly missing: readonly string[];
}

function works(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', env: { ...process.env, PATH: SYSTEM_PATH } }).status === 0;
}

const SYSTEM_PATH = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
const LIBRARY_DIRECTORIES = ['/usr/lib', '/usr/lib64', '/usr/local/lib', ...['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu`)];

/** Mounts and packet filters of a process of its own go with it, whatever becomes of it. */
function findNamespaces(): string[] {
  const ofMount = ['--mount', '--propagation', 'private'];
  for (const asUser of [[], ['--user', '--map-root-user']]) {
    const args = [...ofMount, ...asUser, '--net'];
    if (works('unshare', [...args, 'sh', '-c', 'mount -t tmpfs -o size=1m tt /mnt && ip link set lo up'])) return ['unshare', ...args];
  }
  return [];
}

export function findPlatform(): Platform {
  const namespaces = findNamespaces();
  const [command = '', ...args] = namespaces;
  const hasDisks = namespaces.length > 0;
  const hasPackets = hasDisks && works(command, [...args, 'nft', 'add', 'table', 'ip', 'tt']);
  const clockLibrary = LIBRARY_DIRECTORIES.map((directory) => join(directory, 'faketime', 'libfaketimeMT.so.1')).find((path) => existsSync(path));
  const missing = [
    ...hasDisks ? [] : ['full disks (this user can make no mount namespace)'],
    ...hasPackets ? [] : ['lost packets (no network namespace, or no nft)'],
    ...clockLibrary === undefined ? ['clock jumps (libfaketime is not installed)'] : [],
  ];
  return { namespaces, hasDisks, hasPackets, clockLibrary, missing };
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, PATH: SYSTEM_PATH } });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** A small file system of its own. */
export class Disk {
  readonly #at: string;

  constructor(at: string, megabytes: number) {
    run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tt-torture', at);
    this.#at = at;
  }

  get #ballast(): string {
    return join(this.#at, '.ballast');
  }

  /** All but so many bytes are taken. */
  fill(leave: number): void {
    const { bavail, bsize } = statfsSync(this.#at);
    const fd = openSync(this.#ballast, 'a');
    const block = Buffer.alloc(64 * 1024);
    try {
      for (let left = bavail * bsize - leave; left > 0; left -= block.length) writeSync(fd, block, 0, Math.min(left, block.length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  unmount(): void {
    // Lazily: a process that is just dying may have it open.
    run('umount', '--lazy', this.#at);
  }
}

/** Packets to and from one port of this network namespace. */
export class PacketLoss {
  #isReady = false;

  lose(port: number, percent: number): void {
    if (!this.#isReady) {
      run('nft', 'add', 'table', 'ip', 'tt');
      run('nft', 'add chain ip tt out { type filter hook output priority 0; }');
      this.#isReady = true;
    }
    for (const side of ['dport', 'sport']) {
      run('nft', `add rule ip tt out tcp ${side} ${port} ${percent < 100 ? `numgen random mod 100 < ${percent} ` : ''}drop`);
    }
  }

  heal(): void {
    if (this.#isReady) run('nft', 'flush', 'chain', 'ip', 'tt', 'out');
  }
}

/** The wall clock of one machine's programs; timers go on as they are. */
export class ProgramTime {
  readonly #file: string;
  readonly environment: Record<string, string>;
  offsetMs = 0;

  constructor(library: string, directory: string) {
    this.#file = join(directory, 'clock');
    this.environment = {
      LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1',
    };
    this.set(0);
  }

  set(offsetMs: number): void {
    this.offsetMs = offsetMs;
    const seconds = Math.round(offsetMs / 1000);
    // By rename: a program reads it at any moment.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

export function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}
