// The small processes of the latency benchmark, each on its own so that none waits for another:
//   write PLAN.json   appends lines as planned and prints {name, at} just before each append
//   read PLAN.json DATABASE   prints {name, at} when a commit made an event of the plan visible
//   echo DIRECTORY    the bare floor: one fs.watch per directory, read what was appended, print
// `at` is the machine's monotonic clock in ms, the same in all processes.
import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';

/** One append; `afterMs` is the pause before it. */
export interface PlannedAppend {
  path: string;
  /** With its newline. */
  text: string;
  /** Of the last event of the text: what the reader will print. Empty: not timed. */
  name: string;
  afterMs: number;
}

const sleeping = new Int32Array(new SharedArrayBuffer(4));

function sleepMs(ms: number): void {
  if (ms > 0) Atomics.wait(sleeping, 0, 0, ms);
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

function print(name: string, at: number): void {
  process.stdout.write(`${JSON.stringify({ name, at })}\n`);
}

function write(planFile: string): void {
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as PlannedAppend[];
  const times: [string, number][] = [];
  for (const { path, text, name, afterMs } of plan) {
    sleepMs(afterMs);
    // The time counts from before the directory and the file are made.
    const at = now();
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, text);
    if (name !== '') times.push([name, at]);
  }
  for (const [name, at] of times) print(name, at);
}

/**
 * Looks for a commit twice a millisecond: that is what a reading can be late by. Asking SQLite
 * whether anything changed costs 5 µs, about 1 % of one core, and locks nobody out.
 */
function read(planFile: string, databasePath: string): void {
  // Only what is asked for is printed: a backfill beside it must not fill the pipe.
  const wanted = new Set((JSON.parse(readFileSync(planFile, 'utf8')) as PlannedAppend[]).map(({ name }) => name));
  const database = new Sqlite(databasePath, { readonly: true });
  const version = (): unknown => database.pragma('data_version', { simple: true });
  const newer = database.prepare<[number], { row: number; name: string }>('SELECT row, discriminator AS name FROM event_row WHERE row > ? ORDER BY row');
  const last = database.prepare<[], { row: number | null }>('SELECT max(row) AS row FROM event_row').get();
  let row = last?.row ?? 0;
  let seen = version();
  print('ready', now());
  for (;;) {
    sleepMs(0.5);
    const current = version();
    if (current === seen) continue;
    seen = current;
    const at = now();
    for (const found of newer.iterate(row)) {
      row = found.row;
      if (wanted.has(found.name)) print(found.name, at);
    }
  }
}

function echo(root: string): void {
  const sizes = new Map<string, number>();
  const buffer = Buffer.allocUnsafe(1024 * 1024);
  const look = (path: string): void => {
    let file: number;
    try {
      file = openSync(path, 'r');
    } catch {
      return;
    }
    const size = fstatSync(file).size;
    const from = sizes.get(path) ?? 0;
    if (size > from) {
      const length = readSync(file, buffer, 0, Math.min(buffer.length, size - from), from);
      sizes.set(path, from + length);
      const at = now();
      for (const [, name] of buffer.toString('latin1', 0, length).matchAll(/"uuid":"([0-9a-f-]{36})"/g)) if (name !== undefined) print(name, at);
    }
    closeSync(file);
  };
  const watchDirectory = (directory: string, isNew: boolean): void => {
    watch(directory, (_event, name) => {
      if (name === null) return;
      const path = join(directory, name);
      if (name.endsWith('.jsonl')) look(path);
      else if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) watchDirectory(path, true);
    });
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) watchDirectory(path, isNew);
      else if (isNew) look(path);
      else sizes.set(path, statSync(path).size);
    }
  };
  watchDirectory(root, false);
  print('ready', now());
}

const [role, target = '', second = ''] = process.argv.slice(2);
if (role === 'write') write(target);
else if (role === 'read') read(target, second);
else if (role === 'echo') echo(target);
