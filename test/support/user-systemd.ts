/**
 * A real `systemd --user` for an account that the test made, on a machine that
 * need not have been booted with systemd: in a mount namespace with a /run of its
 * own and a cgroup of its own. Needs root.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SYSTEMD = '/lib/systemd/systemd';
/** Layouts with version 1 have a hierarchy of systemd's own beside the unified one. */
const HIERARCHIES = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].filter((directory) => existsSync(join(directory, 'cgroup.procs')));

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  const missing = [SYSTEMD, 'systemctl', 'unshare', 'nsenter', 'setpriv', 'useradd', 'userdel'].find((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  if (missing !== undefined) return `no ${missing}`;
  if (HIERARCHIES.length === 0) return 'no cgroups';
  return spawnSync('unshare', ['-m', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'tmpfs', '/run']).status === 0 ? undefined : 'no mount namespaces';
}

/** Undefined: it can be done here. */
export const noUserSystemd = whyNot();

export interface UserSystemd extends AsyncDisposable {
  readonly home: string;
  /** Where the account finds this repository. */
  readonly root: string;
  /** As the account, in a login of its own. */
  run(command: string, args: readonly string[], options?: { stdin?: string; environment?: Readonly<Record<string, string>> }): { code: number | null; stdout: string; stderr: string };
  /** Of a unit. */
  property(unit: string, name: string): string;
  /** Every file below its home, but for what tt and Claude Code keep there. */
  files(): string[];
}

/** $1 user, $2 its home, $3 name of the cgroup, $4 this repository; the rest: cgroup hierarchies. */
const ENTER = `
user=$1 home=$2 group=$3 repository=$4; shift 4
uid=$(id -u "$user")
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/tt "/run/user/$uid"
mount --bind "$repository" /run/tt
chown "$user" "/run/user/$uid"; chmod 700 "/run/user/$uid"
for hierarchy; do
  mkdir "$hierarchy/$group"; chown -R "$user" "$hierarchy/$group"; echo $$ >"$hierarchy/$group/cgroup.procs"
done
cd /
exec setpriv --reuid="$user" --regid="$user" --clear-groups env -i HOME="$home" USER="$user" PATH=/usr/bin:/bin XDG_RUNTIME_DIR="/run/user/$uid" ${SYSTEMD} --user --log-target=console
`;

export async function openUserSystemd(): Promise<UserSystemd> {
  const directory = mkdtempSync(join(tmpdir(), 'tt-sd-'));
  chmodSync(directory, 0o711);
  const user = `tts${directory.slice(-6).toLowerCase().replaceAll(/[^a-z0-9]/g, '0')}`;
  const home = join(directory, 'home');
  must('useradd', '-m', '-k', '/nonexistent', '-d', home, '-s', '/bin/sh', user);
  const uid = lstatSync(home).uid;
  const manager = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-euc', ENTER, 'sh', user, home, user, ROOT, ...HIERARCHIES], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [manager.stdout, manager.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const environment = { HOME: home, USER: user, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', XDG_RUNTIME_DIR: `/run/user/${uid}` };
  const run: UserSystemd['run'] = (command, args, { stdin = '', environment: more = {} } = {}) => {
    const variables = Object.entries({ ...environment, ...more }).map(([name, value]) => `${name}=${value}`);
    const words = ['-m', '-t', String(manager.pid), 'setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', 'env', '-i', ...variables, command, ...args];
    const { status, stdout, stderr } = spawnSync('nsenter', words, { encoding: 'utf8', input: stdin, cwd: '/' });
    return { code: status, stdout, stderr };
  };
  const close = async (): Promise<void> => {
    const ended = manager.exitCode !== null || manager.signalCode !== null ? undefined : new Promise((resolve) => manager.once('exit', resolve));
    for (const hierarchy of HIERARCHIES) await endGroup(join(hierarchy, user));
    await ended;
    must('userdel', user);
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  };
  try {
    await until('a user’s systemd', () => {
      if (manager.exitCode !== null) throw new Error(said);
      return /running|degraded/.test(run('systemctl', ['--user', 'is-system-running']).stdout);
    });
  } catch (error) {
    await close();
    throw new Error(`${String(error)}: ${said}`, { cause: error });
  }
  return {
    home, root: '/run/tt', run,
    property: (unit, name) => run('systemctl', ['--user', 'show', unit, `--property=${name}`, '--value']).stdout.trim(),
    files: () => walk(home).map((path) => relative(home, path)).filter((path) => !/^\.(local|claude)(\/|$)/.test(path)),
    [Symbol.asyncDispose]: close,
  };
}

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** Ends what is in it and below, and removes it. */
async function endGroup(group: string): Promise<void> {
  if (!existsSync(group)) return;
  await until('the end of the user’s processes', () => {
    const pids = groupsBelow(group).flatMap((each) => readFileSync(join(each, 'cgroup.procs'), 'utf8').split('\n')).filter((pid) => pid !== '');
    for (const pid of pids) spawnSync('kill', ['-KILL', pid]);
    return pids.length === 0;
  });
  for (const each of groupsBelow(group).toReversed()) spawnSync('rmdir', [each]);
}

function groupsBelow(group: string): string[] {
  return [group, ...readdirSync(group, { withFileTypes: true }).filter((entry) => entry.isDirectory()).flatMap(({ name }) => groupsBelow(join(group, name)))];
}

function walk(directory: string): string[] {
  return readdirSync(directory).sort().flatMap((name) => {
    const path = join(directory, name);
    return lstatSync(path).isDirectory() ? walk(path) : [path];
  });
}
