// Makes a checkout usable before anything of it is run: installs dependencies and builds what is
// missing or out of date. Plain JavaScript, because on a fresh clone there is nothing yet that could
// run TypeScript (Node 20 cannot).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const sourceFolders = ['shared', 'agent', 'collector', 'deploy'];
const buildInputs = ['package.json', 'package-lock.json'];
// Quiet but for errors, also where `npm --silent test` started us.
const npmQuiet = ['--loglevel=error', '--no-audit', '--no-fund'];
const stampFile = join(root, 'dist', '.built-from');

export function ensureInstalled() {
  const stale = outdatedPackages();
  if (stale.length > 0) {
    note(`installing dependencies (${describe(stale)}); compiling SQLite can take some minutes`);
    // NODE_ENV=production would leave out the build tools.
    run('npm', ['ci', '--include=dev', ...npmQuiet]);
  }
  ensureNativeModule();
}

export function ensureBuilt() {
  ensureInstalled();
  const fingerprint = sourceFingerprint();
  if (readOrEmpty(stampFile) === fingerprint) return;
  note('building');
  run(process.execPath, ['--import', 'tsx', join('deploy', 'build.ts')]);
  writeFileSync(stampFile, fingerprint);
}

/**
 * Runs a program in the checkout and ends this process if it fails.
 * @param {string} program
 * @param {readonly string[]} args
 */
export function run(program, args) {
  const result = spawnSync(program, args, { cwd: root, stdio: ['inherit', 2, 2], env: buildEnv() });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/**
 * Turns this process into that program: no child in between, so signals, exit codes and the
 * terminal are the program's own.
 * @param {string} script relative to the checkout
 * @param {readonly string[]} args
 */
export async function become(script, args) {
  const path = join(root, script);
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}

// What is installed is compared by content, not by file times: a git checkout touches the lock file
// without changing it.
function outdatedPackages() {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  const installed = lockedPackages(join(root, 'node_modules', '.package-lock.json'));
  return Object.entries(wanted)
    .filter(([path, entry]) => path !== '' && installed[path]?.version !== entry.version)
    // Optional packages are mostly the other platforms' binaries, never installed here.
    .filter(([path, entry]) => !entry.optional || path in installed)
    .map(([path]) => path.replace(/^node_modules\//, ''));
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, optional?: boolean }>}
 */
function lockedPackages(file) {
  if (!existsSync(file)) return {};
  return /** @type {{ packages: ReturnType<typeof lockedPackages> }} */ (JSON.parse(readFileSync(file, 'utf8'))).packages;
}

// better-sqlite3 is compiled for one Node ABI. Loading it is the only test that also notices a Node
// upgrade or an install that skipped scripts; npm believes both to be complete.
function ensureNativeModule() {
  if (nativeModuleLoads()) return;
  note('rebuilding better-sqlite3 for this version of Node');
  run('npm', ['rebuild', 'better-sqlite3', ...npmQuiet]);
  if (nativeModuleLoads()) return;
  note('better-sqlite3 still does not load. It needs a C++ compiler, make and python3 where no prebuilt binary exists.');
  process.exit(1);
}

function nativeModuleLoads() {
  const probe = "new (require('better-sqlite3'))(':memory:').close()";
  return spawnSync(process.execPath, ['-e', probe], { cwd: root, stdio: 'ignore' }).status === 0;
}

// A compile needs Node's headers. Most installations carry them; naming them saves node-gyp a
// download, which would fail offline.
function buildEnv() {
  const prefix = dirname(dirname(process.execPath));
  const hasHeaders = existsSync(join(prefix, 'include', 'node', 'node_version.h'));
  return hasHeaders ? { npm_config_nodedir: prefix, ...process.env } : process.env;
}

// Contents, not times: two checkouts with the same sources have the same build.
function sourceFingerprint() {
  const hash = createHash('sha256');
  const files = [...buildInputs, ...sourceFolders.flatMap(filesBelow)].sort();
  for (const file of files) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0');
  }
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesBelow(folder) {
  const top = join(root, folder);
  if (!existsSync(top)) return [];
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** @param {string} file */
function readOrEmpty(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** @param {readonly string[]} stale */
function describe(stale) {
  return stale.length > 3 ? `${stale.length} packages` : stale.join(', ');
}

// stderr: `npm start` and `npm test` may be read by programs.
/** @param {string} text */
function note(text) {
  process.stderr.write(`tt: ${text}\n`);
}
