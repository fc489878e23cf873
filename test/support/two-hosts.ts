/**
 * Two hosts on one machine: network namespaces with a cable between them, a real
 * sshd on the far one, and accounts there that the test made. Needs root.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHostFaults, killAllIn, type Cable, type HostFaults } from './host-faults.ts';
import { until } from './until.ts';

const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = ['ip', 'nft', 'useradd', 'userdel', 'runuser', 'unshare', 'ssh-keygen', '/usr/sbin/sshd'].find((program) => !has(program));
  if (missing !== undefined) return `no ${missing}`;
  const name = `tt-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'no network namespaces';
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

/** Undefined: it can be done here. */
export const noTwoHosts = whyNot();

export interface TwoHosts extends AsyncDisposable {
  /** Words before a command that is to run on the laptop. */
  readonly onLaptop: readonly string[];
  /** Has `ssh`, which reaches `devbox`. */
  readonly binDir: string;
  readonly user: string;
  readonly other: string;
  readonly home: string;
  /** Directory that is first in the PATH of both accounts. */
  readonly standIns: string;
  /** On the far host. */
  as(user: string, command: string): { status: number | null; stdout: string; stderr: string };
  /** Starts its sshd anew, with `file` hidden from all who log in. */
  hide(file: string | undefined): Promise<void>;
  readonly faults: HostFaults;
}

export interface TwoHostsOptions {
  /** Of whoever logs in on the far host. */
  environment?: Readonly<Record<string, string>>;
}

const FAR = '10.99.0.2';

