// The shape of the source tree (docs/ explains the reasons). Each rule is first shown to fail on a
// planted violation, then applied to the tree itself.
//
// How programs are put together: a part never builds what it uses. Everything is wired in
// agent/agent.ts and collector/collector.ts, which receive clock, environment and streams from
// their main.ts; that is why only a handful of files may touch `process` or the clock.
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isSql, nameViolations, packageOf, violationsOf, type RuleOptions, type Violation } from './support/architecture-rules.ts';
import { factsOf, importCycles, readTree } from './support/import-graph.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const options: RuleOptions = {
  everywhere: new Set(['zod', 'hono']),
  // `import { z }` puts 0.5 MB of zod's translations into the agent.
  unshakable: new Set(['zod#z']),
  testOnly: new Set(['vitest', 'fast-check', 'playwright-core', '@axe-core/playwright', 'ccusage', 'oxc-parser']),
  ambientAllowed: [
    'agent/main.ts', 'collector/launch.ts', 'collector/main.ts', 'collector/writer/worker.ts', 'shared/clock.ts', 'shared/lifecycle.ts',
    'deploy/', 'collector/web/',
    // The time in front of a log line is read by people only.
    'shared/log.ts',
  ],
  entryPoints: new Set([
    'agent/main.ts', 'collector/launch.ts', 'collector/main.ts', 'collector/writer/worker.ts', 'collector/answers/worker.ts', 'collector/search/worker.ts', 'collector/handover/step-worker.ts', 'collector/web/main.tsx',
    'deploy/start.ts', 'deploy/build.ts', 'deploy/test.mjs', 'deploy/start.mjs',
  ]),
};

function check(files: Record<string, string>): Violation[] {
  return violationsOf(factsOf(new Map(Object.entries(files))), options);
}

/** `rule path:line` of each violation. */
function found(files: Record<string, string>): string[] {
  return check(files).map(({ rule, path, line }) => `${rule} ${path}:${line}`);
}

const empty = 'export {};';

describe('who imports whom', () => {
  const targets = {
    'shared/s.ts': empty, 'agent/a.ts': empty, 'collector/c.ts': empty, 'collector/web/w.ts': empty, 'deploy/d.ts': empty, 'test/t.ts': empty,
  };

  it.each([
    ['agent/x.ts', '../collector/c.ts'],
    ['agent/x.ts', '../deploy/d.ts'],
    ['agent/x.ts', '../test/t.ts'],
    ['collector/x.ts', '../agent/a.ts'],
    ['collector/x.ts', './web/w.ts'],
    ['collector/web/x.ts', '../c.ts'],
    ['collector/web/x.ts', '../../agent/a.ts'],
    ['shared/x.ts', '../agent/a.ts'],
    ['shared/x.ts', '../collector/c.ts'],
    ['shared/deep/x.ts', '../../collector/web/w.ts'],
    ['deploy/x.ts', '../test/t.ts'],
  ])('refuses %s importing %s', (path, specifier) => {
    expect(found({ ...targets, [path]: `import '${specifier}';` })).toEqual([`crossing ${path}:1`]);
  });

  it.each([
    ['a type', "import type { A } from '../agent/a.ts';"],
    ['a re-export', "export { a } from '../agent/a.ts';"],
    ['a re-export of everything', "export * from '../agent/a.ts';"],
    ['a lazy import', "export const a = () => import('../agent/a.ts');"],
    ['the type of an import', "export type A = import('../agent/a.ts').A;"],
    ['a thread', "export const url = new URL('../agent/a.ts', import.meta.url);"],
  ])('sees %s', (_what, source) => {
    expect(found({ ...targets, 'collector/x.ts': source })).toEqual(['crossing collector/x.ts:1']);
  });

  it.each([
    ['deploy/x.ts', '../agent/a.ts'],
    ['deploy/x.ts', '../collector/c.ts'],
    ['agent/x.ts', '../shared/s.ts'],
    ['collector/web/x.ts', '../../shared/s.ts'],
    ['test/x.ts', '../collector/web/w.ts'],
  ])('allows %s importing %s', (path, specifier) => {
    expect(found({ ...targets, [path]: `import '${specifier}';` })).toEqual([]);
  });

  it('lets the page know the collector’s types, and nothing more', () => {
    const page = { ...targets, 'collector/web/x.ts': "import { type C } from '../c.ts';\nimport { type D, d } from '../c.ts';" };
    expect(found(page)).toEqual(['crossing collector/web/x.ts:2']);
  });

  it('ignores imports in comments and texts', () => {
    expect(found({ ...targets, 'agent/x.ts': "// import '../collector/c.ts';\nexport const a = \"import '../collector/c.ts'\";" })).toEqual([]);
  });

  it('refuses to import what starts a program, but not to start it in a thread', () => {
    const program = { 'collector/writer/worker.ts': empty };
    expect(found({ ...program, 'collector/x.ts': "import './writer/worker.ts';" })).toEqual(['entry point collector/x.ts:1']);
    expect(found({ ...program, 'collector/x.ts': "export const url = new URL('./writer/worker.ts', import.meta.url);" })).toEqual([]);
  });

  it('finds cycles of any length, types included, and names the path', () => {
    const files = {
      'shared/a.ts': "import type { B } from './b.ts';",
      'shared/b.ts': "export { c } from './c.ts';",
      'shared/c.ts': "export const a = () => import('./a.ts');",
      'shared/d.ts': "import './a.ts';",
    };
    expect(importCycles(factsOf(new Map(Object.entries(files))))).toEqual([['shared/a.ts', 'shared/b.ts', 'shared/c.ts', 'shared/a.ts']]);
    expect(found(files)).toEqual(['cycle shared/a.ts:1']);
  });

  it('does not take two roads to one file for a cycle', () => {
    expect(found({
      'shared/a.ts': "import './b.ts';\nimport './c.ts';", 'shared/b.ts': "import './d.ts';", 'shared/c.ts': "import './d.ts';", 'shared/d.ts': empty,
    })).toEqual([]);
  });
});

