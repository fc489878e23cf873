// What leaves of the words of a session that was in a restricted directory: in another one, after a restart, and of its subagents.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClaudeCodeSource } from '../../../agent/claude/source.ts';
import { createTextPolicy } from '../../../agent/privacy/texts.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { Collected, extract, feed, fileOf, GENERATION, linesOf, MACHINE, openForTest } from '../../support/extraction.ts';
import { SESSION, Transcript } from '../../support/transcript.ts';

const SECRET = '/home/me/secret';
const texts = createTextPolicy({ texts: 'redacted', projects: { [SECRET]: { texts: 'none' } } });

function wandering(): object[] {
  const log = new Transcript({ cwd: '/home/me/open' });
  return [
    log.typed('before'), log.typed('inside', { cwd: `${SECRET}/src` }), log.typed('after the merger'), log.text('of the merger'),
    { type: 'ai-title', aiTitle: 'The merger', sessionId: SESSION }, { type: 'last-prompt', lastPrompt: 'after the merger', sessionId: SESSION },
    log.queue('enqueue', { content: 'and the merger' }), log.typed('the merger again', { cwd: '/elsewhere' }),
  ];
}

const printed = ({ events, states }: Collected): string => JSON.stringify([events, states]);

describe('a session that was in a restricted directory', () => {
  it('keeps its words when it goes on elsewhere: prompts, answers, titles, last prompts', () => {
    const collected = extract(wandering(), { texts });
    expect(printed(collected)).not.toContain('merger');
    expect(printed(collected)).not.toContain('inside');
    expect(collected.ofType('user_message')[0]).toMatchObject({ text: 'before' });
  });

  it('gives the events that it gives without rules, but for their words', () => {
    const idsOf = ({ events }: Collected): string[] => events.map(({ id }) => id);
    expect(idsOf(extract(wandering(), { texts }))).toEqual(idsOf(extract(wandering())));
  });

  it('keeps them over a restart after any line, and the restart goes by the rules of its own time', () => {
    const bytes = fileOf(wandering());
    const full = createTextPolicy({ texts: 'full', projects: {} });
    for (const { start } of linesOf(bytes)) {
      const parts = { same: new Collected(), relaxed: new Collected(), stricter: new Collected() };
      const [before, relaxed] = [openForTest({ texts }), openForTest({ texts: full })];
      feed(before, bytes.subarray(0, start), parts.same);
      feed(relaxed, bytes.subarray(0, start), new Collected());
      const carry = JSON.parse(JSON.stringify(before.carry())) as JsonValue;
      feed(openForTest({ texts }, carry), bytes, parts.same, start);
      expect(printed(parts.same)).not.toContain('merger');
      feed(openForTest({ texts: full }, carry), bytes, parts.relaxed, start);
      expect(printed(parts.relaxed)).toContain('merger again');
      feed(openForTest({ texts }, JSON.parse(JSON.stringify(relaxed.carry())) as JsonValue), bytes, parts.stricter, start);
      expect(printed(parts.stricter)).not.toContain('merger');
    }
  });

  it('is read from its start where an earlier release did not note its directories, if that matters', () => {
    const [before, flat] = [openForTest({ texts }), createTextPolicy({ texts: 'full', projects: {} })];
    feed(before, fileOf(wandering()), new Collected());
    const { directories: _, ...carry } = before.carry() as Record<string, JsonValue>;
    expect(() => openForTest({ texts }, carry)).toThrow('refused');
    const after = openForTest({ texts: flat }, carry);
    const later = new Collected();
    feed(openForTest({ texts }, JSON.parse(JSON.stringify(after.carry())) as JsonValue), fileOf([new Transcript({ cwd: '/w' }).typed('the merger')]), later);
    expect(printed(later)).not.toContain('merger');
  });

  it('is taken for restricted when it named more directories than are remembered', () => {
    const log = new Transcript();
    const entries = Array.from({ length: 300 }, (_, index) => log.typed(`number ${index}`, { cwd: `/w/${index}` }));
    const collected = extract(entries, { texts });
    expect(collected.ofType('user_message')[255]).toMatchObject({ text: 'number 255' });
    expect(collected.ofType('user_message')[299]).not.toHaveProperty('text');
  });
});

describe('a subagent', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'tt-restricted-'));
  });
  afterEach(() => rmSync(top, { recursive: true, force: true }));

  function write(name: string, entries: readonly object[]): string {
    const path = join(top, 'projects', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, fileOf(entries));
    return path;
  }

  const subagentOf = (session: string): string => `-home-me-open/${session}/subagents/agent-a1.jsonl`;
  const spoken = (): object[] => [new Transcript({ cwd: '/home/me/open', isSidechain: true, agentId: 'a1' }).text('found the merger')];

  const openOf = (path: string, policy = texts, carry?: JsonValue) => createClaudeCodeSource({ configDirs: [top], machineId: MACHINE, texts: policy }).open({ gen: GENERATION, path }, carry);

  function wordsOf(path: string, policy = texts, carry?: JsonValue): string {
    const collected = new Collected();
    feed(openOf(path, policy, carry)!, fileOf(spoken()), collected);
    expect(collected.events).not.toEqual([]);
    return printed(collected);
  }

  it('says what it finds in an open directory', () => {
    write(`-home-me-open/${SESSION}.jsonl`, [new Transcript({ cwd: '/home/me/open' }).typed('x')]);
    expect(wordsOf(write(subagentOf(SESSION), spoken()))).toContain('merger');
  });

  it('keeps its words where its session was in a restricted directory before, wherever that lies now', () => {
    const transcript = write(`-home-me-open/${SESSION}.jsonl`, wandering());
    const path = write(subagentOf(SESSION), spoken());
    expect(wordsOf(path)).not.toContain('merger');
    expect(wordsOf(path, createTextPolicy({ texts: 'redacted', projects: { '/home/you': { texts: 'none' } } }))).toContain('merger');
    mkdirSync(join(top, 'projects/-moved'));
    renameSync(transcript, join(top, `projects/-moved/${SESSION}.jsonl`));
    expect(wordsOf(path)).not.toContain('merger');
  });

  it('keeps its words by the rules and the session of today, also when it was read half before', () => {
    const transcript = write(`-home-me-open/${SESSION}.jsonl`, [new Transcript({ cwd: '/home/me/open' }).typed('x')]);
    const path = write(subagentOf(SESSION), spoken());
    for (const policy of [texts, createTextPolicy({ texts: 'full', projects: {} })]) {
      write(`-home-me-open/${SESSION}.jsonl`, [new Transcript({ cwd: '/home/me/open' }).typed('x')]);
      const before = openOf(path, policy)!;
      feed(before, fileOf(spoken()), new Collected());
      const carry = JSON.parse(JSON.stringify(before.carry())) as JsonValue;
      expect(wordsOf(path, texts, carry)).toContain('merger');
      writeFileSync(transcript, fileOf(wandering()));
      expect(wordsOf(path, texts, carry)).not.toContain('merger');
    }
  });

  it('keeps its words where its session is not known, if any project is restricted', () => {
    const paths = [write(subagentOf('gone'), spoken()), write('-home-me-open/agent-a1.jsonl', spoken())];
    for (const path of paths) {
      expect(wordsOf(path)).not.toContain('merger');
      expect(wordsOf(path, createTextPolicy({ texts: 'redacted', projects: {} }))).toContain('merger');
    }
  });
});
