// Builds everything that is shipped: two executables, the collector's writer thread, what
// `npm start` runs, and the status page. With `--strict` a missing entry point is an error.
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, extname, join, relative, sep } from 'node:path';
import { root } from './ensure-built.mjs';
import { inlineInto } from './inline-assets.ts';
import { thirdPartyLicenses } from './third-party-licenses.ts';

interface Program {
  readonly entry: string;
  readonly output: string;
  readonly executable?: true;
  /** Copied alone to other machines: may import nothing but Node. */
  readonly selfContained?: true;
}

const distFolder = join(root, 'dist');
const webFolder = 'collector/web';
const webEntry = `${webFolder}/main.tsx`;
const programs: readonly Program[] = [
  { entry: 'agent/main.ts', output: 'tt-agent.mjs', executable: true, selfContained: true },
  { entry: 'collector/launch.ts', output: 'tt.mjs', executable: true },
  { entry: 'collector/main.ts', output: 'tt-commands.mjs' },
  { entry: 'collector/writer/worker.ts', output: 'tt-writer.mjs' },
  { entry: 'collector/answers/worker.ts', output: 'tt-answers.mjs' },
  { entry: 'collector/search/worker.ts', output: 'tt-search.mjs' },
  { entry: 'collector/handover/step-worker.ts', output: 'tt-step.mjs' },
  { entry: 'deploy/start.ts', output: 'start.mjs' },
];

// Some bundled packages are CommonJS and ask for `require` and `__dirname` at run time.
const commonJsGlobals = `
import { createRequire as __ttRequire } from 'node:module';
import { fileURLToPath as __ttPath } from 'node:url';
const require = __ttRequire(import.meta.url), __filename = __ttPath(import.meta.url), __dirname = __ttPath(new URL('.', import.meta.url));
`.trim();

const inlineAssets: Plugin = {
  name: 'inline-assets',
  setup(hooks) {
    const bundleOf = (file: string) => programs.find(({ entry }) => entry === relative(root, file).split(sep).join('/'))?.output;
    hooks.onLoad({ filter: /\.ts$/ }, ({ path }) => (path.includes(`${sep}node_modules${sep}`)
      ? undefined
      : { contents: inlineInto(readFileSync(path, 'utf8'), path, bundleOf), loader: 'ts' }));
  },
};

const common = {
  absWorkingDir: root,
  outdir: distFolder,
  write: false,
  bundle: true,
  metafile: true,
  format: 'esm',
  charset: 'utf8',
  legalComments: 'eof',
  logLevel: 'warning',
  define: {
    TT_VERSION: JSON.stringify(packageVersion()),
    // ws would otherwise look for two optional native packages that a single file cannot have.
    'process.env.WS_NO_BUFFER_UTIL': '"1"',
    'process.env.WS_NO_UTF_8_VALIDATE': '"1"',
  },
} as const satisfies BuildOptions;

// What runs in Node is not minified: a readable stack trace in a report is worth more than 100 kB.
async function buildProgram(program: Program) {
  const shebang = program.executable ? '#!/usr/bin/env node\n' : '';
  const result = await build({
    ...common,
    entryPoints: [{ in: program.entry, out: withoutExtension(program.output) }],
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20.19',
    external: ['better-sqlite3'],
    banner: { js: shebang + commonJsGlobals },
    plugins: [inlineAssets],
  });
  if (program.selfContained) requireSelfContained(program, result.metafile);
  return result;
}

async function buildPage() {
  return build({
    ...common,
    entryPoints: [{ in: webEntry, out: 'web/app' }],
    platform: 'browser',
    target: ['chrome120', 'firefox121', 'safari17'],
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx/dom',
  });
}

function requireSelfContained(program: Program, metafile: Metafile) {
  const outside = Object.values(metafile.outputs)
    .flatMap((output) => output.imports)
    .filter((imported) => imported.external && !isBuiltin(imported.path));
  if (outside.length > 0) {
    throw new Error(`${program.output} must run without node_modules but imports ${outside.map((imported) => imported.path).join(', ')}`);
  }
}

// The page's files that are served as they are: index.html, icons.
function staticWebFiles() {
  const compiled = new Set(['.ts', '.tsx', '.css', '.json']);
  return readdirSync(join(root, webFolder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !compiled.has(extname(entry.name)))
    .map((entry) => join(entry.parentPath, entry.name));
}

function isPresent(entry: string) {
  if (existsSync(join(root, entry))) return true;
  if (process.argv.includes('--strict')) throw new Error(`${entry} does not exist`);
  process.stderr.write(`tt: ${entry} does not exist yet, skipped\n`);
  return false;
}

async function main() {
  const hasPage = isPresent(webEntry);
  const built = await Promise.all([
    ...programs.filter(({ entry }) => isPresent(entry)).map(buildProgram),
    ...(hasPage ? [buildPage()] : []),
  ]);
  const files = new Map(built.flatMap(({ outputFiles }) => outputFiles.map((file) => [file.path, file.contents])));
  for (const file of hasPage ? staticWebFiles() : []) {
    files.set(join(distFolder, 'web', relative(join(root, webFolder), file)), readFileSync(file));
  }
  files.set(join(distFolder, 'third-party-licenses.txt'), thirdPartyLicenses(root, built.flatMap(({ metafile }) => Object.keys(metafile.inputs))));
  replaceDist(files);
}

// File by file and by rename: a program or test that is using dist/ right now must not find it gone.
function replaceDist(files: ReadonlyMap<string, Uint8Array>) {
  const executables = new Set(programs.filter(({ executable }) => executable).map(({ output }) => join(distFolder, output)));
  mkdirSync(distFolder, { recursive: true });
  for (const entry of readdirSync(distFolder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // Another build's temporary files are its own to rename.
    if (entry.isFile() && !files.has(path) && !path.endsWith('.tmp')) rmSync(path, { force: true });
  }
  for (const [path, contents] of files) {
    mkdirSync(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}.tmp`;
    writeFileSync(temporary, contents);
    chmodSync(temporary, executables.has(path) ? 0o755 : 0o644);
    renameSync(temporary, path);
  }
}

function packageVersion() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

function withoutExtension(file: string) {
  return file.slice(0, -extname(file).length);
}

await main();
