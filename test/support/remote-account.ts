/**
 * An account on another machine as `tt deploy` meets it: an empty home behind a
 * real sshd, with a crontab of its own, no systemd, and tmux servers of its own.
 */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createMachineHome, type MachineHome } from './machine-home.ts';
import { openRealSshd, type RealSshd } from './real-sshd.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';

export interface RemoteAccount extends AsyncDisposable {
  readonly home: string;
  readonly sshd: RealSshd;
  readonly environment: Record<string, string>;
  readonly paths: Paths;
  /** Directory that is first in its PATH. */
  readonly standIns: string;
  /** Every path below its home, with mode and content. */
  snapshot(): Record<string, string>;
  crontab(): string;
  /** As the account itself would. */
  run(command: string, args?: readonly string[]): { status: number | null; stdout: string; stderr: string };
  tmux(...args: string[]): string;
}

export interface RemoteAccountOptions {
  environment?: Record<string, string>;
  /** What ssh calls it. */
  host?: string;
  /** Scripts that stand in front of programs of that name. */
  standIns?: Record<string, string>;
}

export async function openRemoteAccount({ environment = {}, host = 'devbox', standIns = {} }: RemoteAccountOptions = {}): Promise<RemoteAccount> {
  const machine: MachineHome = createMachineHome('far');
  const [home, bin, run] = ['home', 'bin', 'run'].map((name) => join(machine.directory, name)) as [string, string, string];
  for (const directory of [home, bin, run]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const table = join(machine.directory, 'crontab');
  const scripts = {
    crontab: `case $1 in -l) [ -f '${table}' ] || { echo 'no crontab for me' >&2; exit 1; }; cat '${table}' ;; -r) rm -f '${table}' ;; *) cat > '${table}' ;; esac`,
    // Never the manager of whoever runs the test.
    systemctl: 'exit 1',
    loginctl: 'exit 1',
    ...standIns,
  };
  for (const [name, body] of Object.entries(scripts)) writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  const own: Record<string, string> = {
    HOME: home, PATH: `${bin}:${process.env['PATH'] ?? '/usr/bin:/bin'}`, TMUX_TMPDIR: run, LANG: 'C.UTF-8', ...environment,
  };
  const sshd = await openRealSshd({ environment: own, host });
  const paths = resolvePaths(own, home);
  const asAccount: RemoteAccount['run'] = (command, args = []) => {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: { ...own, TERM: 'xterm-256color' }, cwd: home });
    return { status, stdout, stderr };
  };
  return {
    home, sshd, environment: own, paths, standIns: bin,
    snapshot: () => Object.fromEntries(walk(home).map((path) => [relative(home, path), describe(path)])),
    crontab: () => (existsSync(table) ? readFileSync(table, 'utf8') : ''),
    run: asAccount,
    tmux: (...args) => {
      const { stdout, stderr } = asAccount('tmux', ['-L', 'tt', ...args]);
      return stdout + stderr;
    },
    async [Symbol.asyncDispose]() {
      const keeper = join(paths.dataDir, 'background.sh');
      if (existsSync(keeper)) asAccount('/bin/sh', [keeper, 'stop', join(paths.stateDir, 'tt-agent.pid')]);
      asAccount('tmux', ['-L', 'tt', 'kill-server']);
      await sshd[Symbol.asyncDispose]();
      machine.remove();
    },
  };
}

function walk(directory: string): string[] {
  return readdirSync(directory).sort().flatMap((name) => {
    const path = join(directory, name);
    return [path, ...(lstatSync(path).isDirectory() ? walk(path) : [])];
  });
}

function describe(path: string): string {
  const stat = lstatSync(path);
  const mode = (stat.mode & 0o777).toString(8);
  if (stat.isSymbolicLink()) return `link ${readlinkSync(path)}`;
  return stat.isFile() ? `${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12)}` : mode;
}
