import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import { indexArchive } from '../../../collector/search/indexer.ts';
import { search, type SearchRequest } from '../../../collector/search/search.ts';
import { openSearchReader, openSearchWriter } from '../../../collector/store/search-index.ts';
import type { SearchDocument } from '../../../shared/search-document.ts';

function failOn(name: string, problem: string): never {
  throw new Error(`${name}: ${problem}`);
}

const NOW = Date.parse('2026-03-01T00:00:00Z');
const A = '11111111-1111-4111-8111-111111111111';
const B = '22222222-2222-4222-8222-222222222222';
let archiveDir: string;
let database: string;

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'tt-search-'));
  archiveDir = join(directory, 'archive');
  database = join(directory, 'search.sqlite');
});

let count = 0;
function entry(type: 'user' | 'assistant', content: unknown, more: object = {}): string {
  count += 1;
  return `${JSON.stringify({ type, uuid: `u-${count}`, timestamp: '2026-02-01T00:00:00.000Z', cwd: '/w/shop', sessionId: 's', message: { role: type, content }, ...more })}\n`;
}
const user = (text: string, more?: object): string => entry('user', text, more);
const assistant = (text: string): string => entry('assistant', [{ type: 'text', text }]);

function archive(name: string, ...lines: string[]): string {
  const path = join(archiveDir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.join(''));
  return path;
}

/** Bytes that were read. */
function bringUpToDate(): number {
  using index = openSearchWriter(database);
  return [...indexArchive({ archiveDir, index, onUnreadable: failOn })].at(-1)?.doneBytes ?? 0;
}

function find(query: string, more: Partial<SearchRequest> = {}): SearchDocument {
  using index = openSearchReader(database);
  const request = { query, machines: undefined, roles: undefined, sinceMs: undefined, project: undefined, limit: 20, ...more };
  return search(request, { index, archiveDir, nowMs: NOW, labelOf: (id) => (id === A ? 'devbox' : id) });
}
const found = (query: string, more?: Partial<SearchRequest>): string[] => find(query, more).hits.map(({ snippet }) => snippet);

