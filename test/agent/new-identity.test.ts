import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentCommands } from '../../agent/commands/table.ts';
import { encodeLine } from '../../agent/checkpoint/record.ts';
import { parseGeneration } from '../../shared/ids.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { runCommand, type CommandRun } from '../support/command-run.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelProcesses } from '../support/model-processes.ts';

let home: string;
let paths: Paths;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-identity-'));
  paths = resolvePaths({}, home);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function command(...argv: string[]): Promise<CommandRun> {
  return runCommand(agentCommands(() => modelProcesses()), argv, home, { clock: new ManualClock() });
}

function machineId(): string {
  return (JSON.parse(readFileSync(paths.machineFile, 'utf8')) as { machine_id: string }).machine_id;
}

function paneLine(machine: string, second: number): string {
  const timestamp = `2026-01-05T11:00:0${second}.000Z`;
  return `${JSON.stringify({ id: `${machine}:remote.tmux:tmux_pane_focus:${timestamp}:%1`, timestamp, source: 'remote.tmux', type: 'tmux_pane_focus', pane_id: '%1' })}\n`;
}

/** A checkpoint that says that so many bytes of events.jsonl are acknowledged. */
function acknowledge(offset: number): void {
  const gen = parseGeneration('a'.repeat(32))!;
  const put = {
    gen, path: paths.eventLog, dev: 1, ino: 1, birth_ms: null, offset, tail: '', carry: null, prefix_bytes: 0, prefix_hash: '', size: offset,
    mtime_ms: 0, scanned_to: offset, vanished_at: null, acked_at: null, replace_until: 0, last_timestamp: '2026-01-05T23:00:00.000Z',
  };
  mkdirSync(paths.checkpointDir, { recursive: true });
  writeFileSync(join(paths.checkpointDir, 'snapshot.jsonl'), [{ n: 1, version: 1 as const }, { n: 2, put }, { n: 3, count: 1 }].map(encodeLine).join(''));
}

describe('a copied machine that becomes its own', () => {
  it('has another ID and key, and keeps the copied ones aside', async () => {
    await command('init', '--label', 'devbox');
    const copied = machineId();
    const key = readFileSync(paths.machineKeyFile, 'utf8');
    const { code, stdout, stderr } = await command('init', '--new-identity', '--label', 'copy');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('Label:      copy') as string });
    expect(stderr).toContain('tt machines add LABEL');
    expect(machineId()).not.toBe(copied);
    expect(readFileSync(paths.machineKeyFile, 'utf8')).not.toBe(key);
    expect(readdirSync(paths.dataDir).filter((name) => name.includes('.before-'))).toHaveLength(2);
  });

  it('takes the lines that were written behind what was acknowledged for its own, and leaves the others', async () => {
    await command('init');
    const copied = machineId();
    const acknowledged = paneLine(copied, 1) + paneLine(copied, 2);
    writeFileSync(paths.eventLog, acknowledged);
    acknowledge(acknowledged.length);
    appendFileSync(paths.eventLog, paneLine(copied, 3) + paneLine(copied, 4));
    await command('init', '--new-identity');
    appendFileSync(paths.eventLog, paneLine(machineId(), 5));
    const { stdout } = await command('export');
    const ids = stdout.trim().split('\n').map((line) => (JSON.parse(line) as { id: string }).id.slice(0, 36));
    expect(machineId()).not.toBe(copied);
    expect(ids).toEqual([copied, copied, machineId(), machineId(), machineId()]);
  });

  it('takes all of them where nothing was acknowledged, and is copied again', async () => {
    await command('init');
    writeFileSync(paths.eventLog, paneLine(machineId(), 1));
    await command('init', '--new-identity');
    appendFileSync(paths.eventLog, paneLine(machineId(), 2));
    await command('init', '--new-identity');
    const { stdout } = await command('export');
    expect(stdout.match(new RegExp(machineId(), 'g'))).toHaveLength(2);
  });

  it('must be stopped, and may be new', async () => {
    await command('init');
    const before = machineId();
    mkdirSync(paths.stateDir, { recursive: true });
    writeFileSync(paths.agentLockFile, JSON.stringify({ version: 1, host: 'here', boot: 'boot-1', pid: 7, start: 'start-7' }));
    const running = await runCommand(agentCommands(() => modelProcesses({ alive: [7] })), ['init', '--new-identity'], home, { clock: new ManualClock() });
    expect(running).toMatchObject({ code: 1, stderr: expect.stringContaining('running here already') as string });
    expect(machineId()).toBe(before);
    rmSync(paths.dataDir, { recursive: true });
    expect(await command('init', '--new-identity')).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(paths.formerMachinesFile)).toBe(false);
  });
});
