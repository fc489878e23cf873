// The rules of the source tree as pure functions: facts in, violations out.
import { importCycles, type SourceFacts } from './import-graph.ts';

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface RuleOptions {
  /** Packages that any number of files may import: languages and vocabularies, not services. */
  readonly everywhere: ReadonlySet<string>;
  /** Packages that only test/ may import. */
  readonly testOnly: ReadonlySet<string>;
  /** `package#name`: exports that hold a whole package, so that a bundler can drop none of it. */
  readonly unshakable: ReadonlySet<string>;
  /** Path prefixes (or whole paths) of files that may touch clock, chance, timers and process. */
  readonly ambientAllowed: readonly string[];
  readonly entryPoints: ReadonlySet<string>;
}

type Part = 'shared' | 'agent' | 'collector' | 'web' | 'deploy' | 'test';

// Who may import whom. (The page may also know the collector's types: see crossings.)
const mayImport: Record<Part, readonly Part[]> = {
  shared: ['shared'],
  agent: ['agent', 'shared'],
  collector: ['collector', 'shared'],
  web: ['web', 'shared'],
  deploy: ['deploy', 'agent', 'collector', 'web', 'shared'],
  test: ['test', 'deploy', 'agent', 'collector', 'web', 'shared'],
};

export function violationsOf(files: readonly SourceFacts[], options: RuleOptions): Violation[] {
  const product = files.filter((file) => partOf(file.path) !== 'test');
  return [
    ...files.flatMap((file) => file.syntaxErrors.map(({ name, line }) => ({ rule: 'syntax', path: file.path, line, message: name }))),
    ...files.flatMap(crossings),
    ...product.flatMap((file) => entryPointImports(file, options)),
    ...packageImporters(product, options),
    ...product.flatMap((file) => unshakableImports(file, options)),
    ...cycles(files),
    ...product.flatMap(sqlOutsideStore),
    ...product.flatMap((file) => ambientUses(file, options)),
    ...programOwners(product),
    ...files.flatMap(defaultExports),
  ];
}

export function partOf(path: string): Part {
  if (path.startsWith('collector/web/')) return 'web';
  const [top] = path.split('/');
  return top === 'shared' || top === 'agent' || top === 'collector' || top === 'deploy' ? top : 'test';
}

function crossings(file: SourceFacts): Violation[] {
  const part = partOf(file.path);
  return file.imports.flatMap(({ target, line, typeOnly }) => {
    if (target === undefined || mayImport[part].includes(partOf(target))) return [];
    if (part === 'web' && partOf(target) === 'collector' && typeOnly) return [];
    // A text that travels inside a program is read from deploy/, not imported.
    if (partOf(target) === 'deploy' && !/\.(ts|tsx|mjs)$/.test(target)) return [];
    return [{ rule: 'crossing', path: file.path, line, message: `${part} must not import ${target}` }];
  });
}

// A program's first file runs when it is loaded; importing it would start the program.
function entryPointImports(file: SourceFacts, { entryPoints }: RuleOptions): Violation[] {
  return file.imports
    .filter(({ target, kind }) => kind === 'module' && target !== undefined && entryPoints.has(target))
    .map(({ target, line }) => ({ rule: 'entry point', path: file.path, line, message: `${target} starts a program and is imported by nobody` }));
}

function packageImporters(files: readonly SourceFacts[], { everywhere, testOnly }: RuleOptions): Violation[] {
  const uses = files.flatMap((file) => file.imports
    .flatMap(({ specifier, line }) => {
      const name = packageOf(specifier);
      return name === undefined || everywhere.has(name) ? [] : [{ name, path: file.path, line }];
    }));
  return uses.flatMap(({ name, path, line }) => {
    if (testOnly.has(name)) return [{ rule: 'package', path, line, message: `${name} is for tests only` }];
    const first = uses.find((use) => use.name === name);
    if (first === undefined || first.path === path) return [];
    return [{ rule: 'package', path, line, message: `${name} is imported by ${first.path} already; use what that file offers` }];
  });
}

