import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TUNNEL_COMMANDS } from '../../../collector/commands/tunnel-commands.ts';
import { syncEveryDocumentSchema } from '../../../shared/sync-document.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';

const home = mkdtempSync(join(tmpdir(), 'tt-every-'));
const tt = (...argv: string[]): Promise<CommandRun> => runCommand(TUNNEL_COMMANDS, ['sync', ...argv], home);

it('tt sync --every is said, shown and taken back, also while no collector runs', async () => {
  expect(await tt('--every')).toEqual({ code: 0, stdout: 'off; the collector fetches by itself after: tt sync --every 1h\n', stderr: '' });
  const set = await tt('box', 'me@far', '--every', '30m');
  expect(set).toEqual({ code: 0, stdout: 'every 30 min: box, me@far\nnot yet; the first time is at once\n', stderr: expect.stringContaining('tt collector install') as string });
  const { stdout } = await tt('--every', '--json');
  expect(syncEveryDocumentSchema.parse(JSON.parse(stdout))).toMatchObject({ schema: 1, every_ms: 1_800_000, hosts: ['box', 'me@far'], last_at: null, results: [] });
  expect((await tt('--every', 'off')).stdout).toMatch(/^off/);
  expect((await tt('--every')).stdout).toMatch(/^off/);
});

it.each([
  [['--every', 'box'], 'no interval'], [['--every', '1m'], '5m'], [['--every', '40d'], '30d'], [['box', '--every'], 'how often'],
  [['box', '--every', 'off'], 'ends all'], [['--every', '1h', '--sessions'], 'events'], [['box', '--every', '1h', '--label', 'x'], '--label'], [['-oProxyCommand=x', '--every', '1h'], ''],
])('tt sync %j is refused', async (argv, words) => {
  expect(await tt(...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) as string });
});
