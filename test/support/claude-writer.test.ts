import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClaudeCodeSource } from '../../agent/claude/source.ts';
import { factOf } from '../../shared/event-id.ts';
import { parseGeneration, parseMachineId } from '../../shared/ids.ts';
import { createClaudeWriter, hookLine } from './claude-writer.ts';
import { FULL_TEXTS } from './extraction.ts';
import { freshSeed, seededRandom } from './seeded-random.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-writer-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const machineId = parseMachineId('3b241101-e2bb-4255-8caf-4136c566a962')!;
const gen = parseGeneration('0'.repeat(32))!;

function factsInFile(path: string): string[] {
  const source = createClaudeCodeSource({ configDirs: [directory], machineId, texts: FULL_TEXTS });
  expect(source.matches(path)).toBe(true);
  const extractor = source.open({ gen, path }, undefined)!;
  const facts: string[] = [];
  const unknown: string[] = [];
  const sink = {
    event: (event: Parameters<typeof factOf>[0]) => facts.push(factOf(event)),
    state: () => undefined, edge: () => undefined, entry: () => undefined,
    unknown: (type: string) => unknown.push(type), bad: (_from: number, _to: number, reason: string) => unknown.push(reason),
  };
  const bytes = readFileSync(path);
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(10, from);
    if (end === -1) break;
    extractor.line(bytes.subarray(from, end), from, end, sink);
    from = end + 1;
  }
  expect(unknown).toEqual([]);
  return facts;
}

describe('the writer of Claude Code logs', () => {
  it('knows exactly the facts that extraction finds in what it wrote', () => {
    const seed = freshSeed();
    const writer = createClaudeWriter({ projects: join(directory, 'projects'), random: seededRandom(seed) });
    for (let step = 0; step < 600; step += 1) writer.act();
    writer.settle();
    const found = writer.sessions.flatMap(({ path }) => factsInFile(path));
    expect(found.toSorted(), `seed ${seed}`).toEqual([...writer.facts].toSorted());
    expect(new Set(found.map((fact) => fact.split(':')[0]))).toEqual(new Set([
      'agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result', 'agent_turn',
    ]));
  });

  it('does not count a torn line until its end is written', () => {
    const writer = createClaudeWriter({ projects: join(directory, 'projects'), random: seededRandom(7) });
    const session = writer.session({ version: '2.1.329', cwd: '/home/dev/app' });
    session.prompt();
    const before = new Set(writer.facts);
    session.tear();
    expect(writer.facts).toEqual(before);
    expect(readFileSync(session.path, 'utf8').endsWith('\n')).toBe(false);
    session.mend();
    expect(writer.facts.size).toBe(before.size + 1);
    expect(factsInFile(session.path).toSorted()).toEqual([...writer.facts].toSorted());
  });

  it('names a hook line’s fact by the machine', () => {
    const { text, facts } = hookLine(machineId, 0, '%1', '/home/dev');
    expect(JSON.parse(text)).toMatchObject({ id: 'remote.tmux:tmux_pane_focus:1970-01-01T00:00:00.000Z:%1' });
    expect(facts).toEqual([`${machineId}:remote.tmux:tmux_pane_focus:1970-01-01T00:00:00.000Z:%1`]);
  });
});