function unshakableImports(file: SourceFacts, { unshakable }: RuleOptions): Violation[] {
  return file.imports
    .filter(({ specifier, names, typeOnly }) => !typeOnly && names.some((name) => unshakable.has(`${specifier}#${name}`)))
    .map(({ specifier, line }) => ({ rule: 'bundle', path: file.path, line, message: `write import * as … from '${specifier}', or all of it is in every bundle` }));
}

/** `hono/jsx` → `hono`; undefined for Node's own modules and for paths. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('/') || specifier.startsWith('node:')) return undefined;
  const [scope = '', name = ''] = specifier.split('/');
  return scope.startsWith('@') ? `${scope}/${name}` : scope;
}

function cycles(files: readonly SourceFacts[]): Violation[] {
  return importCycles(files).map((cycle) => ({ rule: 'cycle', path: cycle[0] ?? '', line: 1, message: cycle.join(' → ') }));
}

// Upper case anywhere in a text; lower case only where a statement begins, because prose says
// "select … from" too.
const sqlForms = [
  String.raw`SELECT\s[\s\S]*\sFROM\s`, String.raw`INSERT\s+(OR\s+\w+\s+)?INTO\s`, String.raw`REPLACE\s+INTO\s`,
  String.raw`UPDATE\s+\S+\s+SET\s`, String.raw`DELETE\s+FROM\s`, String.raw`PRAGMA\s+\w`,
  String.raw`(CREATE|ALTER|DROP)\s+(TEMP\s+|UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s`, String.raw`BEGIN\s+(IMMEDIATE|EXCLUSIVE|DEFERRED)\b`,
].join('|');
const upperCaseSql = new RegExp(String.raw`\b(${sqlForms})`);
const lowerCaseSql = new RegExp(String.raw`^\s*(${sqlForms.replaceAll(/[A-Z]{2,}/g, (word) => word.toLowerCase())})`);

export function isSql(text: string): boolean {
  return upperCaseSql.test(text) || lowerCaseSql.test(text);
}

function sqlOutsideStore(file: SourceFacts): Violation[] {
  if (file.path.startsWith('collector/store/')) return [];
  const places = file.texts.filter(({ name }) => isSql(name)).map(({ line, name }) => ({ line, what: name.trim().slice(0, 40) }));
  const files = file.imports.filter(({ specifier }) => specifier.endsWith('.sql')).map(({ line, specifier }) => ({ line, what: specifier }));
  return [...places, ...files].map(({ line, what }) => (
    { rule: 'sql', path: file.path, line, message: `SQL belongs to collector/store/: ${what}` }));
}

function ambientUses(file: SourceFacts, { ambientAllowed }: RuleOptions): Violation[] {
  if (ambientAllowed.some((allowed) => file.path.startsWith(allowed))) return [];
  return file.ambient.map(({ name, line }) => (
    { rule: 'ambient', path: file.path, line, message: `${name} is a parameter here: take a Clock, an environment or an output` }));
}

function programOwners(files: readonly SourceFacts[]): Violation[] {
  const starts = files.flatMap((file) => file.programs.map(({ name, line }) => ({ name, line, path: file.path })));
  return starts.flatMap(({ name, line, path }) => {
    const first = starts.find((start) => start.name === name);
    if (first === undefined || first.path === path) return [];
    return [{ rule: 'program', path, line, message: `${name} is started by ${first.path} already; use what that file offers` }];
  });
}

function defaultExports(file: SourceFacts): Violation[] {
  return file.defaultExports.map(({ line }) => (
    { rule: 'default export', path: file.path, line, message: 'export a name that can be searched for' }));
}

/** Over every file, also those that are not code. */
export function nameViolations(paths: Iterable<string>): Violation[] {
  return [...paths].flatMap((path) => {
    const violations: string[] = [];
    const vague = path.split(/[/.-]/).find((word) => /^(utils?|helpers?|common|managers?|misc)$/.test(word));
    if (vague !== undefined) violations.push(`"${vague}" does not say what is inside`);
    if (path.endsWith('.sql') && !path.startsWith('collector/store/')) violations.push('SQL belongs to collector/store/');
    return violations.map((message) => ({ rule: 'name', path, line: 1, message }));
  });
}