describe('search', () => {
  it('finds what was said, by whom, where and when, with the words marked', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('Please repair the Öffnung of the shop'), assistant('Done'));
    bringUpToDate();
    const [hit] = find('offnung').hits;
    expect(hit).toMatchObject({ session: 's1', machine: 'devbox', role: 'user', project: '/w/shop', at: '2026-02-01T00:00:00.000Z', agent_id: null, snippet: 'Please repair the Öffnung of the shop' });
    expect(hit?.marks.map(([from, to]) => hit.snippet.slice(from, to))).toEqual(['Öffnung']);
  });

  it('takes plain words for what they are, whatever signs are in them', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('call foo_bar(a.b) in C:\\x AND don\'t "stop" near NOT here'), user('other words'));
    bringUpToDate();
    const once = ['foo_bar', 'foo_bar(a.b)', "don't", '"stop', 'AND', 'NOT', 'near', 'a.b)', 'c:\\x', 'text:stop OR foo', 'sto*', '"call foo"', 'call -other', '* foo', 'foo "" -'];
    expect(once.filter((query) => found(query).length !== 1)).toEqual([]);
    expect(['"foo call"', 'call -stop', 'foo other', 'fo', 'nowhere'].flatMap((query) => found(query))).toEqual([]);
    expect(found('other OR call')).toHaveLength(2);
    for (const query of ['', '***', '-only', '"" ()']) expect(() => find(query)).toThrow(/word/);
  });

  it('finds flags with their words: a minus leaves something out only right before a word or a quote', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('git push --force'), user('git push'), user('git commit --no-verify'));
    bringUpToDate();
    expect(found('git push --force')).toEqual(['git push --force']);
    expect(found('--no-verify')).toEqual(['git commit --no-verify']);
    expect(found('git -force -"no verify"')).toEqual(['git push']);
    expect(found('git --"no verify"')).toEqual(['git commit --no-verify']);
  });

  it('shows text, never markup, and nothing that moves a cursor', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user(`${'x '.repeat(200)}<b>needle</b>\u001b[2J\n<script>${' y'.repeat(200)}`));
    bringUpToDate();
    const [hit] = find('needle').hits;
    expect(hit?.snippet).toMatch(/^….*<b>needle<\/b> \[2J <script>.*…$/);
    expect(hit?.snippet.length).toBeLessThan(210);
  });

  it('looks only where it is told to', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('needle one'), assistant('needle two'), entry('assistant', [{ type: 'tool_use', id: 't', name: 'Bash', input: { command: 'grep needle' } }]));
    archive(`${B}/projects/-w-my-shop/s2.jsonl`, user('needle three', { cwd: '/w/my-shop', timestamp: '2026-02-20T00:00:00.000Z' }));
    bringUpToDate();
    expect(found('needle', { roles: ['assistant'] })).toEqual(['needle two']);
    expect(found('needle', { roles: ['tool'] })).toEqual(['Bash grep needle']);
    expect(found('needle', { machines: [B] })).toEqual(['needle three']);
    expect(found('needle', { sinceMs: Date.parse('2026-02-10') })).toEqual(['needle three']);
    expect(found('needle', { project: 'shop' })).toHaveLength(3);
    expect(found('needle', { project: '/w/my-shop' })).toEqual(['needle three']);
    expect(found('needle', { project: '/w' })).toHaveLength(4);
    expect(found('needle', { limit: 1 })).toHaveLength(1);
  });

  it('puts what a person said before what a tool printed, and shows a session at most three times', () => {
    const results = Array.from({ length: 9 }, () => entry('user', [{ type: 'tool_result', tool_use_id: 't', content: 'needle here' }]));
    archive(`${A}/projects/-w-shop/s1.jsonl`, ...results, user('needle here'));
    archive(`${A}/projects/-w-shop/s2.jsonl`, assistant('needle here'));
    bringUpToDate();
    expect(find('needle').hits.map(({ role, session }) => `${role} ${session}`)).toEqual(['user s1', 'assistant s2', 'tool s1', 'tool s1']);
  });

  it('finds subagents, and a session that two machines have once', () => {
    const line = user('needle');
    archive(`${A}/projects/-w-shop/s1.jsonl`, line);
    archive(`${B}/projects/-w-shop/s1.jsonl`, line);
    archive(`${A}/projects/-w-shop/s1/subagents/agent-a7.jsonl`, assistant('needle below'));
    archive(`${A}/projects/-w-shop/s1/subagents/workflows/w1/journal.jsonl`, assistant('needle of a ledger'));
    bringUpToDate();
    expect(new Set(find('needle').hits.map(({ agent_id: agentId }) => agentId))).toEqual(new Set(['a7', null]));
    expect(find('needle').hits).toHaveLength(2);
  });
});

