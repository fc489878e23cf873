// What each source file imports and touches, read from its syntax tree (so a comment about
// `process.exit` is not a use of it). Works on a map of path → source: tests plant small trees.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { normalize } from 'node:path/posix';
import { parseSync, Visitor, type CallExpression, type Expression, type ParseResult } from 'oxc-parser';

export type SourceTree = ReadonlyMap<string, string>;

export interface Import {
  readonly specifier: string;
  readonly line: number;
  readonly typeOnly: boolean;
  /** The exports that are imported by name. */
  readonly names: readonly string[];
  /** `url`: `new URL('./worker.ts', import.meta.url)`, another thread's or program's code. */
  readonly kind: 'module' | 'url';
  /** The imported file's path where it is part of the tree. */
  readonly target: string | undefined;
}

export interface Place {
  readonly name: string;
  readonly line: number;
}

export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly texts: readonly Place[];
  /** Uses of the clock, chance, timers and the process itself. */
  readonly ambient: readonly Place[];
  /** Programs that are started, by name. */
  readonly programs: readonly Place[];
  readonly defaultExports: readonly Place[];
  readonly syntaxErrors: readonly Place[];
}

const ambientObjects = new Set(['process', 'console']);
const ambientMembers = new Set(['Date.now', 'Math.random', 'performance.now', 'AbortSignal.timeout', 'globalThis.process', 'globalThis.console']);
const ambientCalls = new Set(['setTimeout', 'setInterval']);
const ambientModules = new Set(['node:process', 'node:console', 'node:timers', 'node:timers/promises', 'process', 'console', 'timers']);

/** Every file below these folders of the checkout; fixtures are data, not code. */
export function readTree(root: string, folders: readonly string[]): SourceTree {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')));
  const wanted = paths.filter((path) => !path.startsWith('test/fixtures/')).sort();
  return new Map(wanted.map((path) => [path, isSource(path) ? readFileSync(join(root, path), 'utf8') : '']));
}

export function factsOf(tree: SourceTree): SourceFacts[] {
  return [...tree].filter(([path]) => isSource(path)).map(([path, source]) => analyse(path, source, tree));
}

function isSource(path: string): boolean {
  return /\.(ts|tsx|mts|mjs|js)$/.test(path);
}

function analyse(path: string, source: string, tree: SourceTree): SourceFacts {
  const parsed = parseSync(path, source);
  const lineAt = lineFinder(source);
  const place = (name: string, start: number): Place => ({ name, line: lineAt(start) });
  const imports = importsOf(parsed, lineAt, (specifier) => resolve(path, specifier, tree));
  const ambient = imports.filter(({ specifier }) => ambientModules.has(specifier)).map(({ specifier, line }) => ({ name: specifier, line }));
  const texts: Place[] = [];
  const programs: Place[] = [];
  const defaultExports: Place[] = [];

  new Visitor({
    Literal(node) {
      if (typeof node.value === 'string') texts.push(place(node.value, node.start));
    },
    TemplateLiteral(node) {
      texts.push(place(node.quasis.map((quasi) => quasi.value.cooked ?? '').join('${}'), node.start));
    },
    MemberExpression(node) {
      const name = memberName(node);
      const [object = ''] = name.split('.');
      if (ambientObjects.has(object) || ambientMembers.has(name)) ambient.push(place(name, node.start));
    },
    NewExpression(node) {
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) ambient.push(place('new Date()', node.start));
    },
    CallExpression(node) {
      const callee = nameOf(node.callee);
      if (ambientCalls.has(callee)) ambient.push(place(callee, node.start));
      const program = startedProgram(node);
      if (program !== undefined) programs.push(place(program, node.start));
    },
    ExportDefaultDeclaration(node) {
      defaultExports.push(place('default', node.start));
    },
    ExportSpecifier(node) {
      if (nameOf(node.exported) === 'default') defaultExports.push(place('default', node.start));
    },
  }).visit(parsed.program);

  const syntaxErrors = parsed.errors.map((error) => place(error.message, error.labels[0]?.start ?? 0));
  return { path, imports, texts, ambient, programs, defaultExports, syntaxErrors };
}

type Resolver = (specifier: string) => string | undefined;

