// What the API reads out of session files: search, transcripts in pages, how far an archive is. Real files.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAnswers, type Answers } from '../../../collector/answers/answers.ts';
import { createAnswerRoutes } from '../../../collector/http/answer-routes.ts';
import { indexArchive } from '../../../collector/search/indexer.ts';
import { openSearchWriter } from '../../../collector/store/search-index.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { machineArchiveSchema, type ArchiveRow } from '../../../shared/archive-document.ts';
import { TtError } from '../../../shared/errors.ts';
import type { MachineKnown } from '../../../shared/machine-document.ts';
import { searchSchema, type SearchDocument } from '../../../shared/search-document.ts';
import type { MachineStatus } from '../../../shared/status.ts';
import { transcriptItemDocumentSchema, transcriptPageSchema, type TranscriptPage } from '../../../shared/transcript-document.ts';
import { startAnswersInProcess } from '../../support/answers-in-process.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { testMachine } from '../../support/store-fixture.ts';

const DEVBOX = testMachine(1);
const SESSION = '6f1c2a90-0000-4000-8000-000000000001';
const NOW = Date.UTC(2026, 0, 5, 11);
let folder: string;
let answers: Answers;
let routes: Hono;
let closeStore: () => void;

const STATUS: MachineStatus = {
  machine_id: DEVBOX, label: 'devbox', state: 'live', connected: true, last_event_at: null, lag_ms: null, backlog_bytes: null, backlog_events: null,
  drained_at: null, complete_until: null, events_today: 0, refused: 0, gaps: 0, clock_offset_ms: null, version: null, ended_at: null, gap_bytes: 0, gap_reasons: [], refused_lately: 0,
};
const KNOWN: MachineKnown = {
  machine_id: DEVBOX, label: 'devbox', enrolled_at: '2026-01-05T00:00:00.000Z', host: null, connected_since: null, last_seen_at: null, connections: [],
  report: { machine_id: DEVBOX, label: 'devbox', as_of: null, problems: null, bad_lines: null, unknown_entries: null, kept_bytes: null },
};
const ROW: ArchiveRow = { machine_id: DEVBOX, label: 'devbox', on: true, ended_at: null, connected: true, agent: null, older_agent: false, problem: null };

let count = 0;
function line(type: 'user' | 'assistant', text: string): string {
  count += 1;
  return `${JSON.stringify({ type, uuid: `u${count}`, timestamp: '2026-01-05T10:00:00.000Z', cwd: '/w/shop', sessionId: SESSION, message: { role: type, content: [{ type: 'text', text }] } })}\n`;
}
function write(path: string, ...lines: string[]): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), lines.join(''));
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tt-files-'));
  count = 0;
  const clock = new ManualClock();
  const files = { archiveDir: join(folder, 'archive'), searchDatabase: join(folder, 'search.sqlite'), claudeDirs: [join(folder, '.claude')] };
  const database = join(folder, 'collector.db');
  const store = openStore(database, clock);
  closeStore = () => store.close();
  answers = createAnswers({
    clock, start: () => startAnswersInProcess({ database, machineFile: join(folder, 'machine.json'), prices: {}, ...files }),
    present: () => ({ nowMs: NOW, machines: [{ ...STATUS, enrolledAtMs: 0 }] }),
  });
  routes = createAnswerRoutes({
    answers, fileAnswers: answers, now: () => NOW, machineId: (name) => (name === 'devbox' ? DEVBOX : undefined),
    machine: (name) => (name === 'devbox' ? KNOWN : undefined), archiveRow: () => Promise.resolve(ROW),
  });
  routes.onError((error, context) => context.json({ code: error instanceof TtError ? error.code : String(error) }, 400));
  write(`archive/${DEVBOX}/projects/-w-shop/${SESSION}.jsonl`, line('user', 'Repair the shop'), ...Array.from({ length: 7 }, (_, at) => line('assistant', `Step ${at}`)));
  write(`archive/${DEVBOX}/projects/-w-shop/${SESSION}/subagents/agent-a1.jsonl`, line('assistant', 'The shop of the subagent'));
  using index = openSearchWriter(files.searchDatabase);
  for (const _progress of indexArchive({ archiveDir: files.archiveDir, index, onUnreadable: (name) => expect.unreachable(name) }));
});

