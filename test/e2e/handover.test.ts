// The shipped programs and a real ssh: a session goes from the archive to the laptop, to a machine behind sshd, and back.
import { copyFileSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKeyPair } from '../../shared/protocol/tokens.ts';
import { projectDirectoryName } from '../../shared/session-file/project-directory.ts';
import { chain, isValidChain, linesOf, makeRepository, SESSION, sessionFileOf, text } from '../support/handed-session.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, executableOf, killAll, runCommand, type Finished } from '../support/processes.ts';
import { hasSshd, openRealSshd, type RealSshd } from '../support/real-sshd.ts';

const DEVBOX = 'de7b0000-0000-4000-8000-000000000001';
const AWAY = '/Users/somebody/projects/shop';
const BASE = chain([], 4, { name: 'a', cwd: AWAY });
let laptop: MachineHome;

beforeAll(ensureExecutables, 120_000);

const tt = (...args: string[]): Promise<Finished> => runCommand(laptop, 'tt', args);

/** Written an hour ago. */
function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const then = Date.now() / 1000 - 3600;
  utimesSync(path, then, then);
}

const archived = (project: string, session = SESSION): string => join(laptop.paths.archiveDir, DEVBOX, 'projects', project, `${session}.jsonl`);

describe('tt sessions', { timeout: 120_000 }, () => {
  beforeEach(() => {
    laptop = createMachineHome('laptop');
    write(archived(projectDirectoryName(AWAY)), text(BASE));
  });
  afterEach(async () => {
    await killAll();
    laptop.remove();
  });

  it('pull brings a session here of a machine that is gone, into the same repository, and says how it goes on', async () => {
    expect(await tt('sessions', 'pull', SESSION.slice(0, 8))).toMatchObject({ code: 2, stderr: expect.stringContaining('--to DIRECTORY') as string });
    const shop = makeRepository(laptop.home, 'src/shop');
    expect((await tt('sessions', 'pull', SESSION, '--dry-run')).stdout).toContain(`it would go on in ${shop} on this computer`);
    const { code, stdout } = await tt('sessions', 'pull', SESSION);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`cd ${shop} && claude --resume ${SESSION}\n`)]);
    expect(linesOf(sessionFileOf(laptop, shop)).map(({ cwd }) => cwd)).toEqual([shop, shop, shop, shop]);
    const again = await tt('sessions', 'pull', `${SESSION}@${DEVBOX}`, '--json');
    expect(again.stderr).toContain('written to within the last minute');
  });

  it('pull asks where it could be several directories', async () => {
    const [one, two] = [makeRepository(laptop.home, 'src/shop'), makeRepository(laptop.home, 'code/shop')];
    const refused = await tt('sessions', 'pull', SESSION);
    expect([refused.code, refused.stderr.includes(one), refused.stderr.includes(two)]).toEqual([2, true, true]);
    expect(await tt('sessions', 'pull', SESSION, '--to', two)).toMatchObject({ code: 0 });
    expect(existsSync(sessionFileOf(laptop, two))).toBe(true);
  });

  // CI installs sshd.
  describe.skipIf(!hasSshd)('push', () => {
    let remote: MachineHome;
    let sshd: RealSshd;

    beforeEach(async () => {
      remote = createMachineHome('remote');
      const { HOME = '', XDG_STATE_HOME = '', XDG_DATA_HOME = '', XDG_CONFIG_HOME = '' } = remote.environment;
      sshd = await openRealSshd({ environment: { HOME, XDG_STATE_HOME, XDG_DATA_HOME, XDG_CONFIG_HOME, TMPDIR: HOME } });
      laptop.remove();
      laptop = createMachineHome('laptop', { PATH: `${sshd.binDir}:${process.env['PATH'] ?? ''}` });
      write(archived(projectDirectoryName(AWAY)), text(BASE));
    });
    afterEach(async () => {
      await sshd[Symbol.asyncDispose]();
      remote.remove();
    });

    it('goes on there once the owner allows it, and comes back with every entry once', async () => {
      const [there, here] = [makeRepository(remote.home, 'work/shop'), makeRepository(laptop.home, 'src/shop')];
      expect(await tt('sessions', 'push', SESSION, 'devbox')).toMatchObject({ code: 1, stderr: expect.stringContaining('tt deploy devbox') as string });
      mkdirSync(remote.paths.dataDir, { recursive: true });
      copyFileSync(executableOf('tt-agent'), join(remote.paths.dataDir, 'tt-agent.mjs'));
      expect(await tt('sessions', 'push', SESSION, 'devbox')).toMatchObject({ code: 5, stderr: expect.stringContaining('receive = true') as string });
      write(remote.paths.configFile, 'receive = true\n');
      const pushed = await tt('sessions', 'push', SESSION, 'devbox', '--json');
      expect(JSON.parse(pushed.stdout)).toMatchObject({ schema: 1, session: SESSION, result: 'new', directory: there, command: `cd ${there} && claude --resume ${SESSION}` });

      // It goes on there, and the archive of that machine has it.
      const more = chain(readFileSync(sessionFileOf(remote, there), 'utf8').trimEnd().split('\n'), 2, { name: 'b', cwd: there });
      write(archived(projectDirectoryName(there)), text(more));
      write(sessionFileOf(laptop, here), text(BASE.map((line) => line.replaceAll(AWAY, here))));
      const pulled = await tt('sessions', 'pull', SESSION);
      expect(pulled).toMatchObject({ code: 0 });
      const lines = linesOf(sessionFileOf(laptop, here));
      expect(lines.map(({ uuid, cwd }) => [uuid, cwd])).toEqual(['a-0', 'a-1', 'a-2', 'a-3', 'b-0', 'b-1'].map((uuid) => [uuid, here]));
      expect(isValidChain(lines)).toBe(true);

      // In step by one command: what only one of them has.
      const { publicKey } = await createKeyPair();
      write(laptop.paths.machinesFile, JSON.stringify({ version: 1, machines: [{ machine_id: DEVBOX, label: 'box', public_key: publicKey, enrolled_at: '2026-01-01T00:00:00.000Z', ssh_host: 'devbox' }] }));
      const mine = 'a11e0000-0000-4000-8000-000000000002';
      write(sessionFileOf(laptop, here, mine), text(chain([], 2, { name: 'm', cwd: here, session: mine })));
      expect(await tt('sessions', 'sync', 'box', '--project', 'shop', '--dry-run')).toMatchObject({ code: 0, stdout: `box: would push 1 session\n  push ${mine}  ${here}\n` });
      expect(await tt('sessions', 'sync', 'box')).toMatchObject({ code: 0, stdout: 'box: 1 session pushed\n', stderr: '' });
      expect(linesOf(sessionFileOf(remote, there, mine)).map(({ cwd }) => cwd)).toEqual([there, there]);
      copyFileSync(sessionFileOf(remote, there, mine), archived(projectDirectoryName(there), mine));
      expect(await tt('sessions', 'sync', 'box')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    });
  });
});
