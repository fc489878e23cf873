/**
 * What the operating system does behind the product's back, held still: threads
 * of the platform (signatures, fsync) answer in the order of the simulated
 * clock, chance comes from the seed, and descriptors of a killed program are closed.
 *
 * It replaces functions of Node itself for the whole process, so it is only for a
 * process of its own (vitest gives each test file one; the command line is one).
 */
import crypto, { type webcrypto } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { SeededRandom } from '../support/seeded-random.ts';

export interface Platform {
  /** Runs `task` when the disk has taken what was written to the file at `path`; never, if its program is dead by then. */
  synced(path: string, task: () => void): void;
  /** Before a file named so is opened, renamed or synced. */
  touched(path: string): void;
  random: SeededRandom;
}

type Descriptor = number;

let current: Platform | undefined;
const descriptors = new Map<Descriptor, string>();
let isHeld = false;

/** From now on `platform` decides. Undefined: the system does again, apart from signatures. */
export function usePlatform(platform: Platform | undefined): void {
  if (!isHeld) hold();
  current = platform;
}

/** What the kernel does when a program dies. */
export function closeDescriptorsBelow(directory: string): void {
  for (const [fd, path] of descriptors) if (path.startsWith(`${directory}/`)) fs.closeSync(fd);
}

export function openInodes(): Set<number> {
  return new Set([...descriptors.keys()].map((fd) => fs.fstatSync(fd).ino));
}

function hold(): void {
  isHeld = true;
  holdFiles();
  holdChance();
  holdSignatures();
  syncBuiltinESMExports();
}

function holdFiles(): void {
  const { openSync, closeSync, fdatasync, fsyncSync, renameSync } = fs;
  fs.openSync = ((path: fs.PathLike, ...rest: [fs.OpenMode, fs.Mode?]) => {
    current?.touched(String(path));
    const fd = openSync(path, ...rest);
    descriptors.set(fd, String(path));
    return fd;
  }) as typeof fs.openSync;
  fs.closeSync = (fd) => {
    descriptors.delete(fd);
    closeSync(fd);
  };
  fs.renameSync = (from, to) => {
    current?.touched(String(from));
    renameSync(from, to);
  };
  const fdatasyncHeld = (fd: number, callback: fs.NoParamCallback): void => {
    const path = descriptors.get(fd);
    if (current === undefined || path === undefined) fdatasync(fd, callback);
    else current.synced(path, () => callback(null));
  };
  fs.fdatasync = Object.assign(fdatasyncHeld, { __promisify__: fdatasync.__promisify__ });
  // A crash of the simulation takes a program, never the page cache: syncing would only cost time.
  fs.fsyncSync = (fd) => {
    if (current === undefined) fsyncSync(fd);
  };
}

function holdChance(): void {
  const { randomBytes } = crypto;
  const held = (size: number): Buffer => current?.random.bytes(size) ?? randomBytes(size);
  crypto.randomBytes = held as typeof crypto.randomBytes;
}

/**
 * Signatures without the thread pool, and without their cost: a hash in the
 * name of the public key. Nobody forges anything here.
 */
function holdSignatures(): void {
  const { subtle } = globalThis.crypto;
  const keys = new Map<string, Promise<webcrypto.CryptoKey>>();
  const names = new WeakMap<webcrypto.CryptoKey, string>();
  const importKey = subtle.importKey.bind(subtle) as (...args: unknown[]) => Promise<webcrypto.CryptoKey>;
  const signature = (key: webcrypto.CryptoKey, data: Uint8Array): Buffer => crypto.createHash('sha512').update(names.get(key) ?? '').update(data).digest();
  const held = {
    sign: (_algorithm: unknown, key: webcrypto.CryptoKey, data: Uint8Array) => Promise.resolve(new Uint8Array(signature(key, data)).buffer),
    verify: (_algorithm: unknown, key: webcrypto.CryptoKey, signed: Uint8Array, data: Uint8Array) => Promise.resolve(signature(key, data).equals(signed)),
    importKey: (...args: unknown[]) => {
      const name = JSON.stringify(args);
      const known = keys.get(name) ?? importKey(...args).then((key) => {
        names.set(key, publicHalf(args[1]));
        return key;
      });
      keys.set(name, known);
      return known;
    },
  };
  for (const [name, value] of Object.entries(held)) Object.defineProperty(subtle, name, { value, configurable: true });
}

function publicHalf(jwk: unknown): string {
  return typeof jwk === 'object' && jwk !== null && 'x' in jwk && typeof jwk.x === 'string' ? jwk.x : '';
}