afterAll(async () => {
  await answers.close();
  closeStore();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (path: string): Promise<unknown> => (await routes.request(path)).json();
const found = async (query: string): Promise<SearchDocument> => searchSchema.parse(await ask(`/search?${query}`));
const page = async (query = ''): Promise<TranscriptPage> => transcriptPageSchema.parse(await ask(`/sessions/${SESSION}@devbox/transcript${query}`));
const texts = ({ items }: TranscriptPage): string[] => items.map(({ item }) => (item.kind === 'tool' ? item.tool : item.text));

describe('search', () => {
  it('finds what tt search finds, within the machine, the project and the role that were asked for', async () => {
    expect((await found('query=shop')).hits.map(({ machine, session, role, agent_id: agent }) => [machine, session, role, agent])).toEqual([['devbox', SESSION, 'user', null], ['devbox', SESSION, 'assistant', 'a1']]);
    expect((await found('query=shop&role=assistant')).hits).toHaveLength(1);
    expect((await found('query=shop&machine=devbox&project=shop&limit=1')).hits).toHaveLength(1);
    expect((await found('query=shop&project=other')).hits).toEqual([]);
    expect((await found('query=shop&since=2026-01-06T00:00:00Z')).hits).toEqual([]);
  });

  it.each(['', 'query=', 'query=-only', 'query=a&role=nobody', 'query=a&machine=nobody', 'query=a&limit=0', 'query=a&since=someday', 'query=a&x=1'])('refuses %j', async (query) => {
    expect((await routes.request(`/search?${query}`)).status).toBe(400);
  });
});

describe('a transcript', () => {
  it('is read from its end by cursor, without a hole or a repetition', async () => {
    const newest = await page('?items=3');
    expect([texts(newest), newest.first_item, newest.item_count, newest.machine, newest.subagents]).toEqual([['Step 4', 'Step 5', 'Step 6'], 6, 8, 'devbox', ['a1']]);
    const before = await page(`?items=3&cursor=${newest.cursor ?? ''}`);
    expect(texts(before)).toEqual(['Step 1', 'Step 2', 'Step 3']);
    const first = await page(`?items=3&cursor=${before.cursor ?? ''}`);
    expect([texts(first), first.cursor]).toEqual([['Repair the shop', 'Step 0'], null]);
  });

  it('is found around an entry, of a subagent, and item by item', async () => {
    expect((await page('?items=2&entry=u4')).place).toBe(4);
    expect(texts(await page('?agent=a1'))).toEqual(['The shop of the subagent']);
    expect(transcriptItemDocumentSchema.parse(await ask(`/sessions/${SESSION}@devbox/transcript/1`)).item).toMatchObject({ kind: 'said', text: 'Repair the shop' });
  });

  it('of this computer\'s own is read where Claude Code wrote it', async () => {
    write('.claude/projects/-w-own/6f1c2a90-0000-4000-8000-000000000002.jsonl', line('user', 'Here'));
    const own = transcriptPageSchema.parse(await ask('/sessions/6f1c2a90-0000-4000-8000-000000000002/transcript'));
    expect([texts(own), own.machine]).toEqual([['Here'], null]);
  });

  it.each(['nobody', `${SESSION}@laptop`, '..%2f..%2fcollector', `${SESSION}%2f..`])('of %s is not there', async (name) => {
    expect(await ask(`/sessions/${name}/transcript`)).toMatchObject({ code: 'no_transcript' });
  });

  it.each(['?agent=nobody', '?agent=..', '/99'])('has no part %s', async (rest) => {
    expect(await ask(`/sessions/${SESSION}/transcript${rest}`)).toEqual({ code: 'no_transcript' });
  });

  it.each(['?items=0', '?items=201', '?cursor=nonsense', '?before=3&entry=u1', '?x=1', '/0', '/x'])('refuses %s', async (rest) => {
    expect(await ask(`/sessions/${SESSION}/transcript${rest}`)).toEqual({ code: 'bad_request' });
  });
});

it('says of a machine what tt archive status says', async () => {
  expect(machineArchiveSchema.parse(await ask('/machines/devbox/archive'))).toMatchObject({ label: 'devbox', on: true, sessions: 1, files: 2, previous_files: 0 });
  expect(await ask('/machines/nobody/archive')).toEqual({ code: 'no_such_machine' });
});
