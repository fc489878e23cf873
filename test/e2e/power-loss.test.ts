// After every sync the files are made again as a power cut could have left them, opened, and compared
// with what the programs had said by then: what was acknowledged is there, what was not is no half.
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkpointPaths, loadCheckpoint } from '../../agent/checkpoint/checkpoint-files.ts';
import { openWriter } from '../../collector/store/database.ts';
import { openStore } from '../../collector/writer/open-store.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import { machineAddedSchema } from '../../shared/status.ts';
import { isOver, recorder, recorderProblem, replay } from '../support/crash-points.ts';
import { readFacts, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runJson, startProgram } from '../support/processes.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor } from '../support/scripted-agent.ts';
import { freshSeed } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

const problem = recorderProblem();
const BATCHES = 36;
const BYTES_PER_BATCH = 100;
const homes: MachineHome[] = [];
const directories: string[] = [];
afterEach(async () => {
  await killAll();
  for (const home of homes.splice(0)) home.remove();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Batches of one to sixty events; the range of a batch follows the one before. */
function numbered(seq: number, machine: string): { text: string; facts: string[] } {
  const events = Array.from({ length: 1 + ((seq * 7) % 60) }, (_, at) => ({
    ...paneFocus(machine, new Date(Date.parse('2026-01-05T11:00:00.000Z') + seq * 1000 + at).toISOString()), note: 'x'.repeat((seq * 37) % 400),
  }));
  const text = batchOf(seq, events, {
    from: (seq - 1) * BYTES_PER_BATCH, to: seq * BYTES_PER_BATCH, prev: tailOf(seq - 1), tail: tailOf(seq),
  });
  return { text, facts: events.map((event) => String((event as Record<string, unknown>)['id'])) };
}

function tailOf(seq: number): string {
  return hashBytes(seq === 0 ? Buffer.of() : Buffer.from(`batch ${seq}`));
}

function directory(name: string): string {
  const made = mkdtempSync(join(tmpdir(), `tt-${name}-`));
  directories.push(made);
  return made;
}

describe('a power cut', () => {
  it('at any moment leaves the collector a sound database with everything it had acknowledged, and no offset beyond its events', async ({ skip }) => {
    if (problem !== undefined) skip(problem);
    const seed = freshSeed();
    const laptop = createMachineHome('laptop');
    homes.push(laptop);
    const trace = join(laptop.directory, 'trace');
    const collector = await startCollector(laptop, { under: recorder(trace) });
    const { code, url } = await runJson(laptop, 'tt', ['machines', 'add', 'devbox', '--json'], (value) => machineAddedSchema.parse(value));
    const machine = await joinMachine(url, code);
    const agent = await ScriptedAgent.connect(url, await tokenFor(url, machine));
    agent.hello();
    await agent.frame('welcome');
    const batches = Array.from({ length: BATCHES }, (_, at) => numbered(at + 1, machine.machineId));
    const send = async (from: number, to: number, inFlight: number): Promise<void> => {
      for (let seq = from; seq <= to; seq += 1) {
        agent.send(batches[seq - 1]?.text ?? '');
        if (seq % inFlight === 0) await agent.acked(seq);
      }
      await agent.acked(to);
    };
    // One by one, then in groups; between them the WAL is written back to the database and begun anew.
    await send(1, 12, 1);
    const written = (): number => statSync(laptop.paths.database).size;
    const small = written();
    await until('the WAL to be written back', () => written() > small);
    await send(13, BATCHES, 6);
    await collector.stop();
    await until('the end of the recording', () => isOver(trace));

    let fullest = 0;
    const result = replay({
      trace, of: laptop.paths.dataDir, isTold: (name) => /^collector\.db(-wal|-journal)?$/.test(name),
      into: join(directory('crash'), 'data'), seed, saying: '{"type":"ack","seq":',
      check({ call, loss, directory: found, said }) {
        const where = `seed ${seed}, call ${call}, ${loss} of what was not synced lost`;
        const path = join(found, 'collector.db');
        const store = openStore(path, { now: () => 0, monotonic: () => 0 });
        const [position] = store.committer.call('ledger', [machine.machineId]) as [string, number, string][];
        store.close();
        const checked = openWriter(path);
        expect(checked.pragma('integrity_check', { simple: true }), `${where}: integrity`).toBe('ok');
        checked.close();
        const taken = (position?.[1] ?? 0) / BYTES_PER_BATCH;
        expect(taken, `${where}: acknowledged`).toBeGreaterThanOrEqual(lastAcked(said));
        const expected = new Set(batches.slice(0, taken).flatMap(({ facts }) => facts));
        expect(new Set(readFacts(path).facts), `${where}: events of ${taken} batches`).toEqual(expected);
        fullest = Math.max(fullest, taken);
      },
    });
    expect(lastAcked(result.said)).toBe(BATCHES);
    expect(fullest).toBe(BATCHES);
    expect(result.syncs).toBeGreaterThan(20);
    console.log(`power cut: ${result.points} states of the collector's disk over ${result.syncs} syncs, SEED=${seed}`);
  }, 300_000);

  it('at any moment leaves the agent checkpoints that it wrote, none beyond what was acknowledged and none behind what was flushed', async ({ skip }) => {
    if (problem !== undefined) skip(problem);
    const seed = freshSeed();
    const home = createMachineHome('devbox');
    homes.push(home);
    const trace = join(home.directory, 'trace');
    const checkpoints = join(home.directory, 'checkpoints');
    const program = startProgram(home, 'tt-agent', [checkpoints], {
      under: recorder(trace),
      nodeFlags: ['--import', new URL('../../deploy/register-typescript.mjs', import.meta.url).href],
      executable: fileURLToPath(new URL('../support/checkpoint-writer.ts', import.meta.url)),
    });
    expect(await program.ended, `it wrote: ${program.stderr()}`).toEqual({ code: 0, signal: null });
    await until('the end of the recording', () => isOver(trace));

    const snapshots = new Set<number>();
    const result = replay({
      // `previous` is a copy that nobody syncs: after a power cut it counts as lost.
      trace, of: checkpoints, isTold: (name) => /^(snapshot|journal)\.jsonl/.test(name),
      into: join(directory('crash'), 'checkpoints'), seed, saying: '{"',
      check({ call, loss, directory: found, said }) {
        const where = `seed ${seed}, call ${call}, ${loss} of what was not synced lost`;
        const told = said.flatMap((text) => text.split('\n')).filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line) as Told);
        const { records, problems } = loadCheckpoint(checkpointPaths(found), 0);
        const loaded = Object.fromEntries([...records.values()].map(({ gen, offset }) => [gen, offset]));
        for (const [gen, offset] of Object.entries(loaded)) {
          expect(offset, `${where}: ${gen} beyond what was acknowledged`).toBeLessThanOrEqual(latest(told, 'acknowledged')[gen] ?? -1);
        }
        for (const [gen, offset] of Object.entries(latest(told, 'flushed'))) {
          expect(loaded[gen] ?? -1, `${where}: ${gen} behind what was flushed`).toBeGreaterThanOrEqual(offset);
        }
        // Pages of what was not synced reach the disk in any order: a hole among them is set aside, and said.
        if (loss !== 'some') expect(problems, `${where}: set aside`).toEqual([]);
        if (existsSync(join(found, 'snapshot.jsonl'))) snapshots.add(statSync(join(found, 'snapshot.jsonl')).size);
      },
    });
    expect(result.syncs).toBeGreaterThan(90);
    expect(snapshots.size, 'the journal was compacted meanwhile').toBeGreaterThan(1);
    console.log(`power cut: ${result.points} states of the checkpoints over ${result.syncs} syncs, SEED=${seed}`);
  }, 300_000);
});

type Told = { [what in 'acknowledged' | 'flushed']?: Record<string, number> };

function latest(told: readonly Told[], what: keyof Told): Record<string, number> {
  return told.findLast((line) => line[what] !== undefined)?.[what] ?? {};
}

function lastAcked(said: readonly string[]): number {
  return Math.max(0, ...said.flatMap((text) => [...text.matchAll(/\{"type":"ack","seq":(\d+)/g)].map(([, seq]) => Number(seq))));
}
