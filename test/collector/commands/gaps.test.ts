import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector } from '../../../collector/collector.ts';
import { COMMANDS } from '../../../collector/commands/table.ts';
import { openMachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { openPage } from '../../../collector/http/page.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { makePrivateDirectory } from '../../../shared/atomic-file.ts';
import { systemClock } from '../../../shared/clock.ts';
import { configSchema } from '../../../shared/config.ts';
import { silentLog } from '../../../shared/log.ts';
import { resolvePaths, type Paths } from '../../../shared/paths.ts';
import type { GapReport } from '../../../shared/protocol/frames.ts';
import { createKeyPair } from '../../../shared/protocol/tokens.ts';
import { collectorStatusSchema } from '../../../shared/status.ts';
import { runCommand, type CommandRun } from '../../support/command-run.ts';
import { noTunnelling } from '../../support/no-tunnels.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { genOf, refOf, START_MS, testMachine } from '../../support/store-fixture.ts';
import { openWriterChannel } from '../../support/writer-in-process.ts';

let home: string;
let paths: Paths;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'tt-gaps-'));
  paths = resolvePaths({}, home);
  makePrivateDirectory(dirname(paths.machinesFile));
  const registry = openMachineRegistry(paths.machinesFile);
  const { publicKey } = await createKeyPair();
  registry.enrol({ machineId: testMachine(1), label: 'gpu', publicKey, nowMs: START_MS });
  registry.enrol({ machineId: testMachine(2), label: 'devbox', publicKey, nowMs: START_MS });
  await report(1, [{ gen: genOf(1), path: '/logs/a.jsonl', from: 0, to: 12_288, t_from: '2026-05-01T08:00:00.000Z', t_to: '2026-05-01T08:10:00.000Z', reason: 'truncated' }]);
  await report(2, [
    { gen: genOf(2), path: '/logs/b.jsonl', from: 10, to: 20, t_from: '', t_to: '', reason: 'released' },
    { gen: genOf(3), path: '/logs/c.jsonl', from: 10, to: 20, t_from: '', t_to: '', reason: 'unterminated' },
  ]);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function report(digit: number, gaps: GapReport[]): Promise<void> {
  const store = openStore(paths.database, { now: () => START_MS, monotonic: () => 0 });
  await store.committer.call('reportGaps', [refOf(testMachine(digit)), gaps, START_MS]);
  store.close();
}

const tt = (...argv: string[]): Promise<CommandRun> => runCommand(COMMANDS, argv, home, { clock: new ManualClock(START_MS + 60_000) });

interface Listed {
  gaps: { id: string; machine: string; accepted_at: string | null }[];
}
const listed = async (...argv: string[]): Promise<Listed['gaps']> => (JSON.parse((await tt('gaps', 'list', '--json', ...argv)).stdout) as Listed).gaps;
const open = async (): Promise<string[]> => (await listed()).filter((gap) => gap.accepted_at === null).map((gap) => gap.machine);

describe('tt gaps', () => {
  it('prints a path that holds escape sequences as plain text on one line', async () => {
    await report(1, [{ gen: genOf(9), path: '/logs/\u001b[2J\u009b31m\nx.jsonl', from: 0, to: 1, t_from: '', t_to: '', reason: 'released' }]);
    const { stdout } = await tt('gaps');
    expect(stdout).toContain('/logs/ [2J 31m x.jsonl\n');
    expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
  });

  it('says what is lost, where, when and why', async () => {
    const { code, stdout } = await tt('gaps', '--machine', 'gpu');
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n[0-9a-f]{8} {2}gpu {6}open {3}12 kB {2}0-12288 {2}\S.*\d and \S.* truncated before it was read {2}\/logs\/a\.jsonl\n$/);
    expect(await listed('--machine', 'gpu')).toEqual([{
      id: expect.stringMatching(/^[0-9a-f]{8}$/) as string, machine: 'gpu', machine_id: testMachine(1), path: '/logs/a.jsonl', gen: genOf(1), from: 0, to: 12_288,
      bytes: 12_288, t_from: '2026-05-01T08:00:00.000Z', t_to: '2026-05-01T08:10:00.000Z', reason: 'truncated', reported_at: '2026-05-01T09:00:00.000Z', accepted_at: null,
    }]);
  });

  it('accepts one, those of a machine, or all, and takes each back', async () => {
    const [first] = await listed('--machine', 'devbox');
    expect((await tt('gaps', 'accept', first!.id)).stdout).toBe('1 gap of 10 B accepted; take it back: the same with --undo\n');
    expect(await open()).toEqual(['gpu', 'devbox']);
    expect((await tt('gaps', 'accept', '--machine', 'devbox')).stdout).toMatch(/^1 gap of 10 B accepted/);
    expect(await open()).toEqual(['gpu']);
    expect((await tt('gaps', 'accept', '--all', '--undo')).stdout).toBe('2 gaps of 20 B open again\n');
    expect(await open()).toHaveLength(3);
    expect((JSON.parse((await tt('gaps', 'accept', '--all', '--json')).stdout) as Listed).gaps.every((gap) => gap.accepted_at === '2026-05-01T09:01:00.000Z')).toBe(true);
    expect((await tt('gaps', 'accept', '--all')).stdout).toBe('no gap there is open\n');
  });

  it('asks which ones, and knows no ID that is not there', async () => {
    expect(await tt('gaps', 'accept')).toMatchObject({ code: 2, stdout: '' });
    expect(await tt('gaps', 'accept', 'x', '--all')).toMatchObject({ code: 2 });
    expect(await tt('gaps', 'accept', '00000000')).toMatchObject({ code: 2, stderr: expect.stringContaining('`tt gaps`') as string });
    expect(await open()).toHaveLength(3);
  });

  it('agrees with the status, through a running collector too', async () => {
    const collector = await openCollector({ paths, config: configSchema.parse({ ingest_port: 0, ui_port: 0 }) }, {
      clock: systemClock, log: silentLog, openPage, tunnelling: noTunnelling, startWriter: (database) => openWriterChannel(systemClock, () => openStore(database, systemClock)),
    });
    try {
      const gapsOf = async () => collectorStatusSchema.parse(JSON.parse((await tt('status', '--json')).stdout)).machines.map((machine) => [machine.label, machine.gaps, machine.gap_bytes, machine.gap_reasons]);
      expect(await gapsOf()).toEqual([['devbox', 2, 20, ['released', 'unterminated']], ['gpu', 1, 12_288, ['truncated']]]);
      expect((await tt('status')).stdout).toContain('; 3 gaps of 12 kB on devbox, gpu.');
      await tt('gaps', 'accept', '--machine', 'devbox');
      expect(await gapsOf()).toEqual([['devbox', 0, 0, []], ['gpu', 1, 12_288, ['truncated']]]);
      expect((await tt('status', '--check')).stdout).toMatch(/^gpu has 1 open gap of 12 kB: truncated before it was read;/m);
    } finally {
      await collector.close();
    }
  });
});