describe('the search index', () => {
  it('reads what was appended and nothing else', () => {
    const path = archive(`${A}/projects/-w-shop/s1.jsonl`, user('first'));
    bringUpToDate();
    const [more, half] = [user('second'), user('third')];
    expect(bringUpToDate()).toBe(0);
    appendFileSync(path, more + half.slice(0, 40));
    expect(bringUpToDate()).toBe(Buffer.byteLength(more));
    appendFileSync(path, half.slice(40));
    expect(bringUpToDate()).toBe(Buffer.byteLength(half));
    expect([found('first'), found('second'), found('third')].flat()).toEqual(['first', 'second', 'third']);
  });

  it('reads a file again that was written anew, and what it said before is found no more', () => {
    const path = archive(`${A}/projects/-w-shop/s1.jsonl`, user('alpha beta'), user('gamma'));
    bringUpToDate();
    writeFileSync(path, user('delta'));
    bringUpToDate();
    expect([found('alpha'), found('gamma'), found('delta')]).toEqual([[], [], ['delta']]);
    writeFileSync(path, user('omega') + user('longer than it was before in every way'));
    bringUpToDate();
    expect([found('delta'), found('omega')]).toEqual([[], ['omega']]);
  });

  it('finds nothing of a file that is gone, before and after it is brought up to date, and keeps no word of it', () => {
    const path = archive(`${A}/projects/-w-shop/s1.jsonl`, user('forgettable secretword'));
    archive(`${A}/projects/-w-shop/s2.jsonl`, user('kept'));
    bringUpToDate();
    expect(readFileSync(database).includes('secretword')).toBe(true);
    rmSync(path);
    expect(found('secretword')).toEqual([]);
    bringUpToDate();
    expect([found('secretword'), found('kept')]).toEqual([[], ['kept']]);
    expect(['', '-wal'].filter((ending) => existsSync(`${database}${ending}`) && readFileSync(`${database}${ending}`).includes('secretword'))).toEqual([]);
  });

  it.each([
    ['before the words are gone', (): never => { throw new Error('killed'); }],
    ['as long as somebody reads', (): boolean => false],
  ])('keeps no word of what is gone, also where it was stopped %s', (_when, purge) => {
    const path = archive(`${A}/projects/-w-shop/s1.jsonl`, user('forgettable secretword'));
    bringUpToDate();
    rmSync(path);
    {
      using index = openSearchWriter(database);
      expect(() => {
        for (const _progress of indexArchive({ archiveDir, index: { ...index, purge }, onUnreadable: failOn }));
        throw new Error('killed');
      }).toThrow('killed');
    }
    const isLeft = (): boolean => ['', '-wal'].some((ending) => existsSync(`${database}${ending}`) && readFileSync(`${database}${ending}`).includes('secretword'));
    expect(isLeft()).toBe(true);
    bringUpToDate();
    expect([isLeft(), find('secretword').indexed_files]).toEqual([false, 0]);
  });

  it('follows a session into another project’s directory', () => {
    const path = archive(`${A}/projects/-w-shop/s1.jsonl`, user('needle'));
    bringUpToDate();
    mkdirSync(join(archiveDir, A, 'projects/-w-other'));
    renameSync(path, join(archiveDir, A, 'projects/-w-other/s1.jsonl'));
    bringUpToDate();
    expect(found('needle')).toEqual(['needle']);
  });

  it('opens no link, no previous content and nothing with a name of its own', () => {
    const outside = join(dirname(archiveDir), 'outside.jsonl');
    writeFileSync(outside, user('outside'));
    archive(`${A}/projects/-w-shop/s1.jsonl.before-20260101T000000Z`, user('previous'));
    archive(`${A}/projects/-w-shop/notes.txt`, user('notes'));
    symlinkSync(outside, join(archiveDir, A, 'projects/-w-shop/link.jsonl'));
    symlinkSync(dirname(outside), join(archiveDir, A, 'projects/linked'));
    bringUpToDate();
    expect(['outside', 'previous', 'notes'].flatMap((word) => found(word))).toEqual([]);
  });

  it('goes over lines that are damaged or too long for a slice', () => {
    const long = assistant(`start ${'filler '.repeat(300_000)} end`);
    archive(`${A}/projects/-w-shop/s1.jsonl`, '{"type":"user","mess\n', '\0\0\0\n', long, user('after'));
    bringUpToDate();
    expect(found('start')).toHaveLength(1);
    expect(found('after')).toEqual(['after']);
  });

  it('is made anew where it is damaged or of another version', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('needle'));
    writeFileSync(database, 'no database at all, but long enough to look at as if it were one. '.repeat(100));
    bringUpToDate();
    expect(found('needle')).toEqual(['needle']);
  });

  it('of another version is not read, and who asks is told what makes it anew', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, user('needle'));
    bringUpToDate();
    const other = new Sqlite(database);
    other.pragma('user_version = 99');
    other.close();
    expect(() => find('needle')).toThrow(expect.objectContaining({ code: 'search_index_old', exitCode: 6, hint: expect.stringContaining('tt collector install') as string }));
    bringUpToDate();
    expect(found('needle')).toEqual(['needle']);
  });

  it('goes on where it was stopped', () => {
    archive(`${A}/projects/-w-shop/s1.jsonl`, ...Array.from({ length: 30 }, (_, n) => user(`needle${n} ${'filler '.repeat(20_000)}`)));
    {
      using index = openSearchWriter(database);
      expect(indexArchive({ archiveDir, index, onUnreadable: failOn }).next().value).toMatchObject({ doneBytes: expect.any(Number) as number });
    }
    expect(found('needle0')).toHaveLength(1);
    expect(found('needle29')).toEqual([]);
    bringUpToDate();
    expect([found('needle0').length, found('needle29').length]).toEqual([1, 1]);
  });
});
