// Sessions mirrored by the programs as they are shipped, while they are written, cut off, deleted and
// moved, and while both programs are killed. Afterwards every file is there as it is, and nothing that
// was archived is gone.
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { filesBelow } from '../support/archive-stage.ts';
import { createClaudeWriter } from '../support/claude-writer.ts';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, type RunningProgram } from '../support/processes.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 6);

let laptop: MachineHome;
let devbox: MachineHome;
beforeEach(() => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
  devbox.environment['TT_ARCHIVE'] = 'true';
});
afterEach(async () => {
  await killAll();
  laptop.remove();
  devbox.remove();
});

function archiveOf(): string {
  return join(laptop.paths.archiveDir, devbox.machineId(), 'projects');
}

/** Of each file as it is there; a file that was cut off may have more in the archive. */
function missing(): string[] {
  const [there, here] = [filesOf(devbox.projects), filesOf(archiveOf())];
  return [...there].filter(([name, bytes]) => here.get(name)?.subarray(0, bytes.length).equals(bytes) !== true).map(([name]) => name);
}

function filesOf(directory: string): Map<string, Buffer> {
  const names = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  return new Map(names.filter((name) => /\.\w+$/.test(name) || name.includes('.before-')).map((name) => [name, readFileSync(join(directory, name))]));
}

