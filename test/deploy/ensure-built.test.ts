import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let checkout = '';

// A checkout of two packages, with an `npm` and a build that only write down that they ran.
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'ensure-built-'));
  mkdirSync(join(checkout, 'deploy'));
  mkdirSync(join(checkout, 'dist'));
  copyFileSync(join(repository, 'deploy/ensure-built.mjs'), join(checkout, 'deploy/ensure-built.mjs'));
  write('package.json', '{"type":"module"}');
  write('package-lock.json', lock('2.0.0'));
  write('deploy/build.ts', "import { appendFileSync } from 'node:fs'; const line: string = 'build\\n'; appendFileSync('ran.log', line);");
  write('bin/npm', '#!/bin/sh\necho "npm $1" >> ran.log\n[ "$1" = ci ] && cp package-lock.json node_modules/.package-lock.json\n[ "$1" = rebuild ] && echo "module.exports = class { close() {} }" > node_modules/better-sqlite3/index.js\nexit 0\n');
  chmodSync(join(checkout, 'bin/npm'), 0o755);
  write('node_modules/.package-lock.json', lock('2.0.0'));
  write('node_modules/better-sqlite3/index.js', 'module.exports = class { close() {} };');
  write('node_modules/better-sqlite3/package.json', '{"type":"commonjs"}');
  symlinkSync(join(repository, 'node_modules/tsx'), join(checkout, 'node_modules/tsx'));
});
afterEach(() => rmSync(checkout, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), text);
}

function lock(version: string): string {
  return JSON.stringify({
    packages: { '': { version: '9.9.9' }, 'node_modules/a': { version }, 'node_modules/for-another-platform': { version: '1.0.0', optional: true } },
  });
}

/** What was run by `ensureBuilt()`. */
function ensureBuilt(): { status: number | null; ran: string[] } {
  rmSync(join(checkout, 'ran.log'), { force: true });
  const { status } = spawnSync(process.execPath, ['-e', "import('./deploy/ensure-built.mjs').then((m) => m.ensureBuilt())"], {
    cwd: checkout,
    env: { ...process.env, PATH: `${join(checkout, 'bin')}:${process.env['PATH'] ?? ''}` },
  });
  const log = join(checkout, 'ran.log');
  return { status, ran: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [] };
}

it('builds once, and again only when a source changes', () => {
  expect(ensureBuilt().ran).toEqual(['build']);
  expect(ensureBuilt().ran).toEqual([]);
  write('shared/new.ts', 'export {};');
  expect(ensureBuilt().ran).toEqual(['build']);
  rmSync(join(checkout, 'shared/new.ts'));
  expect(ensureBuilt().ran).toEqual(['build']);
});

it('installs what the lock wants and is not there', () => {
  write('package-lock.json', lock('2.0.1'));
  expect(ensureBuilt().ran).toEqual(['npm ci', 'build']);
  expect(ensureBuilt().ran).toEqual([]);
});

it('installs where nothing is installed', () => {
  rmSync(join(checkout, 'node_modules/.package-lock.json'));
  expect(ensureBuilt().ran).toEqual(['npm ci', 'build']);
});

it('rebuilds the native module when it does not load', () => {
  write('node_modules/better-sqlite3/index.js', "throw new Error('compiled for another Node');");
  expect(ensureBuilt().ran).toEqual(['npm rebuild', 'build']);
});

it('gives up, and does not call the tree built, when the build fails', () => {
  write('deploy/build.ts', 'process.exit(3);');
  expect(ensureBuilt().status).toBe(3);
  expect(existsSync(join(checkout, 'dist/.built-from'))).toBe(false);
});
