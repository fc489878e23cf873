// What was forgotten is gone from the bytes of the database and stays away, through the programs as
// they are shipped, with the agent connected all the time.
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openReader } from '../../collector/store/database.ts';
import { createClaudeWriter, type ClaudeWriter } from '../support/claude-writer.ts';
import { collectorStatus, enrol, readFacts, startAgent, startCollector, untilAgreed } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { ensureExecutables, killAll, runCommand } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/until.ts';

beforeAll(ensureExecutables, 120_000);

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

const SECRET = 'quetzalcoatl';

function isInFile(text: string): boolean {
  const { database } = laptop.paths;
  return ['', '-wal', '-shm'].some((suffix) => existsSync(database + suffix) && readFileSync(database + suffix).includes(text));
}

function refusedAsForgotten(): number {
  const database = openReader(laptop.paths.database);
  try {
    return database.prepare<[], { count: number }>("SELECT coalesce(sum(count), 0) AS count FROM refused_count WHERE code = 'forgotten'").get()?.count ?? 0;
  } finally {
    database.close();
  }
}

function writerOf(seed: number, word: string): { writer: ClaudeWriter; speak(count: number): void; sessionId: string } {
  const writer = createClaudeWriter({ projects: devbox.projects, random: seededRandom(seed) });
  const session = writer.session({ version: '2.1.329', cwd: `/home/dev/${word}` });
  return {
    writer, sessionId: session.sessionId,
    speak(count) {
      for (let i = 0; i < count; i++) {
        session.prompt(`${word} ${i} `.repeat(20));
        session.tool();
        session.assistant(word);
        session.endTurn();
      }
    },
  };
}

it('a forgotten session leaves no byte and stays away when its machine sends everything again; nothing else changes', async () => {
  await startCollector(laptop);
  await enrol(laptop, devbox, 'devbox');
  await startAgent(devbox);
  const [goes, stays] = [writerOf(1, SECRET), writerOf(2, 'ordinary')];
  goes.speak(40);
  stays.speak(40);
  await untilAgreed(laptop.paths.database, () => new Set([...goes.writer.facts, ...stays.writer.facts]));
  const before = readFacts(laptop.paths.database).events.filter((event) => event['session_id'] === stays.sessionId);
  expect(isInFile(SECRET)).toBe(true);

  const forgotten = await runCommand(laptop, 'tt', ['forget', goes.sessionId, '--yes', '--json']);
  expect(forgotten).toMatchObject({ code: 0 });
  expect(JSON.parse(forgotten.stdout)).toMatchObject({ sessions: 1, removed: goes.writer.facts.size, clean: true });
  expect(isInFile(SECRET)).toBe(false);

  expect((await runCommand(laptop, 'tt', ['machines', 'rewind', 'devbox'])).code).toBe(0);
  await until('all of the session to be refused', () => refusedAsForgotten() >= goes.writer.facts.size);
  goes.speak(3);
  stays.speak(3);
  const { events } = await untilAgreed(laptop.paths.database, () => stays.writer.facts);
  expect(events.slice(0, before.length)).toEqual(before);
  await until('what was said since to be refused', () => refusedAsForgotten() >= goes.writer.facts.size);
  expect(isInFile(SECRET)).toBe(false);
  expect(isInFile('ordinary')).toBe(true);

  const { machines } = await collectorStatus(laptop);
  expect(machines).toMatchObject([{ label: 'devbox', connected: true, refused: 0, refused_lately: 0, gaps: 0 }]);
});
