import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openRotatingFile } from '../../shared/rotating-file.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

it('turns over at its limit and keeps so many old ones', () => {
  const path = join(directory, 'log', 'agent.log');
  const file = openRotatingFile(path, { limitBytes: 20, kept: 2 });
  for (let line = 1; line <= 9; line += 1) file.write(`line number ${line}\n`);
  expect(readdirSync(join(directory, 'log')).toSorted()).toEqual(['agent.log', 'agent.log.1', 'agent.log.2']);
  expect(readFileSync(path, 'utf8')).toBe('line number 9\n');
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('line number 7\nline number 8\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('goes on in the file that is there, by its size', () => {
  const path = join(directory, 'agent.log');
  openRotatingFile(path, { limitBytes: 20 }).write('before it was restarted\n');
  openRotatingFile(path, { limitBytes: 20 }).write('after\n');
  expect(readFileSync(path, 'utf8')).toBe('after\n');
});

it('does not end the program that logs where the file can not be written', () => {
  const path = join(directory, 'agent.log');
  const file = openRotatingFile(path);
  file.write('one\n');
  rmSync(directory, { recursive: true });
  expect(() => file.write('two\n')).not.toThrow();
  directory = mkdtempSync(join(tmpdir(), 'tt-'));
});