async function tt(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await runCommand(laptop, 'tt', [...args, '--json']);
  if (code !== 0) throw new Error(`tt ${args.join(' ')} exited ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('the archive', () => {
  it('has every file byte for byte through kills of both programs, truncations, deletions and moves', async () => {
    const seed = freshSeed();
    const random = seededRandom(seed);
    const writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(random.between(1, 2 ** 31)) });
    let collector: RunningProgram = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await tt('archive', 'on', 'devbox');
    let agent = await startAgent(devbox);
    /** Whatever was archived once: it has to be there at the end, too. */
    const archived = new Map<string, Buffer[]>();
    const note = (): void => {
      for (const [name, bytes] of filesOf(archiveOf())) {
        if (name.includes('.before-')) continue;
        const known = archived.get(name) ?? [];
        const rest = known.filter((earlier) => !bytes.subarray(0, earlier.length).equals(earlier));
        archived.set(name, [...rest, bytes]);
      }
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let act = 0; act < 40; act += 1) writer.act();
      const session = join(devbox.projects, '-home-me-cut', 'cut.jsonl');
      mkdirSync(dirname(session), { recursive: true });
      appendFileSync(session, `{"type":"user","round":${round}}\n`.repeat(random.between(1, 2000)));
      if (round % 3 === 1) truncateSync(session, random.between(0, readFileSync(session).length));
      if (round % 4 === 2) writeFileSync(session, `anew ${round}\n`);
      note();
      await systemClock.sleep(random.between(100, 600));
      const victims = random.pick([[agent], [collector], [agent, collector]]);
      await Promise.all(victims.map((victim) => victim.kill()));
      note();
      if (!collector.isAlive()) collector = await startCollector(laptop);
      if (!agent.isAlive()) agent = await startAgent(devbox);
    }
    await until(`nothing to be missing (seed ${seed})`, () => missing().length === 0, { timeoutMs: 60_000 });
    const now = filesOf(archiveOf());
    const everything = [...now.values()];
    for (const [name, contents] of archived) {
      for (const content of contents) {
        if (!everything.some((bytes) => bytes.subarray(0, content.length).equals(content))) throw new Error(`what was archived of ${name} is gone (seed ${seed})`);
      }
    }
    await until('status to know', async () => JSON.stringify(await tt('archive', 'status')).includes('"waiting_files":0'));
    expect(await tt('archive', 'verify')).toMatchObject({ machines: [{ label: 'devbox', different: [], unreadable: [], strange: [] }] });
  }, 120_000);

  it('is its own authority: neither a database nor an archive that was put back from before makes a hole or brings back what was forgotten', async () => {
    const pathOf = (session: string): string => join(devbox.projects, '-home-me-shop', `${session}.jsonl`);
    const [kept, deleted, secret, later] = ['1', '2', '3', '4'].map((digit) => `${digit}f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11`) as [string, string, string, string];
    const entry = (session: string): string => `${JSON.stringify({ type: 'user', uuid: crypto.randomUUID(), timestamp: new Date().toISOString(), sessionId: session, cwd: '/home/me/shop', message: { role: 'user', content: 'hello' } })}\n`;
    const write = (session: string): void => appendFileSync(pathOf(session), entry(session));
    const isArchived = (session: string): boolean => existsSync(join(archiveOf(), '-home-me-shop', `${session}.jsonl`));
    const forget = async (): Promise<void> => {
      await until('the session to be known', async () => (await runCommand(laptop, 'tt', ['forget', secret, '--dry-run'])).code === 0);
      expect(await tt('forget', secret, '--yes')).toMatchObject({ archived_sessions: 1 });
    };
    const isRight = async (): Promise<void> => {
      await until('nothing to be missing', () => missing().filter((name) => !name.includes(secret)).length === 0);
      expect(await tt('archive', 'verify')).toMatchObject({ machines: [{ different: [], unreadable: [], strange: [] }] });
      expect(await tt('archive', 'prune', '--dry-run')).toMatchObject({ files: [] });
      expect(Object.keys(filesBelow(archiveOf())).filter((name) => name.includes('.before-'))).toEqual([]);
    };
    mkdirSync(dirname(pathOf(kept)), { recursive: true });
    for (const session of [kept, deleted, secret]) write(session);
    let collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    await tt('archive', 'on', 'devbox');
    await startAgent(devbox);
    await until('all of it', () => missing().length === 0 && isArchived(secret));
    const [backup, older] = [join(laptop.directory, 'backup'), join(laptop.directory, 'older')];
    expect((await runCommand(laptop, 'tt', ['collector', 'backup', backup])).code).toBe(0);
    cpSync(laptop.paths.archiveDir, older, { recursive: true });
    for (const session of [kept, later]) write(session);
    rmSync(pathOf(deleted));
    await until('the rest', () => missing().length === 0 && isArchived(later));

    // The archive is newer than the database.
    await collector.stop();
    expect((await runCommand(laptop, 'tt', ['collector', 'restore', backup])).code).toBe(0);
    collector = await startCollector(laptop);
    await isRight();
    expect([kept, deleted, secret, later].map(isArchived)).toEqual([true, true, true, true]);

    // The database is newer than the archive, and knows what was forgotten.
    await forget();
    await collector.stop();
    rmSync(laptop.paths.archiveDir, { recursive: true });
    cpSync(older, laptop.paths.archiveDir, { recursive: true });
    expect(isArchived(secret)).toBe(true);
    await startCollector(laptop);
    await until('what was forgotten to go', () => !isArchived(secret));
    await isRight();
    expect([kept, deleted, secret, later].map(isArchived)).toEqual([true, true, false, true]);
  }, 120_000);

  it('follows, keeps, tells, verifies, repairs, prunes and forgets', async () => {
    cpSync(new URL('../fixtures/claude/claude-2.1.329/projects', import.meta.url).pathname, devbox.projects, { recursive: true });
    const session = '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11';
    const path = join(devbox.projects, '-home-me-shop', `${session}.jsonl`);
    mkdirSync(dirname(path), { recursive: true });
    const entry = (text: string): string => `${JSON.stringify({ type: 'user', uuid: crypto.randomUUID(), timestamp: new Date().toISOString(), sessionId: session, cwd: '/home/me/shop', message: { role: 'user', content: text } })}\n`;
    writeFileSync(path, entry('hello'));
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    delete devbox.environment['TT_ARCHIVE'];
    let agent = await startAgent(devbox);
    expect(await tt('archive', 'on', 'devbox')).toMatchObject({ on: true });
    await until('the owner’s word to be missed', async () => JSON.stringify(await tt('archive', 'status')).includes('not_allowed'));
    expect(existsSync(archiveOf())).toBe(false);
    await agent.stop();
    devbox.environment['TT_ARCHIVE'] = 'true';
    agent = await startAgent(devbox);
    await until('all of it', () => missing().length === 0 && filesOf(archiveOf()).size > 0);

    const moved = path.replace('-shop', '-shop-worktree');
    mkdirSync(dirname(moved));
    renameSync(path, moved);
    appendFileSync(moved, entry('in a worktree'));
    await until('it to have moved', () => missing().length === 0 && !existsSync(join(archiveOf(), '-home-me-shop', `${session}.jsonl`)));

    const name = `-home-me-shop-worktree/${session}.jsonl`;
    writeFileSync(join(archiveOf(), name), readFileSync(join(archiveOf(), name), 'utf8').replace('hello', 'HELLO'));
    const spoilt = await runCommand(laptop, 'tt', ['archive', 'verify', '--json']);
    expect([spoilt.code, (JSON.parse(spoilt.stdout) as { machines: unknown }).machines]).toMatchObject([4, [{ different: [name] }]]);
    expect(await tt('archive', 'verify', '--repair')).toMatchObject({ machines: [{ repaired: 1 }] });
    await until('it to be as it is there', () => missing().length === 0);
    expect(await tt('archive', 'prune', '--older-than', '0', '--dry-run')).toMatchObject({ dry_run: true, files: [{ why: 'old' }] });
    await tt('archive', 'prune', '--older-than', '0');
    expect(Object.keys(filesBelow(archiveOf())).filter((each) => each.includes('.before-'))).toEqual([]);

    rmSync(dirname(moved), { recursive: true });
    await until('the session to be known', async () => (await runCommand(laptop, 'tt', ['forget', session, '--dry-run'])).code === 0);
    expect(readFileSync(join(archiveOf(), name), 'utf8')).toContain('hello');
    expect(await tt('forget', session, '--yes')).toMatchObject({ archived_sessions: 1 });
    mkdirSync(dirname(moved));
    writeFileSync(moved, entry('again'));
    await agent.stop();
    await startAgent(devbox);
    await until('the rest to be asked about again', async () => JSON.stringify(await tt('archive', 'status')).includes('"waiting_files":0'));
    expect(Object.keys(filesBelow(archiveOf())).filter((each) => each.includes(session))).toEqual([]);
  }, 120_000);
});