export async function openTwoHosts({ environment = {} }: TwoHostsOptions = {}): Promise<TwoHosts> {
  const directory = mkdtempSync(join(tmpdir(), 'tt-ns-'));
  chmodSync(directory, 0o711);
  const id = directory.slice(-6).toLowerCase().replaceAll(/[^a-z0-9]/g, '0');
  const cable: Cable = { laptop: `tt-l-${id}`, far: `tt-r-${id}`, near: `tl${id}`, away: `tr${id}` };
  const [user, other] = [`ttu${id}`, `ttv${id}`];
  const { laptop, far } = cable;
  const [home, bin, standIns] = ['home', 'bin', 'stand-ins'].map((name) => join(directory, name)) as [string, string, string];
  for (const path of [bin, standIns]) mkdirSync(path, { mode: 0o755 });
  for (const [name, where] of [[user, home], [other, join(directory, 'other')]] as const) {
    run('useradd', '-m', '-k', '/nonexistent', '-d', where, '-s', '/bin/sh', name);
    run('usermod', '-p', '*', name);
    chmodSync(where, 0o755);
  }
  const crontab = writeStandIns(directory, standIns, user);
  const account = { PATH: `${standIns}:/usr/bin:/bin`, TMUX_TMPDIR: home, LANG: 'C.UTF-8', ...environment };
  connectHosts(cable);
  writeKeys({ directory, binDir: bin, user, account });
  let server: ChildProcess | undefined;
  const start = async (hidden?: string): Promise<void> => {
    const hide = hidden === undefined ? '' : `mount --bind /dev/null '${hidden}' && `;
    server = spawn('ip', ['netns', 'exec', far, 'unshare', '-m', 'sh', '-c', `${hide}exec /usr/sbin/sshd -D -e -f '${directory}/sshd_config'`], { stdio: 'ignore' });
    await until('sshd', () => spawnSync('ip', ['netns', 'exec', far, 'ss', '-Hltn', 'sport = :22'], { encoding: 'utf8' }).stdout.includes(FAR));
  };
  const as: TwoHosts['as'] = (name, command) => {
    const own = Object.entries({ ...account, HOME: name === user ? home : join(directory, 'other'), TERM: 'xterm-256color' }).map(([key, value]) => `${key}=${value}`);
    const { status, stdout, stderr } = spawnSync('ip', ['netns', 'exec', far, 'runuser', '-u', name, '--', 'env', '-i', ...own, 'sh', '-c', command], { encoding: 'utf8', cwd: '/' });
    return { status, stdout, stderr };
  };
  const runAtBoot = (): void => {
    const lines = existsSync(crontab) ? readFileSync(crontab, 'utf8').split('\n') : [];
    for (const line of lines) if (line.startsWith('@reboot ')) as(user, line.slice('@reboot '.length));
  };
  await start();
  return {
    onLaptop: ['ip', 'netns', 'exec', laptop], binDir: bin, user, other, home, standIns, as,
    faults: createHostFaults(cable, { start, runAtBoot }),
    async hide(file) {
      killAllIn(far);
      await start(file);
    },
    async [Symbol.asyncDispose]() {
      killAllIn(far);
      await until('the end of sshd', () => server === undefined || server.exitCode !== null || server.signalCode !== null);
      killAllIn(laptop);
      for (const name of [laptop, far]) spawnSync('ip', ['netns', 'del', name]);
      for (const name of [user, other]) spawnSync('userdel', [name]);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** No systemd, and a crontab of its own; answers where that is. */
function writeStandIns(directory: string, standIns: string, user: string): string {
  const cron = join(directory, 'cron');
  mkdirSync(cron);
  run('chown', user, cron);
  const table = join(cron, 'table');
  const scripts = {
    crontab: `case $1 in -l) cat '${table}' 2>/dev/null || { echo 'no crontab for me' >&2; exit 1; } ;; -r) rm -f '${table}' ;; *) cat > '${table}' ;; esac`,
    systemctl: 'exit 1',
    loginctl: 'exit 1',
  };
  for (const [program, body] of Object.entries(scripts)) writeFileSync(join(standIns, program), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return table;
}

function writeKeys({ directory: at, binDir, user, account }: { directory: string; binDir: string; user: string; account: Readonly<Record<string, string>> }): void {
  mkdirSync('/run/sshd', { recursive: true });
  for (const name of ['hostkey', 'key']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(at, name));
  writeFileSync(join(at, 'authorized_keys'), readFileSync(join(at, 'key.pub')), { mode: 0o644 });
  writeFileSync(join(at, 'sshd_config'), [
    'Port 22', `ListenAddress ${FAR}`, `HostKey ${at}/hostkey`, `PidFile ${at}/sshd.pid`, `AuthorizedKeysFile ${at}/authorized_keys`, 'StrictModes no', 'UsePAM no',
    'PasswordAuthentication no', 'KbdInteractiveAuthentication no', `SetEnv ${Object.entries(account).map(([name, value]) => `${name}=${value}`).join(' ')}`, '',
  ].join('\n'));
  writeFileSync(join(at, 'ssh_config'), [
    'Host devbox', `  HostName ${FAR}`, `  User ${user}`, `  IdentityFile ${at}/key`, '  IdentitiesOnly yes', '  IdentityAgent none',
    `  UserKnownHostsFile ${at}/known_hosts`, '  GlobalKnownHostsFile /dev/null', '  StrictHostKeyChecking accept-new', '',
  ].join('\n'));
  writeFileSync(join(binDir, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${at}/ssh_config "$@"\n`, { mode: 0o755 });
}

function connectHosts({ laptop, far, near, away }: Cable): void {
  for (const name of [laptop, far]) run('ip', 'netns', 'add', name);
  run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', away);
  run('ip', 'link', 'set', near, 'netns', laptop);
  run('ip', 'link', 'set', away, 'netns', far);
  run('ip', '-n', laptop, 'addr', 'add', '10.99.0.1/24', 'dev', near);
  run('ip', '-n', far, 'addr', 'add', `${FAR}/24`, 'dev', away);
  for (const [name, link] of [[laptop, near], [far, away]] as const) for (const each of ['lo', link]) run('ip', '-n', name, 'link', 'set', each, 'up');
}
