import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transcriptMarkdown, transcriptText } from '../../../collector/transcript/print.ts';
import { readTranscript } from '../../../collector/transcript/transcript.ts';
import { TRANSCRIPT_SCHEMA, transcriptSchema, type TranscriptDocument } from '../../../shared/transcript-document.ts';

const fixtures = new URL('../../fixtures/claude/', import.meta.url).pathname;
const NEW = join(fixtures, 'claude-2.1.329/projects/-home-dev-app4/62ffc00c-0264-458a-8063-79d7832800b0.jsonl');

function document(lines: readonly unknown[]): TranscriptDocument {
  const file = join(mkdtempSync(join(tmpdir(), 'tt-transcript-')), 's.jsonl');
  writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
  const { title, cwd, unreadableLines, items } = readTranscript(file);
  return transcriptSchema.parse({ schema: TRANSCRIPT_SCHEMA, session: 's', machine: 'devbox', title, cwd, unreadable_lines: unreadableLines, items, subagents: [] });
}

const user = (content: unknown, more: object = {}): object => ({ type: 'user', uuid: JSON.stringify(content), timestamp: '2026-01-02T03:04:05.678Z', cwd: '/w/shop', message: { role: 'user', content }, ...more });
const assistant = (...content: unknown[]): object => ({ type: 'assistant', uuid: JSON.stringify(content), timestamp: '2026-01-02T03:04:06.000Z', message: { role: 'assistant', content } });

describe('a transcript', () => {
  it('tells who said what, folds tools with what they gave, and leaves out what nobody said', () => {
    const { items, title, cwd } = document([
      { type: 'mode', mode: 'normal' }, { type: 'ai-title', aiTitle: 'Fix the shop' },
      user('please fix it'), user('Caveat: x', { isMeta: true }), user('<task-notification>done</task-notification>'),
      assistant({ type: 'thinking', thinking: 'hm' }), assistant({ type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'npm test\necho', description: 'run' } }),
      user([{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'one\ntwo' }, { type: 'image' }], is_error: true }]),
      assistant({ type: 'text', text: 'done' }), user('This session is being continued', { isCompactSummary: true }),
      user('please fix it'),
    ]);
    expect(title).toBe('Fix the shop');
    expect(cwd).toBe('/w/shop');
    expect(items.map(({ kind }) => kind)).toEqual(['said', 'thinking', 'tool', 'text', 'summary']);
    expect(items[2]).toMatchObject({ tool: 'Bash', summary: 'npm test', result: { text: 'one\ntwo\n[image]', is_error: true } });
  });

  it('counts what it can not read and goes on', () => {
    const { items, unreadable_lines: unreadable } = document(['{"type":"user"', user('a'), '\0\0\0', user('b')]);
    expect([items.length, unreadable]).toEqual([2, 2]);
  });

  it('of real logs has every prompt once', () => {
    const { items } = readTranscript(NEW);
    const prompts = readFileSync(NEW, 'utf8').split('\n').filter((line) => line.includes('"promptSource":"typed"') && line.startsWith('{"parentUuid"')).length;
    expect(items.filter((item) => item.kind === 'said' && item.said === 'prompt' && item.origin === 'human').length).toBeGreaterThanOrEqual(Math.min(1, prompts));
    expect(items.some(({ kind }) => kind === 'text')).toBe(true);
  });

  it('in a terminal says nothing that moves the cursor', () => {
    const text = transcriptText(document([user('a\u001b[2J\nb'), assistant({ type: 'tool_use', id: 'x', name: 'Ba\u001b]0;x\u0007sh', input: { command: 'ls \u202e' } })]), 0);
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text).toContain('(no result)');
  });

  it('as Markdown folds tools in fences that nothing in them ends, and lets no tag through', () => {
    const markdown = transcriptMarkdown(document([
      user('look <script>alert(1)</script> a < b\n```html\n<b>\n'), assistant({ type: 'text', text: 'ok\n```js\nx\n```\n<img src=x>' }),
      assistant({ type: 'tool_use', id: 't1', name: 'Write', input: { file_path: '</summary><script>', content: '```` </details>' } }),
      user([{ type: 'tool_result', tool_use_id: 't1', content: '```\n</details>' }]),
    ]));
    expect(markdown).toContain('look &lt;script>alert(1)&lt;/script> a < b\n```html\n<b>\n```');
    expect(markdown).toContain('&lt;img src=x>');
    expect(markdown).toContain('<summary>Write: &lt;/summary&gt;&lt;script&gt; (2 lines)</summary>');
    expect(markdown).toContain('`````json');
    expect(markdown).toContain('````\n```\n</details>\n````');
  });
});
