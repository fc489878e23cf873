// A real sshd, a real tmux, an empty home, and the shipped programs: one command adds a machine, and one takes it off.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { TtEvent } from '../../shared/event.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, enrol, readFacts, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, type Finished } from '../support/processes.ts';
import { hasSshd } from '../support/real-sshd.ts';
import { openRemoteAccount, type RemoteAccount, type RemoteAccountOptions } from '../support/remote-account.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
const seed = freshSeed();
/** Everything a shell or tmux itself could take for more than a name. */
const HOSTILE = '$(touch pwned) "x" \'y\' é\ntouch pwned';

/** A stand-in that finds so many KiB free. */
const dfWith = (free: number): string => `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9000000 0 ${free} 9%% /\\n'`;

let remote: RemoteAccount;
let laptop: MachineHome;
let client: ChildProcess | undefined;

async function open(options: RemoteAccountOptions = {}): Promise<void> {
  remote = await openRemoteAccount(options);
  laptop = createMachineHome('laptop', { PATH: `${remote.sshd.binDir}:${process.env['PATH'] ?? ''}` });
  await startCollector(laptop);
}

const tt = (...args: string[]): Promise<Finished> => runCommand(laptop, 'tt', args);
const deploy = (...args: string[]): Promise<Finished> => tt('deploy', 'devbox', '--yes', ...args);

async function succeed(running: Promise<Finished>): Promise<Finished> {
  const finished = await running;
  if (finished.code !== 0) throw new Error(`${finished.stdout}${finished.stderr}\nsshd: ${remote.sshd.log().slice(-2000)}`);
  return finished;
}

async function configureSshd(...lines: string[]): Promise<void> {
  remote.sshd.configure(lines);
  await remote.sshd.stop();
  await remote.sshd.start();
}

function startTmux(): void {
  expect(remote.tmux('new-session', '-d', '-s', 'dev', '-x', '120', '-y', '40', '/bin/sh')).toBe('');
  client = spawn('tmux', ['-L', 'tt', '-C', 'attach'], { stdio: ['pipe', 'ignore', 'ignore'], env: { ...remote.environment, TERM: 'xterm-256color' } });
}

/** What the laptop's database holds of tmux. */
const paneEvents = (): TtEvent[] => readFacts(laptop.paths.database).events.filter(({ source }) => source === 'remote.tmux');

async function eventAfter(act: () => void, what: string, wanted: (event: TtEvent) => boolean): Promise<void> {
  const before = new Set(paneEvents().map(({ id }) => id));
  act();
  await until(what, () => paneEvents().some((event) => !before.has(event.id) && wanted(event)), { timeoutMs: 30_000, everyMs: 100 });
}

function claudeWriter(): ClaudeWriter {
  const projects = join(remote.home, '.claude/projects');
  mkdirSync(projects, { recursive: true });
  return createClaudeWriter({ projects, random: seededRandom(seed) });
}

function act(writer: ClaudeWriter, count: number): void {
  for (let at = 0; at < count; at += 1) writer.act();
  writer.settle();
}

const agentFile = (): string => join(remote.paths.dataDir, 'tt-agent.mjs');