describe('outside packages', () => {
  it('have one importing file', () => {
    expect(found({ 'agent/a.ts': "import ws from 'ws';", 'shared/b.ts': "\nimport type { WebSocket } from 'ws';" })).toEqual(['package shared/b.ts:2']);
    expect(found({ 'agent/a.ts': "import '@scope/p/x';", 'agent/b.ts': "import '@scope/p/y';", 'agent/c.ts': "import '@scope/q';" })).toEqual(['package agent/b.ts:1']);
  });

  it('are free in tests, and where they are a language rather than a service', () => {
    expect(found({ 'agent/a.ts': "import * as z from 'zod'; import 'hono/jsx'; import 'node:fs';", 'collector/b.ts': "import * as z from 'zod'; import 'hono'; import 'node:fs';" })).toEqual([]);
    expect(found({ 'test/a.ts': "import 'ws';", 'agent/b.ts': "import 'ws';" })).toEqual([]);
  });

  it('are imported in the form that a bundler can shake', () => {
    const files = { 'shared/a.ts': "import { z } from 'zod';", 'shared/b.ts': "import * as z from 'zod';", 'shared/c.ts': "import type { z } from 'zod'; import { toJSONSchema } from 'zod';" };
    expect(found(files)).toEqual(['bundle shared/a.ts:1']);
  });

  it('stay out of the product when they are for tests', () => {
    expect(found({ 'shared/a.ts': "import 'vitest';" })).toEqual(['package shared/a.ts:1']);
  });
});

describe('SQL', () => {
  it.each([
    'SELECT a, b FROM events', 'select id\n  from events', 'WITH x AS (SELECT 1 AS a FROM t) SELECT a FROM x', 'INSERT INTO t VALUES (1)',
    'insert or ignore into t values (?)', 'UPDATE t SET a = 1', 'DELETE FROM t', 'PRAGMA journal_mode = WAL', 'CREATE TABLE t (a)',
    'create unique index i on t (a)', 'BEGIN IMMEDIATE',
  ])('is recognised: %s', (text) => {
    expect(isSql(text)).toBe(true);
  });

  it.each(['Select a machine from the list', 'choose what to update, then set it', 'delete', 'created from a table', 'from', 'Please select one from these'])(
    'is not prose: %s',
    (text) => {
      expect(isSql(text)).toBe(false);
    },
  );

  it('stays in collector/store/', () => {
    const query = 'export const q = `SELECT ${1} FROM t`;';
    expect(found({ 'collector/store/a.ts': query, 'test/a.ts': query })).toEqual([]);
    expect(found({ 'collector/http/a.ts': `\n${query}`, 'shared/b.ts': "export const q = 'DELETE FROM t';" })).toEqual(['sql collector/http/a.ts:2', 'sql shared/b.ts:1']);
    expect(found({ 'collector/a.ts': "export const u = new URL('./store/migrations/1.sql', import.meta.url);" })).toEqual(['sql collector/a.ts:1']);
    expect(nameViolations(['collector/store/migrations/1.sql', 'collector/schema.sql'])).toMatchObject([{ path: 'collector/schema.sql' }]);
  });
});

