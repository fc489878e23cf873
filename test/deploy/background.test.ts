import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../deploy/background.sh');
const whereIs = (name: string): string => spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim();
const NEEDED = ['setsid', 'sleep', 'tr', 'rm', 'mkdir', 'rmdir'];
/** In an image without it, or as BusyBox has it. */
const WITHOUT_PS = { 'no ps': undefined, 'a ps that knows no -p': 'echo "ps: unrecognized option: p" >&2; exit 1' };

let directory: string;
let pidFile: string;
let bin: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-é '));
  pidFile = join(directory, 'tt-agent.pid');
  bin = join(directory, 'bin');
  mkdirSync(bin);
  for (const name of NEEDED) symlinkSync(whereIs(name), join(bin, name));
});
afterEach(() => {
  for (const pid of keepers()) process.kill(pid, 'SIGTERM');
  rmSync(directory, { recursive: true, force: true });
});

/** Of our PID file, whoever knows of them. */
function keepers(): number[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && readArguments(name).includes(`keep ${pidFile} `)).map(Number);
}

function readArguments(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

const environment = (): NodeJS.ProcessEnv => ({ PATH: bin });
const run = (...args: string[]): number | null => spawnSync('/bin/sh', [SCRIPT, ...args], { env: environment() }).status;
/** Of a program that lasts. */
const startArguments = (): string[] => ['start', pidFile, join(directory, 'log'), '5', join(bin, 'sleep'), '1000'];

describe.skipIf(!existsSync('/proc/self/cmdline')).each(Object.entries(WITHOUT_PS))('a keeper in the background, with %s', (_what, ps) => {
  beforeEach(() => {
    if (ps !== undefined) writeFileSync(join(bin, 'ps'), `#!/bin/sh\n${ps}\n`, { mode: 0o755 });
  });

  it('is found by whoever starts it again, and ended by whoever stops it', () => {
    expect(run('running', pidFile)).toBe(1);
    expect(run(...startArguments())).toBe(0);
    const [first] = keepers();
    expect(readFileSync(pidFile, 'utf8')).toBe(`${first}\n`);
    expect(run(...startArguments())).toBe(0);
    expect({ keepers: keepers(), running: run('running', pidFile) }).toEqual({ keepers: [first], running: 0 });
    expect(run('stop', pidFile)).toBe(0);
    expect({ keepers: keepers(), running: run('running', pidFile), file: existsSync(pidFile) }).toEqual({ keepers: [], running: 1, file: false });
  });

  it.each([
    ['nothing', undefined],
    ['a process that is gone', '4194305\n'],
    ['a process that is another', `${process.pid}\n`],
    ['nobody, after a power cut', ''],
  ])('is one alone when several are started at once where the PID file names %s', async (_named, content) => {
    if (content !== undefined) writeFileSync(pidFile, content);
    await Promise.all(Array.from({ length: 6 }, () => once(spawn('/bin/sh', [SCRIPT, ...startArguments()], { env: environment() }), 'exit')));
    expect(keepers()).toHaveLength(1);
    expect(readFileSync(pidFile, 'utf8')).toBe(`${keepers()[0]}\n`);
    expect(readdirSync(directory).filter((name) => name.startsWith('tt-agent.pid'))).toEqual(['tt-agent.pid']);
    expect(run('stop', pidFile)).toBe(0);
    expect(keepers()).toEqual([]);
  });

  it('stops nobody else, who has its process ID now', () => {
    writeFileSync(pidFile, `${process.pid}\n`);
    expect(run('stop', pidFile)).toBe(0);
    expect(run('running', pidFile)).toBe(1);
  });
});
