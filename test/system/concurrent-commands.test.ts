// Everybody at once: reading and writing commands beside a collector that four machines write to.
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openReader } from '../../collector/store/database.ts';
import { startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand, runJson } from '../support/processes.ts';
import { batchOf, join as joinMachine, paneFocus, ScriptedAgent, tokenFor } from '../support/scripted-agent.ts';
import { machineAddedSchema } from '../../shared/status.ts';
import { hashBytes } from '../../shared/protocol/positions.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { until } from '../support/until.ts';

/** `CONCURRENT_SECONDS=60` is what was asked for; every check has a quarter of it. */
const SECONDS = Number(process.env['CONCURRENT_SECONDS'] ?? 15);
const WRITERS = 4;
const EVENTS_PER_BATCH = 50;
/** Of each writer: 2,000 events a second are far more than four people make, and leave a database that can be read in a minute. */
const BATCH_EVERY_MS = 100;

beforeAll(ensureExecutables, 120_000);

let home: MachineHome;
afterEach(async () => {
  await killAll();
  home.remove();
});

/** Sends batch after batch, none before the last one is stored. Answers how many events were acknowledged. */
async function write(name: number, url: string, isOver: () => boolean): Promise<number> {
  const { code } = await runJson(home, 'tt', ['machines', 'add', `machine-${name}`, '--json'], (value) => machineAddedSchema.parse(value));
  const machine = await joinMachine(url, code);
  const agent = await ScriptedAgent.connect(url, await tokenFor(url, machine));
  agent.hello();
  await agent.frame('welcome');
  const startMs = Date.now() - 24 * 3_600_000;
  let seq = 0;
  while (!isOver()) {
    const events = Array.from({ length: EVENTS_PER_BATCH }, (_, at) => eventOf(machine.machineId, name, startMs + (seq * EVENTS_PER_BATCH + at) * 100, at));
    seq += 1;
    // Each goes on where the one before it ended: `batchOf` ends them all with the same byte.
    agent.send(batchOf(seq, events, { gen: String(name).repeat(32), from: (seq - 1) * 100, to: seq * 100, prev: hashBytes(seq === 1 ? Buffer.of() : Buffer.of(1)) }));
    await agent.acked(seq);
    const nextAt = performance.now() + BATCH_EVERY_MS;
    await until('the time of the next batch', () => performance.now() >= nextAt, { everyMs: BATCH_EVERY_MS / 4 });
  }
  agent.terminate();
  return seq * EVENTS_PER_BATCH;
}

function eventOf(machineId: string, name: number, ms: number, at: number): Record<string, unknown> {
  const timestamp = printTimestamp(ms);
  if (at % 2 === 0) return paneFocus(machineId, timestamp, `%${name}`);
  const uuid = `${ms.toString(16).padStart(12, '0')}-${name}`;
  return {
    id: `${machineId}:remote.agent:user_message:${timestamp}:${uuid}`, timestamp, source: 'remote.agent', type: 'user_message', agent: 'claude-code',
    cwd: `/home/dev/project-${at % 5}`, session_id: `session-${name}-${at % 3}`, kind: 'prompt', origin: 'human', has_image: false, length: 5,
  };
}

function storedEvents(path: string): unknown {
  const database = openReader(path);
  try {
    return database.prepare('SELECT count(*) AS events FROM events').get();
  } finally {
    database.close();
  }
}

describe(`eight commands against four writers for ${SECONDS} s`, () => {
  it('all succeed, none finds the database locked, and every acknowledged event is there', async () => {
    home = createMachineHome('everybody');
    const { ingestPort } = await startCollector(home);
    const url = `http://127.0.0.1:${ingestPort}`;
    const deadline = performance.now() + SECONDS * 1000;
    const isOver = (): boolean => performance.now() > deadline;
    let streams = 0;
    const commands: (() => string[])[] = [
      () => ['status', '--json'],
      () => ['waiting', '--json'],
      () => ['sessions', '--json'],
      () => ['report', '--week', '--json'],
      () => ['usage', '--json'],
      () => ['context', '--events', '--agents', '--streams', '--gaps', '--start', '1 hour ago'],
      () => ['streams', 'create', `stream ${(streams += 1)}`],
      () => ['collector', 'backup', join(home.directory, 'backup.tt')],
    ];
    const failures: string[] = [];
    const run = async (argv: () => string[]): Promise<number> => {
      let runs = 0;
      do {
        const words = argv();
        const { code, stderr } = await runCommand(home, 'tt', words);
        if (code !== 0 || /locked|busy/i.test(stderr)) failures.push(`tt ${words.join(' ')} exited ${code}: ${stderr}`);
        runs += 1;
      } while (!isOver());
      return runs;
    };
    const [runs, written] = await Promise.all([
      Promise.all(commands.map(run)),
      Promise.all(Array.from({ length: WRITERS }, (_, name) => write(name + 1, url, isOver))),
    ]);
    expect(failures).toEqual([]);
    expect(Math.min(...runs)).toBeGreaterThan(0);
    expect(Math.min(...written)).toBeGreaterThan(EVENTS_PER_BATCH);
    expect(storedEvents(home.paths.database)).toEqual({ events: written.reduce((sum, count) => sum + count, 0) });
  }, (SECONDS + 120) * 1000);
});
