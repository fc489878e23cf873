// A restart must not show in the events: what later lines depend on is in the carry-over.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../shared/event.ts';
import { HELD_BYTES, HELD_LINES } from '../../../shared/limits.ts';
import { openTranscript } from '../../../agent/claude/extractor.ts';
import { Collected, extract, feed, fileOf, FULL_TEXTS, GENERATION, linesOf, MACHINE, openForTest } from '../../support/extraction.ts';
import { SESSION, Transcript } from '../../support/transcript.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/claude');

function fixtures(): { name: string; bytes: Buffer }[] {
  return readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && file.name.endsWith('.jsonl'))
    .map((file) => ({ name: file.name, bytes: readFileSync(join(file.parentPath, file.name)) }));
}

function tricky(): Buffer {
  const log = new Transcript({ version: '2.1.39' });
  return fileOf([
    log.queue('enqueue', { content: 'first' }), { type: 'ai-title', aiTitle: 'title', sessionId: SESSION }, log.queue('remove'),
    log.queue('enqueue', { content: 'second' }), log.user('one'), log.queue('remove'), log.user('second'),
    log.toolUse('toolu_q', 'AskUserQuestion'), log.toolResult('toolu_q', 'User has answered'), log.entry('system', { subtype: 'stop_hook_summary' }),
    log.entry('system', { subtype: 'turn_duration', durationMs: 5 }), { type: 'cost-state', sessionId: SESSION },
    { type: 'continued-in', continuedInSessionId: 'next', sessionId: SESSION }, { type: 'continued-in', continuedInSessionId: 'next', sessionId: SESSION },
    log.queue('enqueue', { content: 'third' }), log.queue('remove'),
  ]);
}

describe('the carry-over', () => {
  it.each([...fixtures(), { name: 'a file of traps', bytes: tricky() }])('gives the same events of $name wherever it is interrupted', ({ bytes }) => {
    const whole = new Collected();
    feed(openForTest(), bytes, whole);
    expect(whole.events.length).toBeGreaterThan(0);
    for (const { start } of linesOf(bytes)) {
      const parts = new Collected();
      const before = openForTest();
      feed(before, bytes.subarray(0, start), parts);
      feed(openForTest({}, JSON.parse(JSON.stringify(before.carry())) as JsonValue), bytes, parts, start);
      expect(parts).toEqual(whole);
    }
  });

  it('is refused where another version wrote it', () => {
    const options = { machineId: MACHINE, gen: GENERATION, texts: FULL_TEXTS, place: { sessionId: 's', agentId: undefined, isSubagent: false } };
    expect(openTranscript(options, { version_of_carry: 999 })).toBeUndefined();
    expect(openTranscript(options, 'nonsense')).toBeUndefined();
    expect(openTranscript(options, null)).toBeUndefined();
  });

  it('stays below 2 MiB however much waits for a directory, and then nothing waits in vain', () => {
    const log = new Transcript({ cwd: undefined });
    const prompts = Array.from({ length: 3 * HELD_LINES }, (_, index) => log.typed(`${index} ${'z'.repeat(100_000)}`));
    const collected = new Collected();
    const extractor = openForTest();
    for (const line of linesOf(fileOf(prompts))) {
      extractor.line(line.bytes, line.start, line.end, collected);
      expect(JSON.stringify(extractor.carry()).length).toBeLessThan(2 * HELD_BYTES);
    }
    expect(collected.events.length).toBeGreaterThanOrEqual(2 * HELD_LINES);
    feed(extractor, fileOf([log.typed('here', { cwd: '/a' })]), collected);
    expect(collected.ofType('user_message')).toHaveLength(3 * HELD_LINES + 1);
  });

  it('keeps an open queue bounded', () => {
    const log = new Transcript({ version: '2.1.39' });
    const lines = Array.from({ length: 1000 }, (_, index) => log.queue('enqueue', { content: `p${index}` }));
    const extractor = openForTest();
    feed(extractor, fileOf(lines), new Collected());
    expect(JSON.stringify(extractor.carry()).length).toBeLessThan(64 * 1024);
  });

  it('does not crash on 100,000 levels of nesting', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const log = new Transcript();
    const collected = extract([
      `{"type":"user","uuid":"u","timestamp":"2026-01-01T00:00:00.000Z","sessionId":"s","cwd":"/a","message":{"content":${deep}}}`,
      `{"type":"worktree-state","sessionId":"s","worktreeSession":{"a":${deep}}}`, deep, '{"a":'.repeat(100_000), log.typed('next'),
    ]);
    expect(collected.said()).toContain('prompt: next');
    JSON.stringify([collected.events, collected.states]);
  });
});