describe('the world outside', () => {
  it.each([
    'process.exit(1)', "process.env['A']", 'globalThis.process.pid', 'console.log(1)', 'Date.now()', '[1].map(Date.now)', 'Math.random()', 'performance.now()',
    'new Date()', 'AbortSignal.timeout(1)', 'setTimeout(() => {}, 1)', 'setInterval(() => {}, 1)',
  ])('is touched by %s only where it is allowed', (expression) => {
    const source = `export const a = ${expression};`;
    expect(found({ 'agent/tail/a.ts': source })).toContain('ambient agent/tail/a.ts:1');
    expect(found({ 'agent/main.ts': source, 'shared/clock.ts': source, 'deploy/x.ts': source, 'collector/web/a.ts': source, 'test/a.ts': source })).toEqual([]);
  });

  it.each(['new Date(0)', 'Date.parse("2026-01-01")', 'Math.max(1, 2)', 'clock.setTimeout(1)', 'deps.process.exit', 'performance'])('is not touched by %s', (expression) => {
    expect(found({ 'agent/a.ts': `export const a = ${expression};` })).toEqual([]);
  });

  it('cannot be imported instead', () => {
    expect(found({ 'agent/a.ts': "import { setTimeout } from 'node:timers/promises';", 'agent/b.ts': "import { exit } from 'node:process';" }))
      .toEqual(['ambient agent/a.ts:1', 'ambient agent/b.ts:1']);
  });

  it('is another program for one file only', () => {
    expect(found({
      'collector/tunnel.ts': "spawn('ssh', ['-T']); execFile('/usr/bin/ssh', []);",
      'collector/probe.ts': "\nrunProgram('ssh', ['-V']);",
      'agent/a.ts': "childProcess.spawnSync('git', []); /x/.exec('ssh'); run('ssh'); spawn(program, []);",
    })).toEqual(['program collector/probe.ts:2']);
  });
});

describe('names', () => {
  it.each(['export default 1;', 'const a = 1; export { a as default };', "export { default } from './b.ts';"])('are exported by name: %s', (source) => {
    expect(found({ 'shared/a.ts': source })).toEqual(['default export shared/a.ts:1']);
  });

  it.each(['shared/utils.ts', 'agent/util/a.ts', 'collector/tunnel-manager.ts', 'test/support/helpers.ts', 'shared/common.ts'])('say what is inside, unlike %s', (path) => {
    expect(nameViolations([path])).toHaveLength(1);
  });

  it('may contain such a word in another', () => {
    expect(nameViolations(['shared/commonality.ts', 'agent/commands/utilisation.ts'])).toEqual([]);
  });
});

it('a file that does not parse is a violation, not a file without imports', () => {
  expect(found({ 'shared/a.ts': 'export const = ;' })).toEqual(['syntax shared/a.ts:1']);
});

describe('this tree', () => {
  const tree = readTree(root, ['shared', 'agent', 'collector', 'deploy', 'test']);
  const files = factsOf(tree);

  it('follows every rule', () => {
    const violations = [...violationsOf(files, options), ...nameViolations(tree.keys())];
    expect(violations.map(({ rule, path, line, message }) => `${path}:${line} [${rule}] ${message}`)).toEqual([]);
  });

  it('was really read', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap((file) => file.imports).filter(({ target }) => target !== undefined).length).toBeGreaterThan(20);
  });

  it('declares every package it imports', () => {
    const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as Record<string, Record<string, string>>;
    const declared = { ...manifest['dependencies'], ...manifest['devDependencies'] };
    const imported = files.flatMap((file) => file.imports).map(({ specifier }) => packageOf(specifier)).filter((name) => name !== undefined);
    expect([...new Set(imported)].filter((name) => !(name in declared))).toEqual([]);
  });
});
