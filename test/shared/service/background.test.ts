import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBackgroundKeeper } from '../../../shared/service/background.ts';
import { programRunner } from '../../../shared/service/keeper.ts';
import type { ServiceKeeper } from '../../../shared/service/service.ts';

let directory: string;
let table: string;
let environment: { PATH: string };
let keeper: ServiceKeeper;

/** A crontab of this test's own. `none`: what it says where there is none yet. */
function giveCrontab(none: string): void {
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'crontab'), `#!/bin/sh\ncase $1 in -l) [ -f '${table}' ] || { echo "${none}" >&2; exit 1; }; cat '${table}' ;; -r) rm '${table}' ;; *) cat >'${table}' ;; esac\n`, { mode: 0o755 });
  environment = { PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}` };
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-'));
  table = join(directory, 'table');
  giveCrontab('no crontab for me');
  const home = join(directory, "it's 100% José");
  keeper = createBackgroundKeeper(
    { name: 'tt-agent', command: ['/bin/sh', '-c', 'exec sleep 1000'], environment: {}, logFile: join(home, 'log', 'x.log'), finalStatus: 5 },
    { run: (...words) => programRunner(environment)(...words), dataDir: join(home, 'data'), stateDir: join(home, 'state') },
  );
});
afterEach(async () => {
  await keeper.uninstall();
  rmSync(directory, { recursive: true, force: true });
});

const inHome = (path: string): string => join(directory, "it's 100% José", path);
/** As after a power cut: nothing runs, and its PID file is there. */
function cutPower(): void {
  const pidFile = inHome('state/tt-agent.pid');
  const pid = readFileSync(pidFile);
  expect(spawnSync('/bin/sh', [inHome('data/background.sh'), 'stop', pidFile]).status).toBe(0);
  writeFileSync(pidFile, pid);
}

describe('the crontab of a user', () => {
  it.each([
    ['as Latin-1', Buffer.from('# caf\xe9\nMAILTO=jos\xe9\n0 3 * * * backup\n', 'latin1')],
    // Its last byte alone is a space in Latin-1.
    ['as UTF-8, with a letter at its end', Buffer.from('0 3 * * * backup\n# voilà\n')],
  ])('keeps every byte of theirs, %s', async (_how, before) => {
    writeFileSync(table, before);
    await keeper.install();
    const installed = readFileSync(table);
    expect(installed.subarray(0, before.length).equals(before)).toBe(true);
    expect(installed.subarray(before.length).toString()).toMatch(/^@reboot \/bin\/sh '.* José\/data\/tt-agent\.sh' # tt-agent \(tt\)\n$/);
    await keeper.uninstall();
    expect(readFileSync(table).equals(before)).toBe(true);
  });

  it('has a line that starts the program from a path with a %, whether % ends a command there or not', async () => {
    await keeper.install();
    const [, command = ''] = /^@reboot (.*)\n$/.exec(readFileSync(table, 'utf8')) ?? [];
    expect(command).not.toContain('%');
    cutPower();
    expect(await keeper.state()).toEqual({ installed: true, running: false });
    expect(spawnSync('/bin/sh', ['-c', command], { env: environment, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    expect(await keeper.state()).toEqual({ installed: true, running: true });
  });

  it.each(['no crontab for me', "crontab: can't open 'me': No such file or directory"])('is made where there is none: %s', async (none) => {
    giveCrontab(none);
    await keeper.install();
    expect(readFileSync(table, 'utf8')).toMatch(/^@reboot .*\n$/);
    await keeper.uninstall();
    expect(existsSync(table)).toBe(false);
  });
});

it('does not take a PID file that a power cut left for one that runs', async () => {
  await keeper.install();
  expect(await keeper.state()).toEqual({ installed: true, running: true });
  cutPower();
  expect(await keeper.state()).toEqual({ installed: true, running: false });
});