function importsOf(parsed: ParseResult, lineAt: (offset: number) => number, target: Resolver): Import[] {
  const imports: Import[] = [];
  const add = (specifier: string, start: number, rest: Partial<Import> = {}) => {
    imports.push({ specifier, line: lineAt(start), typeOnly: false, names: [], kind: 'module', target: target(specifier), ...rest });
  };
  new Visitor({
    ImportDeclaration(node) {
      const typeOnly = node.importKind === 'type' || (node.specifiers.length > 0
        && node.specifiers.every((specifier) => specifier.type === 'ImportSpecifier' && specifier.importKind === 'type'));
      const names = node.specifiers.flatMap((specifier) =>
        (specifier.type === 'ImportSpecifier' && specifier.importKind !== 'type' ? [nameOf(specifier.imported)] : []));
      add(node.source.value, node.start, { typeOnly, names });
    },
    ExportNamedDeclaration(node) {
      if (node.source) add(node.source.value, node.start, { typeOnly: node.exportKind === 'type' });
    },
    ExportAllDeclaration(node) {
      add(node.source.value, node.start, { typeOnly: node.exportKind === 'type' });
    },
    ImportExpression(node) {
      const specifier = literalText(node.source);
      if (specifier !== undefined) add(specifier, node.start);
    },
    TSImportType(node) {
      add(node.source.value, node.start, { typeOnly: true });
    },
    NewExpression(node) {
      const [first, second] = node.arguments;
      if (nameOf(node.callee) !== 'URL' || first === undefined || second === undefined) return;
      const specifier = literalText(first);
      const fromHere = second.type === 'MemberExpression' && second.object.type === 'MetaProperty';
      if (specifier !== undefined && fromHere) add(specifier, node.start, { kind: 'url' });
    },
  }).visit(parsed.program);
  return imports;
}

function resolve(from: string, specifier: string, tree: SourceTree): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = normalize(`${dirname(from)}/${specifier}`);
  return tree.has(path) ? path : undefined;
}

// spawn('ssh', …), childProcess.execFile('git', …), and any seam around them that is called
// run…/spawn…/exec… with a name and a list: run('tmux', ['list-panes']).
function startedProgram(node: CallExpression): string | undefined {
  const [first, second] = node.arguments;
  const program = first === undefined ? undefined : literalText(first);
  if (program === undefined) return undefined;
  const callee = nameOf(node.callee).split('.').at(-1) ?? '';
  const isChildProcess = /^(spawn|spawnSync|execFile|execFileSync|execSync)$/.test(callee) || nameOf(node.callee) === 'exec';
  const isSeam = /^(run|spawn|exec)/.test(callee) && second?.type === 'ArrayExpression';
  if (!isChildProcess && !isSeam) return undefined;
  return program.trim().split(/\s/)[0]?.split('/').at(-1);
}

function literalText(node: { type: string; value?: unknown; quasis?: readonly { value: { cooked: string | null } }[] }): string | undefined {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined;
  return node.type === 'TemplateLiteral' && node.quasis?.length === 1 ? node.quasis[0]?.value.cooked ?? undefined : undefined;
}

function memberName(node: Expression): string {
  return node.type === 'MemberExpression' ? `${nameOf(node.object)}.${nameOf(node.property)}` : '';
}

/** `a` or `a.b.c`; empty for anything that is not a plain name. */
function nameOf(node: { type: string }): string {
  const named = node as Expression;
  if (named.type === 'Identifier') return named.name;
  return named.type === 'MemberExpression' ? memberName(named) : '';
}

function lineFinder(source: string): (offset: number) => number {
  return (offset) => source.slice(0, offset).split('\n').length;
}

/** One path around each group of files that import each other, types included. */
export function importCycles(files: readonly SourceFacts[]): string[][] {
  const targets = new Map(files.map((file) => [file.path, moduleTargets(file)]));
  const finished = new Set<string>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path]);
      return;
    }
    if (finished.has(path)) return;
    for (const next of targets.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return cycles;
}

function moduleTargets(file: SourceFacts): string[] {
  return file.imports.flatMap(({ kind, target }) => (kind === 'module' && target !== undefined ? [target] : []));
}
