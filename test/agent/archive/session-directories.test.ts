import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSessionDirectories } from '../../../agent/archive/session-directories.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-directories-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const line = (cwd: string, bytes = 0): string => `${JSON.stringify({ cwd, text: 'x'.repeat(bytes) })}\n`;

it('reads a file that goes on under the same inode as another one from its start, however long it is', () => {
  const path = join(directory, 's.jsonl');
  const directories = createSessionDirectories();
  const read = (content: string): void => {
    writeFileSync(path, content);
    while (!directories.read({ session: 's', path }, Buffer.byteLength(content)));
  };
  read(line('/shop', 50_000));
  read(line('/secret') + line('/shop', 200_000));
  expect([...directories.of('s')]).toEqual(['/shop', '/secret']);
});
