// A restart must not show in the events: what later lines depend on is in the carry-over.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../../shared/event.ts';
import { isObject } from '../../../shared/json-line.ts';
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

  it.each([['letters', 'z'], ['other writing', '\u6f22'], ['control characters', '\u0001']])('stays below 2 MiB however long the prompts are that wait in the queue: %s', (_kind, character) => {
    const log = new Transcript({ version: '2.1.39' });
    const long = character.repeat(20_000);
    const early = Array.from({ length: 70 }, (_, index) => [log.queue('enqueue', { content: `${index} ${long}` }), log.queue('remove')]).flat();
    const waiting = Array.from({ length: 70 }, (_, index) => log.queue('enqueue', { content: `waits ${index} ${long}` }));
    const [extractor, collected] = [openForTest(), new Collected()];
    feed(extractor, fileOf([...early, ...waiting]), collected);
    expect(Buffer.byteLength(JSON.stringify(extractor.carry()))).toBeLessThan(2 * HELD_BYTES);
    feed(extractor, fileOf([log.user('here')]), collected);
    const prompts = collected.ofType('user_message');
    expect(prompts.map((event) => event['length'])).toEqual([...Array.from({ length: 64 }, (_, index) => Buffer.byteLength(`${index + 6} ${long}`)), 4]);
    expect(prompts[0]?.['text']).toMatch(/^6 /);
  });

  it('knows a long prompt of the queue again, of which it holds the beginning only', () => {
    const log = new Transcript({ version: '2.1.39' });
    const long = 'w'.repeat(20_000);
    const bytes = fileOf([log.user('start'), log.queue('enqueue', { content: `${long} one` }), log.queue('remove'), log.user(`${long} two`), log.user(`${long} one`)]);
    const lines = linesOf(bytes);
    for (const place of [3, 4]) {
      const [before, parts] = [openForTest(), new Collected()];
      const start = lines[place]?.start ?? 0;
      feed(before, bytes.subarray(0, start), parts);
      feed(openForTest({}, JSON.parse(JSON.stringify(before.carry())) as JsonValue), bytes, parts, start);
      expect(parts.ofType('user_message').map((event) => event['length'])).toEqual([5, 20_004, 20_004, 20_004]);
    }
    const back = fileOf([log.queue('enqueue', { content: `${long} one` }), log.queue('remove'), log.user(`${long} one`)]);
    const collected = new Collected();
    feed(openForTest(), back, collected);
    expect(collected.ofType('user_message')).toHaveLength(1);
  });

  it('of an earlier release is read: whole texts, without length and hash', () => {
    const log = new Transcript({ version: '2.1.39' });
    const row = (text: string): JsonValue => ({ discriminator: `q-${text.slice(0, 4)}`, sessionId: SESSION, text, timestamp: '2026-01-05T09:00:00.000Z' });
    const long = `long ${'w'.repeat(20_000)}`;
    const fresh = openForTest().carry();
    const extractor = openForTest({}, {
      ...(isObject(fresh) ? fresh : {}), cwd: '/home/dev/app', version: '2.1.39', hasStarted: true,
      queue: { open: [{ key: 'k', prompt: row(long) }], undecided: [row('undecided')], taken: 'taken' },
    });
    expect(JSON.stringify(extractor.carry()).length).toBeLessThan(16 * 1024);
    const collected = new Collected();
    feed(extractor, fileOf([log.user('taken'), log.queue('remove'), log.user(long), log.user('taken')]), collected);
    expect(collected.ofType('user_message').map((event) => event['length'])).toEqual([9, long.length, 5]);
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
