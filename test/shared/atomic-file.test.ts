import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-atomic-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('an atomic write', () => {
  it('replaces the whole file, for its owner only, and leaves nothing beside it', () => {
    const file = join(directory, 'a.json');
    writeFileAtomic(file, 'a long first version');
    writeFileAtomic(file, Buffer.from('short'));
    expect(readFileSync(file, 'utf8')).toBe('short');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['a.json']);
  });

  it('leaves the old one and no temporary file when the rename fails', () => {
    const file = join(directory, 'a');
    mkdirSync(file);
    writeFileSync(join(file, 'inside'), 'x');
    expect(() => writeFileAtomic(file, 'new')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(directory)).toEqual(['a']);
    expect(readFileSync(join(file, 'inside'), 'utf8')).toBe('x');
  });

  it('says so when the directory is missing', () => {
    expect(() => writeFileAtomic(join(directory, 'none', 'a'), 'x')).toThrow(/ENOENT/);
  });

  const canMount = process.platform === 'linux' && process.getuid?.() === 0
    && spawnSync('unshare', ['-m', 'true']).status === 0;
  it.skipIf(!canMount)('leaves the old one and no temporary file when the disk is full (needs root and Linux)', () => {
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tt-full', directory], { encoding: 'utf8' });
    expect(mount).toMatchObject({ status: 0, stderr: '' });
    try {
      const file = join(directory, 'a');
      writeFileAtomic(file, 'old');
      expect(() => writeFileAtomic(file, Buffer.alloc(1024 * 1024, 'x'))).toThrow(/ENOSPC/);
      expect(readdirSync(directory)).toEqual(['a']);
      expect(readFileSync(file, 'utf8')).toBe('old');
    } finally {
      execFileSync('umount', [directory]);
    }
  });
});

describe('reading what may not be there', () => {
  it('tells missing from empty and from unreadable', () => {
    const file = join(directory, 'a');
    expect(readFileIfExists(file)).toBeUndefined();
    writeFileSync(file, '');
    expect(readFileIfExists(file)).toBe('');
    expect(() => readFileIfExists(directory)).toThrow(/EISDIR/);
  });
});

describe('a private directory', () => {
  it.skipIf(process.platform !== 'linux')('fails at once where a parent exists and takes no child (needs Linux)', () => {
    expect(() => makePrivateDirectory('/proc/tt/deeper')).toThrow(/ENOENT/);
  });

  it('is made with its parents, for its owner only, and may exist', () => {
    const path = join(directory, 'x', 'y');
    makePrivateDirectory(path);
    makePrivateDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(directory, 'x')).mode & 0o777).toBe(0o700);
  });
});
