import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { SESSION_COMMANDS } from '../../../collector/commands/session-commands.ts';
import { TUNNEL_COMMANDS } from '../../../collector/commands/tunnel-commands.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';
import { chain, HandedMachine, NOW, SESSION, text } from '../../support/handed-session.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const DEVBOX = 'de7b0000-0000-4000-8000-000000000001';
let laptop: HandedMachine;

beforeEach(async () => {
  laptop = new HandedMachine('laptop', mkdtempSync(join(tmpdir(), 'tt-sync-')));
  const { publicKey } = await createKeyPair();
  laptop.write(resolvePaths({}, laptop.home).machinesFile, JSON.stringify({ version: 1, machines: [{ machine_id: DEVBOX, label: 'devbox', public_key: publicKey, enrolled_at: '2026-01-01T00:00:00.000Z', ssh_host: null, sync_host: 'far' }] }));
});

const archive = (session: string): void => void laptop.write(join(resolvePaths({}, laptop.home).archiveDir, DEVBOX, 'projects/-x-shop', `${session}.jsonl`), text(chain([], 2, { name: session, cwd: '/x/shop', session })));
const tt = (...argv: string[]): Promise<CommandRun> => runCommand([...SESSION_COMMANDS, ...TUNNEL_COMMANDS], argv, laptop.home, { clock: new ManualClock(NOW) });

describe('keeping sessions in step', () => {
  it('says what it would do, is quiet where nothing is to do, and refuses a machine that it does not know', async () => {
    expect(await tt('sessions', 'sync', 'devbox')).toEqual({ code: 0, stdout: '', stderr: '' });
    archive(SESSION);
    expect(await tt('sessions', 'sync', 'devbox', '--dry-run')).toEqual({ code: 0, stdout: `devbox: would pull 1 session\n  pull ${SESSION}  /x/shop\n`, stderr: '' });
    expect(await tt('sessions', 'sync', 'devbox', '--dry-run', '--project', 'shopping')).toMatchObject({ stdout: '' });
    expect(JSON.parse((await tt('sessions', 'sync', 'devbox', '--dry-run', '--json')).stdout)).toEqual({ schema: 1, machines: ['devbox'], sessions: [{ machine: 'devbox', session: SESSION, way: 'pull', directory: '/x/shop', bytes: expect.any(Number) as number, result: 'would', note: null, error: null }] });
    expect(await tt('sessions', 'sync', 'nobody')).toMatchObject({ code: 2, stderr: expect.stringContaining('no machine is called') as string });
  });

  it('warns of what fails, and goes on', async () => {
    archive('one');
    archive('two');
    const { code, stdout, stderr } = await tt('sessions', 'sync', 'devbox');
    expect([code, stdout]).toEqual([1, 'devbox: 2 failed\n']);
    expect(stderr.match(/^(one|two): there is no .*tt-agent\.mjs$/gm)).toHaveLength(2);
  });

  it('without a machine looks at those that the rules name, as far as the rules say, and fails for none of them', async () => {
    laptop.write(resolvePaths({}, laptop.home).configFile, '[sync]\nrepositories = ["shop"]\nmachines = ["devbox", "gone"]\n');
    archive('one');
    laptop.write(join(resolvePaths({}, laptop.home).archiveDir, DEVBOX, 'projects/-x-other', 'two.jsonl'), text(chain([], 2, { name: 'two', cwd: '/x/other', session: 'two' })));
    expect(await tt('sessions', 'sync', '--dry-run')).toEqual({ code: 0, stdout: 'devbox: would pull 1 session\n  pull one  /x/shop\n', stderr: 'gone: a rule names it, but no machine is called so: tt machines\n' });
    expect(await tt('sessions', 'sync', '--dry-run', '--project', 'other')).toMatchObject({ stdout: 'devbox: would pull 1 session\n  pull two  /x/other\n' });
    expect(await tt('sessions', 'sync')).toMatchObject({ code: 0, stdout: 'devbox: 1 failed\n' });
    expect(await tt('sessions', 'sync', 'devbox', '--dry-run')).toMatchObject({ stdout: expect.stringContaining('would pull 2 sessions') as string });
  });

  it('without a machine and without rules asks the collector who is connected', async () => {
    expect(await tt('sessions', 'sync')).toMatchObject({ code: 3, stderr: expect.stringContaining('no collector is running') as string });
  });

  it('by tt sync --sessions-only asks nobody where nothing is to do, and fails where it does not know whose host it is', async () => {
    expect(await tt('sync', 'far', '--sessions-only')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await tt('sync', 'elsewhere', '--sessions-only')).toMatchObject({ code: 1, stderr: expect.stringContaining('no machine is known by that host') as string });
    expect((await tt('sync', 'far', '--sessions', '--json')).code).toBe(2);
  });
});
