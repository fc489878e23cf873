// Two hosts in network namespaces: an account without any rights and with an empty home, and another user beside it.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { collectorStatus, readFacts, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, type Finished } from '../support/processes.ts';
import { noTwoHosts, openTwoHosts, type TwoHosts } from '../support/two-hosts.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
let hosts: TwoHosts;
let laptop: MachineHome;

const tt = (...args: string[]): Promise<Finished> => runCommand(laptop, 'tt', args, { under: hosts.onLaptop });

describe.skipIf(noTwoHosts !== undefined)(`tt deploy from host to host (${noTwoHosts ?? 'in namespaces'})`, { timeout: 180_000 }, () => {
  beforeEach(async () => {
    hosts = await openTwoHosts();
    laptop = createMachineHome('laptop', { PATH: `${hosts.binDir}:${process.env['PATH'] ?? ''}` });
    await startCollector(laptop, { under: hosts.onLaptop });
  });
  afterEach(async () => {
    await hosts[Symbol.asyncDispose]();
    await killAll();
    laptop.remove();
  });

  it.skipIf(!hasTmux)('brings the first event of a running tmux, and nothing of it to another user there', async () => {
    const tmux = (words: string): string => {
      const { stdout, stderr } = hosts.as(hosts.user, `tmux -L tt ${words}`);
      return stdout + stderr;
    };
    expect(tmux('new-session -d -s dev /bin/sh')).toBe('');
    expect(tmux('split-window /bin/sh')).toBe('');
    const deployed = await tt('deploy', 'devbox', '--label', 'devbox', '--yes');
    expect(`${deployed.code} ${deployed.stderr}`).toMatch(/^0 [^]*probe: \d/);
    await until('an event of tmux', () => {
      tmux('select-pane -t :.+');
      return readFacts(laptop.paths.database).events.some(({ type }) => type === 'tmux_pane_focus');
    }, { everyMs: 200 });
    expect((await collectorStatus(laptop)).machines).toMatchObject([{ label: 'devbox', connected: true }]);

    const data = `${hosts.home}/.local/share/tt`;
    const state = `${hosts.home}/.local/state/tt`;
    const [socket] = readdirSync(`${state}/run`).filter((name) => name.startsWith('in-'));
    expect(socket).toBeDefined();
    for (const file of [`${data}/machine.key`, `${data}/events.jsonl`, `${data}/uplink.json`, `${state}/endpoint.json`]) {
      expect(hosts.as(hosts.user, `test -s ${file}`).status).toBe(0);
      expect(hosts.as(hosts.other, `cat ${file}`)).toMatchObject({ status: 1, stdout: '' });
    }
    const dial = `${process.execPath} -e 'require("net").connect(process.argv[1]).on("connect", () => process.exit(0)).on("error", () => process.exit(7))' ${state}/run/${socket ?? ''}`;
    expect(hosts.as(hosts.user, dial).status).toBe(0);
    expect(hosts.as(hosts.other, dial).status).toBe(7);
    // Nothing else listens there: neither the ingest port nor the page.
    expect(hosts.as(hosts.other, "grep -c ' 0A ' /proc/net/tcp").stdout.trim()).toBe('1');
  });

  it('says where to get Node where there is none, and changes nothing', async () => {
    await hosts.hide(process.execPath);
    const { code, stderr } = await tt('deploy', 'devbox', '--yes');
    expect(stderr).toMatch(/^tt: there is no Node 20\.19 or newer on devbox\n {2}next: .*nodejs\.org/m);
    expect(code).toBe(1);
    expect(readdirSync(hosts.home)).toEqual([]);
  });

  it('is stopped by a disk that fills up on the way, with every file whole or not there, and goes on from there', async () => {
    const disk = (options: string): void => expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `${options},uid=${statSync(hosts.home).uid},mode=755`, 'tt', hosts.home]).status).toBe(0);
    writeFileSync(join(hosts.standIns, 'df'), '#!/bin/sh\nprintf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9000000 0 9000000 1%% /\\n"\n', { mode: 0o755 });
    disk('size=600k');
    try {
      await hosts.hide(undefined);
      const { code, stderr } = await tt('deploy', 'devbox', '--label', 'devbox', '--no-tmux', '--yes');
      expect(stderr).toMatch(/^tt: devbox has no room left where .* is\n {2}next: make some: ssh devbox df -h .*; tt deploy devbox then goes on from here$/m);
      expect(code).toBe(1);
      expect(hosts.as(hosts.user, 'cd && find . -type f').stdout).toBe('./.local/share/tt/deployed\n');
      disk('remount,size=64m');
      const again = await tt('deploy', 'devbox', '--label', 'devbox', '--no-tmux', '--yes');
      expect(`${again.code} ${again.stderr}`).toMatch(/^0 /);
    } finally {
      await hosts.faults.powerOff();
      spawnSync('umount', ['--lazy', hosts.home]);
    }
  });

  it('is stopped by a home that belongs to somebody else, before anything is changed', async () => {
    spawnSync('chown', ['root', hosts.home]);
    const { code, stderr } = await tt('deploy', 'devbox', '--yes');
    expect(stderr).toContain(`tt: ${hosts.home} on devbox can not be written\n`);
    expect(code).toBe(1);
    expect(readdirSync(hosts.home)).toEqual([]);
  });
});
