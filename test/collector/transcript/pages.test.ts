import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTranscriptPages, type TranscriptPages, type TranscriptPart } from '../../../collector/transcript/pages.ts';
import { readTranscript } from '../../../collector/transcript/transcript.ts';
import { PAGE_TEXT_CHARACTERS, type TranscriptItem } from '../../../shared/transcript-document.ts';

const fixtures = new URL('../../fixtures/claude/', import.meta.url).pathname;
const REAL = join(fixtures, 'claude-2.1.329/projects/-home-dev-app4/62ffc00c-0264-458a-8063-79d7832800b0.jsonl');
let pages: TranscriptPages;
let file: string;

beforeEach(() => {
  pages = createTranscriptPages();
  file = join(mkdtempSync(join(tmpdir(), 'tt-pages-')), 's.jsonl');
});

let count = 0;
const entry = (type: string, content: unknown): string => {
  count += 1;
  return `${JSON.stringify({ type, uuid: `u${count}`, timestamp: '2026-01-02T03:04:05.678Z', cwd: '/w/shop', message: { role: type, content } })}\n`;
};
const user = (text: string): string => entry('user', text);
const uses = (id: string, input: object): string => entry('assistant', [{ type: 'tool_use', id, name: 'Bash', input }]);
const gives = (id: string, text: string): string => entry('user', [{ type: 'tool_result', tool_use_id: id, content: text }]);

function part(path: string, wanted: { items?: number; before?: number; uuid?: string } = {}): TranscriptPart {
  const found = pages.part(path, { items: 50, before: Infinity, uuid: undefined, ...wanted });
  if (!found) throw new Error('there is no such file');
  return found;
}
const texts = ({ items }: TranscriptPart): string[] => items.map(({ item }) => (item.kind === 'tool' ? `${item.tool}: ${item.result?.text ?? ''}` : item.text));

/** From the newest back, as a page does that is scrolled up. */
function allOf(path: string, items: number): TranscriptItem[] {
  const found: TranscriptItem[] = [];
  for (let before = Infinity; before > 1;) {
    const page = part(path, { items, before });
    found.unshift(...page.items.map(({ item }) => item));
    before = page.first;
  }
  return found;
}

describe('a conversation in pages', () => {
  it('says what the whole says, however it is cut', () => {
    const { items, title, cwd } = readTranscript(REAL);
    expect(items.length).toBeGreaterThan(5);
    for (const size of [1, 3, 50]) expect(allOf(REAL, size)).toEqual(items);
    expect(part(REAL)).toMatchObject({ title, cwd, count: items.length, place: null });
  });

  it('goes on where it was, and a tool gets what it gave also when that comes much later', () => {
    writeFileSync(file, user('one') + uses('t1', { command: 'make' }) + user('two'));
    expect(texts(part(file))).toEqual(['one', 'Bash: ', 'two']);
    const half = gives('t1', 'done');
    appendFileSync(file, half.slice(0, 20));
    expect(texts(part(file))).toEqual(['one', 'Bash: ', 'two']);
    appendFileSync(file, half.slice(20) + user('three'));
    expect(texts(part(file))).toEqual(['one', 'Bash: done', 'two', 'three']);
  });

  it('begins anew where the file was written anew, and says when it is gone', () => {
    writeFileSync(file, user('one') + user('two'));
    expect(texts(part(file))).toEqual(['one', 'two']);
    writeFileSync(file, user('other, and longer than both of them were before') + user('two') + user('three'));
    expect(texts(part(file))).toEqual(['other, and longer than both of them were before', 'two', 'three']);
    rmSync(file);
    expect(pages.part(file, { items: 1, before: Infinity, uuid: undefined })).toBeUndefined();
  });

  it('finds the place of an entry, also of what a tool gave, with what is around it', () => {
    writeFileSync(file, uses('t1', {}) + Array.from({ length: 100 }, (_, at) => user(`step ${at}`)).join('') + gives('t1', 'late'));
    const uuidOf = (text: string): string => {
      const { items } = readTranscript(file);
      return items.find((item) => item.kind === 'said' && item.text === text)?.uuid ?? '';
    };
    const found = part(file, { items: 10, uuid: uuidOf('step 60') });
    expect(found.place).toBe(62);
    expect(texts(found)).toContain('step 60');
    expect([found.items.length, found.count]).toEqual([10, 101]);
    expect(part(file, { items: 10, uuid: `u${count}` })).toMatchObject({ place: 1, first: 1 });
    expect(part(file, { items: 10, uuid: 'nobody' })).toMatchObject({ place: null, first: 92 });
  });

  it('cuts what is long, says so, and has it whole by its number', () => {
    const long = 'x'.repeat(PAGE_TEXT_CHARACTERS + 1);
    writeFileSync(file, user(long) + uses('t1', { file: '/a', content: long }) + gives('t1', long) + uses('t2', Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, 'v']))) + user('short'));
    const { items } = part(file);
    expect(items.map(({ is_cut: isCut }) => isCut)).toEqual([true, true, true, false]);
    expect(JSON.stringify(items).length).toBeLessThan(5 * PAGE_TEXT_CHARACTERS);
    expect(pages.item(file, 1)).toMatchObject({ is_cut: false, item: { text: long } });
    expect(pages.item(file, 2)).toMatchObject({ is_cut: false, item: { input: { file: '/a', content: long }, result: { text: long, length: long.length } } });
    expect([pages.item(file, 0), pages.item(file, 5)]).toEqual([undefined, undefined]);
  });
});
