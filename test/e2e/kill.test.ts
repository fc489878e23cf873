// Programs killed at random moments while logs grow. Afterwards the set of facts in the database is
// the set that was written, and nothing counts twice. The seed of a failure repeats it.
import { appendFileSync, mkdirSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../shared/clock.ts';
import { createClaudeWriter, hookLine, type ClaudeWriter } from '../support/claude-writer.ts';
import { enrol, readFacts, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, startProgram, type RunningProgram } from '../support/processes.ts';
import { freshSeed, seededRandom, type SeededRandom } from '../support/seeded-random.ts';

beforeAll(ensureExecutables, 120_000);

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 60);
/** What is stored must be part of what was written at every one of these. */
const LOOK_EVERY = 10;

let laptop: MachineHome;
let devbox: MachineHome;
beforeEach(() => {
  laptop = createMachineHome('laptop');
  devbox = createMachineHome('devbox');
});
afterEach(async () => {
  await killAll();
  laptop.remove();
  devbox.remove();
});

/** Appends until told to stop: logs of the harness, and now and then a line of the tmux hook. */
function startWriting(writer: ClaudeWriter, random: SeededRandom, hookFacts: Set<string>): () => Promise<void> {
  const stop = new AbortController();
  const writing = (async () => {
    while (!stop.signal.aborted) {
      const actions = random.chance(0.1) ? random.between(5, 20) : 1;
      for (let at = 0; at < actions; at += 1) writer.act();
      if (random.chance(0.3)) appendHookLine(random, hookFacts);
      await systemClock.sleep(random.between(0, 40), stop.signal);
    }
  })();
  return async () => {
    stop.abort();
    await writing;
  };
}

let hookMs = Date.parse('2026-11-01T00:00:00.000Z');
function appendHookLine(random: SeededRandom, facts: Set<string>): void {
  const { text, facts: told } = hookLine(devbox.machineId(), (hookMs += 1), `%${random.between(0, 9)}`, '/home/dev/app');
  for (const fact of told) facts.add(fact);
  mkdirSync(devbox.paths.dataDir, { recursive: true });
  appendFileSync(devbox.paths.eventLog, `${text}\n`);
}

describe('agent and collector killed while logs grow', () => {
  it(`lose nothing and count nothing twice in ${ROUNDS} rounds`, async () => {
    const seed = freshSeed();
    const random = seededRandom(seed);
    const writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(random.between(1, 2 ** 31)) });
    const hookFacts = new Set<string>();
    const written = (): Set<string> => new Set([...writer.facts, ...hookFacts]);
    console.log(`kill test: ${ROUNDS} rounds, SEED=${seed}`);
    try {
      let collector: RunningProgram = await startCollector(laptop);
      await enrol(laptop, devbox, 'devbox');
      let agent: RunningProgram | undefined;
      const stopWriting = startWriting(writer, seededRandom(random.between(1, 2 ** 31)), hookFacts);
      for (let round = 1; round <= ROUNDS; round += 1) {
        if (!collector.isAlive()) collector = startProgram(laptop, 'tt', ['collector', 'run']);
        if (agent === undefined || !agent.isAlive()) agent = startProgram(devbox, 'tt-agent', ['run']);
        // From before they are ready, through the first exchange, to steady work.
        await systemClock.sleep(random.chance(0.3) ? random.between(50, 400) : random.between(400, 2500));
        const victims = random.pick([[agent], [agent], [collector], [collector], [agent, collector]]);
        await Promise.all(victims.map((victim) => victim.kill()));
        if (round % LOOK_EVERY === 0) expectPart(readFacts(laptop.paths.database).facts, written(), `seed ${seed}, round ${round}`);
      }
      await stopWriting();
      writer.settle();
      if (!collector.isAlive()) await startCollector(laptop);
      if (agent === undefined || !agent.isAlive()) await startAgent(devbox);
      const { facts } = await untilAgreed(laptop.paths.database, written, 60_000);
      expect(facts.length).toBeGreaterThan(ROUNDS);
      console.log(`kill test: ${facts.length} facts in ${writer.sessions.length} files agree`);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }, 300_000 + ROUNDS * 4000);
});

function expectPart(stored: readonly string[], written: ReadonlySet<string>, where: string): void {
  const unexpected = stored.filter((fact) => !written.has(fact));
  expect(unexpected, `${where}: facts nobody wrote`).toEqual([]);
  expect(new Set(stored).size, `${where}: facts that count twice`).toBe(stored.length);
}
