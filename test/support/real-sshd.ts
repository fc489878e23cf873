/**
 * A real sshd on loopback, run by whoever runs the test, with a key of its own:
 * only that user can log in, into a home that the test made.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { connect } from 'node:net';
import { until } from './until.ts';

export const hasSshd = spawnSync('/usr/sbin/sshd', ['-V']).error === undefined && spawnSync('ssh', ['-V']).error === undefined;

export interface RealSshd extends AsyncDisposable {
  /** Directory with an `ssh` that finds `devbox`; to be first in PATH. */
  readonly binDir: string;
  readonly port: number;
  /** What it says. */
  log(): string;
  /** Ends it with all its sessions. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Ends only what serves logged-in users. */
  killSessions(): void;
  hasSessions(): boolean;
  /** Further lines for its configuration, from the next start on: the first value of a key counts. */
  configure(lines: readonly string[]): void;
}

export interface RealSshdOptions {
  /** Of whoever logs in: home and XDG directories, PATH. */
  environment: Readonly<Record<string, string>>;
  /** What ssh calls the host. */
  host?: string;
  /** Further lines for the client's configuration of this host. */
  clientLines?: readonly string[];
}

export async function openRealSshd({ environment, host = 'devbox', clientLines = [] }: RealSshdOptions): Promise<RealSshd> {
  const directory = mkdtempSync(join(tmpdir(), 'tt-sshd-'));
  const binDir = join(directory, 'bin');
  mkdirSync(binDir);
  for (const name of ['hostkey', 'key']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, name)]);
  writeFileSync(join(directory, 'authorized_keys'), readFileSync(join(directory, 'key.pub')));
  const port = await freePort();
  writeClient({ directory, binDir, host, port, clientLines });
  let extra: readonly string[] = [];
  let child: ChildProcess | undefined;
  let said = '';
  const asRoot = process.getuid?.() === 0;
  if (asRoot) mkdirSync('/run/sshd', { recursive: true });

  const start = async (): Promise<void> => {
    writeFileSync(join(directory, 'sshd_config'), serverConfig({ directory, port, environment, extra }));
    const server = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(directory, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    server.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child = server;
    await until('sshd', () => isListening(port));
  };
  const sessions = (): number[] => (child?.pid === undefined ? [] : descendants(child.pid));
  const stop = async (): Promise<void> => {
    const server = child;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    const left = sessions();
    server.kill('SIGTERM');
    await ended;
    kill(left);
    child = undefined;
  };
  await start();
  return {
    binDir, port, start, stop,
    log: () => said,
    killSessions: () => kill(sessions()),
    hasSessions: () => sessions().length > 0,
    configure: (lines) => {
      extra = lines;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function serverConfig({ directory, port, environment, extra }: {
  directory: string; port: number; environment: Readonly<Record<string, string>>; extra: readonly string[];
}): string {
  return [
    ...extra,
    `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${directory}/hostkey`, `PidFile ${directory}/sshd.pid`,
    `AuthorizedKeysFile ${directory}/authorized_keys`, 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no',
    'KbdInteractiveAuthentication no', 'PermitRootLogin yes', 'LogLevel VERBOSE',
    `SetEnv ${Object.entries(environment).map(([name, value]) => `${name}=${value}`).join(' ')}`, '',
  ].join('\n');
}

/** ssh reads the configuration of the account's real home whatever HOME says: the one in `binDir` is given another. */
function writeClient({ directory, binDir, host, port, clientLines }: {
  directory: string; binDir: string; host: string; port: number; clientLines: readonly string[];
}): void {
  const config = join(directory, 'ssh_config');
  writeFileSync(config, [
    `Host ${host}`, '  HostName 127.0.0.1', `  Port ${port}`, `  IdentityFile ${directory}/key`, '  IdentitiesOnly yes', '  IdentityAgent none',
    `  UserKnownHostsFile ${directory}/known_hosts`, '  GlobalKnownHostsFile /dev/null', '  StrictHostKeyChecking accept-new',
    ...clientLines.map((line) => `  ${line}`), '',
  ].join('\n'));
  for (const program of ['ssh', 'scp', 'sftp']) {
    const script = join(binDir, program);
    writeFileSync(script, `#!/bin/sh\nexec ${execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()} -F ${config} "$@"\n`);
    chmodSync(script, 0o755);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Sessions outlive the listener: their processes are found by their parents. */
function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const line of execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')) {
    const [child = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const found: number[] = [];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const below = children.get(next) ?? [];
    found.push(...below);
    waiting.push(...below);
  }
  return found;
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