describe.skipIf(!hasSshd)(`tt deploy (SEED=${seed})`, { timeout: 180_000 }, () => {
  afterEach(async () => {
    client?.kill();
    client = undefined;
    await remote[Symbol.asyncDispose]();
    await killAll();
    laptop.remove();
  });

  it('goes from nothing to the first event in the laptop’s database by one command, and repairs when it is run again', async () => {
    await open();
    const empty = remote.snapshot();
    const planned = await succeed(deploy('--label', 'devbox', '--dry-run'));
    expect(planned.stdout).toMatch(/would:[^]*copy [^]*enrol it as devbox[^]*nothing was changed/);
    expect(remote.snapshot()).toEqual(empty);

    const writer = claudeWriter();
    act(writer, 20);
    const { stderr } = await succeed(deploy('--label', 'devbox'));
    for (const step of ['look', 'copy', 'enrol', 'tunnel', 'service', 'probe', 'first look']) expect(stderr).toMatch(new RegExp(`^devbox: ${step}: .* \\(\\d+\\.\\d s\\)$`, 'm'));
    await untilAgreed(laptop.paths.database, () => writer.facts);
    const [machine] = (await collectorStatus(laptop)).machines;
    expect(machine).toMatchObject({ label: 'devbox', connected: true, state: 'live' });
    expect(remote.crontab()).toMatch(/@reboot .*tt-agent\.sh/);
    expect(remote.run(join(remote.home, '.local/bin/tt'), ['status', '--json']).stdout).toContain('"connected": true');

    // What breaks in real life: a file gone, the agent dead, the tunnel's note lost.
    remote.run('/bin/sh', [join(remote.paths.dataDir, 'background.sh'), 'stop', join(remote.paths.stateDir, 'tt-agent.pid')]);
    for (const file of ['hook.sh', 'tt-agent.sh']) remote.run('rm', [join(remote.paths.dataDir, file)]);
    remote.run('rm', [remote.paths.endpointFile]);
    act(writer, 20);
    const again = await succeed(deploy('--json'));
    expect(JSON.parse(again.stdout)).toMatchObject({ schema: 1, ok: true, label: 'devbox', machine_id: machine?.machine_id });
    expect(again.stderr).not.toMatch(/enrol/);
    await untilAgreed(laptop.paths.database, () => writer.facts);
    expect((await collectorStatus(laptop)).machines).toHaveLength(1);
  });

  it.skipIf(!hasTmux)('makes every hook of a running tmux an event on the laptop, and runs nothing that a directory is called', async () => {
    await open();
    startTmux();
    await succeed(deploy('--label', 'devbox'));
    const directory = join(remote.home, HOSTILE);
    mkdirSync(directory);
    const inHostile = (event: TtEvent): boolean => event['cwd'] === directory;
    await eventAfter(() => remote.tmux('new-window', '-c', directory, '/bin/sh'), 'a new window', ({ type }) => type === 'tmux_pane_focus');
    // A pane that has only just started has no directory yet.
    await until('the directory of the pane', () => remote.tmux('display-message', '-p', '#{pane_current_path}').includes('touch pwned'));
    await eventAfter(() => remote.tmux('split-window', '-c', directory, '/bin/sh'), 'a new pane', ({ type }) => type === 'tmux_pane_focus');
    await eventAfter(() => remote.tmux('select-pane', '-t', '%1'), 'a selected pane', (event) => event['pane_id'] === '%1' && inHostile(event));
    await eventAfter(() => remote.tmux('copy-mode', '-t', '%1'), 'scrolling', (event) => event.type === 'tmux_scroll' && inHostile(event));
    remote.tmux('send-keys', '-t', '%1', '-X', 'cancel');
    await eventAfter(() => remote.tmux('select-window', '-t', '0'), 'another window', (event) => event['pane_id'] === '%0');
    remote.tmux('new-session', '-d', '-s', 'other', '/bin/sh');
    await eventAfter(() => remote.tmux('switch-client', '-t', 'other'), 'another session', (event) => event['tmux_session'] === 'other');
    const made = [process.cwd(), remote.home, directory].flatMap((place) => readdirSync(place)).filter((name) => name.startsWith('pwned'));
    expect(made).toEqual([]);
  });

  it('undeploys to what was there before: files, crontab, and options of tmux', async () => {
    await open();
    // The last line has no end, and the bytes are no UTF-8.
    writeFileSync(join(remote.home, '.tmux.conf'), Buffer.from('set -g history-limit 5000\n# caf\xe9', 'latin1'), { mode: 0o640 });
    remote.run('sh', ['-c', 'echo "0 3 * * * backup" | crontab -']);
    if (hasTmux) startTmux();
    const options = (): string => (hasTmux ? ['show-options -g', 'show-options -s', 'show-options -gw', 'show-hooks -g'].map((words) => remote.tmux(...words.split(' '))).join('') : '');
    const before = { files: remote.snapshot(), options: options(), crontab: remote.crontab() };
    await succeed(deploy('--label', 'devbox'));
    expect(options() !== before.options).toBe(hasTmux);
    const { stderr } = await succeed(tt('undeploy', 'devbox', '--yes'));
    expect(stderr).toMatch(/own logs stay on devbox/);
    expect({ files: remote.snapshot(), options: options(), crontab: remote.crontab() }).toEqual(before);
    expect((await collectorStatus(laptop)).machines).toMatchObject([{ label: 'devbox', state: 'retired' }]);

    // Back again, as the machine that it becomes; and off with its data left there.
    await succeed(deploy('--label', 'devbox-2', '--no-tmux'));
    const kept = await succeed(tt('undeploy', 'devbox', '--yes', '--keep-data'));
    expect(kept.stderr).toMatch(/left there: .*machine\.json/);
    expect(existsSync(agentFile())).toBe(false);
    // Its identity stayed: it is the same machine again, and in the end nothing of it is left.
    await succeed(deploy('--no-tmux'));
    const states = (await collectorStatus(laptop)).machines.map(({ label, state }) => `${label} ${state}`);
    expect(states.toSorted()).toEqual(['devbox retired', 'devbox-2 live']);
    await succeed(tt('undeploy', 'devbox', '--yes'));
    expect({ files: remote.snapshot(), options: options(), crontab: remote.crontab() }).toEqual(before);
  });

  it('is not taken off while something there has not arrived, nor where it never was', async () => {
    await open();
    const never = await tt('undeploy', 'devbox', '--yes');
    expect(never.stderr).toMatch(/^tt: tt deploy was never at devbox, or all of it is gone\n {2}next: /m);
    await succeed(deploy('--label', 'devbox', '--no-tmux'));
    remote.run('/bin/sh', [join(remote.paths.dataDir, 'background.sh'), 'stop', join(remote.paths.stateDir, 'tt-agent.pid')]);
    const before = remote.snapshot();
    const { code, stderr } = await tt('undeploy', 'devbox', '--yes');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tt: what devbox has not sent yet would be lost: its agent is not connected; nothing was changed\n {2}next: .*--keep-data$/m);
    expect(remote.snapshot()).toEqual(before);
    expect((await collectorStatus(laptop)).machines).toMatchObject([{ label: 'devbox', state: 'away' }]);
  });

  it('says what is in the way, with the next step, and changes nothing', async () => {
    await open({ standIns: { df: dfWith(1000) } });
    const empty = remote.snapshot();
    const refused = async (what: RegExp, next: RegExp, code: number, ...args: string[]): Promise<void> => {
      const { code: status, stderr } = await deploy(...args);
      const said = stderr.split('\n').filter((line) => /^(tt:|  next:)/.test(line));
      expect(said).toHaveLength(2);
      expect(said[0]).toMatch(what);
      expect(said[1]).toMatch(next);
      expect(status).toBe(code);
      expect(remote.snapshot()).toEqual(empty);
    };
    await refused(/has 1000 kB left where .* is, too little/, /make room for 16\.0 MB/, 1);
    writeFileSync(join(remote.standIns, 'df'), '#!/bin/sh\nexec /bin/df "$@"\n');

    await configureSshd('PubkeyAuthentication no');
    await refused(/does not let us in without a password/, /ssh-add/, 5);
    await configureSshd('ForceCommand /bin/false');
    await refused(/runs no commands/, /must print ok/, 1);
    await configureSshd();
    const knownHosts = join(dirname(remote.sshd.binDir), 'known_hosts');
    const known = readFileSync(knownHosts, 'utf8');
    writeFileSync(knownHosts, known.replace(/ssh-ed25519 \S+/, () => readFileSync(join(dirname(remote.sshd.binDir), 'key.pub'), 'utf8').split(' ').slice(0, 2).join(' ')));
    await refused(/the host key of devbox is not the known one/, /ssh devbox true/, 5);
    writeFileSync(knownHosts, known);
    await remote.sshd.stop();
    await refused(/devbox can not be reached/, /ssh devbox true/, 3);
    await remote.sshd.start();

    const other = createMachineHome('other');
    await enrol(laptop, other, 'taken');
    other.remove();
    await refused(/another machine is called "taken"/, /--label OTHER/, 2, '--label', 'taken');
    await refused(/"No Label" is not a label/, /--label LABEL/, 2, '--label', 'No Label');
  });

  it('needs a home that can be written', async () => {
    await open({ environment: { HOME: '/proc' }, standIns: { df: dfWith(9_000_000) } });
    const { code, stderr } = await deploy('--label', 'devbox');
    expect(stderr).toMatch(/\/proc.* on devbox can not be written\n {2}next: make it yours and make room/);
    expect(code).toBe(1);
  });

  it('says so where forwarding is refused, and goes on from there once it is allowed; a port will do where sockets will not', async () => {
    await open();
    await configureSshd('AllowTcpForwarding no', 'AllowStreamLocalForwarding no');
    const { code, stderr } = await deploy('--label', 'devbox', '--no-tmux');
    expect(stderr).toMatch(/^tt: devbox forbids forwarding\n {2}next: .*AllowTcpForwarding yes.*tt deploy devbox then goes on from here$/m);
    expect(code).toBe(1);
    expect((await collectorStatus(laptop)).machines).toEqual([]);
    await configureSshd('AllowStreamLocalForwarding no');
    const { stderr: second } = await succeed(deploy('--label', 'devbox', '--no-tmux'));
    expect(second).toMatch(/copy: all files were there/);
    expect(second).toMatch(/tunnel: its sshd forwards no Unix sockets/);
  });

  it.skipIf(!hasTmux)('asks before it changes a file of the user’s, and nobody is there to answer', async () => {
    await open();
    const before = remote.snapshot();
    const { code, stderr } = await tt('deploy', 'devbox', '--label', 'devbox');
    expect(code).toBe(2);
    expect(stderr).toMatch(/This will add a marked block to .*\.tmux\.conf on devbox\. Nobody is there to ask\n {2}next: repeat it with --yes/);
    expect(remote.snapshot()).toEqual(before);
  });
});
