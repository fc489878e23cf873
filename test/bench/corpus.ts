/**
 * A large history out of a small one: real sessions repeated under new IDs, so
 * that nothing is a duplicate. Uuids, tool, message and request IDs, times and
 * directories differ in every replica; a few lines of megabytes are added.
 */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import { seededRandom } from '../support/seeded-random.ts';

export interface Corpus {
  /** A Claude Code configuration directory. */
  configDir: string;
  bytes: number;
  files: number;
  lines: number;
}

export interface CorpusOptions {
  /** A Claude Code configuration directory with real sessions. */
  from: string;
  targetBytes: number;
  cacheDir: string;
}

const BIG_LINES = 8;
const HOURS_APART = 5;
/** The newest replica ends this long before now. */
const NEWEST_MS = 60 * 60_000;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const NAMED = /\b(toolu|msg|req)_[A-Za-z0-9]+/g;
const TIME = /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const CWD = /"cwd":"([^"\\]+)"/g;

/** Made once per source, size and version of this file; kept in `cacheDir`. */
export function makeCorpus({ from, targetBytes, cacheDir }: CorpusOptions): Corpus {
  const sources = sourcesBelow(join(from, 'projects'));
  if (sources.length === 0) throw new Error(`no sessions below ${from}/projects`);
  const key = createHash('sha256').update(JSON.stringify([2, sources.map(({ path, text }) => [path, text.length]), targetBytes])).digest('hex').slice(0, 12);
  const configDir = join(cacheDir, `corpus-${key}`);
  const made = join(configDir, 'made.json');
  if (existsSync(made)) return { ...(JSON.parse(readFileSync(made, 'utf8')) as Omit<Corpus, 'configDir'>), configDir };
  const building = `${configDir}.${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  const counts = { bytes: 0, files: 0, lines: 0 };
  const newest = Math.max(...sources.flatMap(({ text }) => text.match(TIME) ?? []).map((time) => Date.parse(time)));
  for (let replica = 0; counts.bytes < targetBytes; replica += 1) {
    const shiftMs = Date.now() - NEWEST_MS - newest - replica * HOURS_APART * 3_600_000;
    for (const source of sources) {
      const bytes = Buffer.from(replicate(source.text, replica, shiftMs));
      const path = join(building, 'projects', replicatePath(source.path, replica));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
      const big = replica < BIG_LINES && source === sources[0] ? appendBigLine(path, replica, bytes) : 0;
      const seconds = (newest + shiftMs) / 1000;
      utimesSync(path, seconds, seconds);
      counts.bytes += bytes.length + big;
      counts.files += 1;
      counts.lines += newlines(bytes) + (big > 0 ? 1 : 0);
    }
  }
  writeFileSync(join(building, 'made.json'), JSON.stringify(counts));
  rmSync(configDir, { recursive: true, force: true });
  renameSync(building, configDir);
  return { ...counts, configDir };
}

interface Source {
  path: string;
  text: string;
}

function sourcesBelow(projects: string): Source[] {
  return readdirSync(projects, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.jsonl'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(projects, path), text: readFileSync(path, 'utf8') }))
    .toSorted((a, b) => b.text.length - a.text.length);
}

function hashed(text: string, replica: number): string {
  return createHash('md5').update(`${replica}:${text}`).digest('hex');
}

const known = new Map<string, string>();

function newUuid(uuid: string, replica: number): string {
  const key = `${replica}${uuid}`;
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const hex = hashed(uuid, replica);
  const made = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
  if (known.size > 100_000) known.clear();
  known.set(key, made);
  return made;
}

function replicate(text: string, replica: number, shiftMs: number): string {
  return text
    .replace(UUID, (uuid) => newUuid(uuid, replica))
    .replace(NAMED, (name, prefix: string) => `${prefix}_01${hashed(name, replica).slice(0, 22)}`)
    .replace(TIME, (time) => new Date(Date.parse(time) + shiftMs).toISOString())
    .replace(CWD, (_, cwd: string) => `"cwd":"${cwd}-r${replica}"`);
}

function replicatePath(path: string, replica: number): string {
  const [project = '', ...rest] = path.split('/');
  return [`${project}-r${replica}`, ...rest].join('/').replace(UUID, (uuid) => newUuid(uuid, replica));
}

/** A screenshot as a tool result: one line of 1 to 4 MB. */
function appendBigLine(path: string, replica: number, before: Buffer): number {
  const random = seededRandom(replica + 1);
  const last = before.subarray(before.lastIndexOf(10, before.length - 2) + 1);
  const { cwd, sessionId, version, timestamp } = JSON.parse(last.toString('utf8')) as Record<string, string>;
  const line = Buffer.from(`${JSON.stringify({
    parentUuid: null, isSidechain: false, userType: 'external', cwd, sessionId, version, type: 'user',
    message: { role: 'user', content: [{ tool_use_id: `toolu_01big${replica}`, type: 'tool_result', content: [
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: random.bytes((1 + (replica % 4)) * 768 * 1024).toString('base64') } },
    ] }] },
    uuid: random.uuid(), timestamp: timestamp ?? new Date(0).toISOString(),
  })}\n`);
  const file = openSync(path, 'a');
  writeSync(file, line);
  closeSync(file);
  return line.length;
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}

/** Reads everything once, so that no measurement pays for the disk. */
export function warm(configDir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(configDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    bytes += statSync(path).size;
    readFileSync(path);
  }
  return bytes;
}
