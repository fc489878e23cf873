import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assignmentDocumentSchema } from '../../../collector/streams/document.ts';
import { genOf } from '../../support/store-fixture.ts';
import { openStreamsHome, paneFocus, prompt, started, toolUse, windowFocus, type StreamsHome } from '../../support/streams-home.ts';

const FIRST = 'aaaa1111-0000-4000-8000-000000000001';
const SECOND = 'bbbb2222-0000-4000-8000-000000000002';

let home: StreamsHome;
beforeEach(() => {
  home = openStreamsHome();
  home.store([
    started(FIRST, 0), prompt(FIRST, 1), toolUse(FIRST, 3), toolUse(FIRST, 4, { agent_id: 'side' }),
    paneFocus(5), paneFocus(6), paneFocus(40), windowFocus(7), windowFocus(8, { window_title: 'another' }), windowFocus(9, { window_app_id: 'slack' }),
    started(SECOND, 20, { cwd: '/Users/b/web' }), prompt(SECOND, 21, { cwd: '/Users/b/web', text: '🙂'.repeat(300) }),
  ], [{ gen: genOf(90), offset: 1, after: '', session_id: FIRST, key: 'ai-title', value: `Checkout ${'🙂'.repeat(100)}` }]);
});
afterEach(() => home[Symbol.dispose]());

const tt = (...argv: string[]) => home.tt(argv);
const apply = (document: unknown, ...argv: string[]) => home.tt(['classify', '--apply', '-', ...argv], { stdin: typeof document === 'string' ? document : JSON.stringify(document) });
interface Session { session_id: string; stream: string | null; summary: string | null; starting_prompt: string | null; unassigned_events: number; proposed_stream: string | null; proposed_by: string | null; tool_call_count: number }
interface Shown {
  sessions: Session[];
  event_clusters: { cwd: string; event_count: number; start_time: string; stream_id: string | null; proposed_stream: string | null }[];
  window_runs: { app_id: string; event_ids: string[]; titles: string[] }[];
  gaps?: unknown[];
  stats: Record<string, number>;
}
const shown = (...argv: string[]) => home.json<Shown>('classify', '--json', ...argv);
const assignments = () => home.rows('SELECT scope, assigned_by FROM assignment ORDER BY assignment');

describe('tt classify', () => {
  it('shows sessions once with their subagents’ work, focus by directory, windows by program, and gaps when asked', async () => {
    const { sessions, event_clusters, window_runs, gaps, stats } = await shown('--gaps', '--gap-threshold', '15');
    expect(sessions).toMatchObject([{ session_id: FIRST, tool_call_count: 2 }, { session_id: SECOND, tool_call_count: 0 }]);
    expect(event_clusters.map(({ cwd, event_count, start_time }) => [cwd, event_count, start_time.slice(11, 16)])).toEqual([['/home/a/web', 2, '09:05'], ['/home/a/web', 1, '09:40']]);
    expect(window_runs.map(({ app_id, event_ids, titles }) => [app_id, event_ids.length, titles])).toEqual([['firefox', 2, ['a page', 'another']], ['slack', 1, ['a page']]]);
    expect(gaps).toMatchObject([{ duration_minutes: 19 }]);
    expect(stats).toEqual({ total_sessions: 2, unclassified_sessions: 2, total_event_clusters: 2, unclassified_event_clusters: 2 });
    expect(await shown()).not.toHaveProperty('gaps');
  });

  it('cuts long texts between characters', async () => {
    const { sessions } = await shown('--summary');
    expect(sessions[0]!.summary).toMatch(/^Checkout (🙂)+\.\.\.$/u);
    expect(Buffer.byteLength(sessions[0]!.summary ?? '')).toBeLessThanOrEqual(123);
    expect((await shown()).sessions[1]!.starting_prompt).toMatch(/^(🙂)+\.\.\.$/u);
  });

  it('shows a session as classified by its own events, not because something in its directory is', async () => {
    await tt('assign', 'web', '--create', '--from', '2026-05-01T09:05:00Z', '--to', '2026-05-01T09:07:00Z');
    expect((await shown()).sessions[0]).toMatchObject({ stream: null, unassigned_events: 4 });
    await tt('assign', 'web', '--session', FIRST);
    expect((await shown()).sessions[0]).toMatchObject({ stream: 'web', unassigned_events: 0 });
    expect((await shown('--unclassified')).sessions.map(({ session_id }) => session_id)).toEqual([SECOND]);
  });

  it('proposes the only stream of the same directory in another home, marked as such, and assigns nothing', async () => {
    await tt('assign', 'web', '--create', '--session', FIRST);
    const { sessions, event_clusters } = await shown('--unclassified');
    expect(sessions).toMatchObject([{ session_id: SECOND, stream: null, proposed_stream: 'web', proposed_by: 'other_home' }]);
    expect(event_clusters[0]).toMatchObject({ stream_id: null, proposed_stream: 'web' });
    expect((await tt('streams', 'propose')).stdout).toMatch(/web\? \(same path in another home\)[^]*next: tt assign "web" --session bbbb2222/);
    expect(assignments()).toEqual([{ scope: 'session', assigned_by: 'user' }]);
  });

  it('proposes nothing where two streams share the directory', async () => {
    await tt('assign', 'web', '--create', '--session', FIRST);
    home.store([prompt('cccc3333-0000-4000-8000-000000000003', 30)]);
    await tt('assign', 'other', '--create', '--session', 'cccc');
    expect((await shown('--unclassified')).sessions).toMatchObject([{ session_id: SECOND, proposed_stream: null, proposed_by: null }]);
    expect((await tt('streams', 'propose')).stdout).toBe('no directory speaks for one stream alone\n');
  });
});

describe('tt classify --apply', () => {
  const document = {
    streams: [{ name: 'web', tags: ['acme'] }],
    assign_by_session: [{ session_id: FIRST, stream: 'web' }],
    assign_by_pattern: [{ cwd_like: '/Users/%/web', stream: 'web', start: '2026-05-01T09:00:00Z', end: '2026-05-01T10:00:00Z' }],
    assign_by_time: [{ start: '2026-05-01T09:06:00Z', end: '2026-05-01T09:09:00Z', stream: 'web' }],
  };

  it('assigns by session, pattern, time and event, as a model says it', async () => {
    const [{ id }] = home.rows("SELECT id FROM events WHERE type = 'tmux_pane_focus' AND timestamp LIKE '%09:40%'") as [{ id: string }];
    expect((await apply({ ...document, assign_by_event_ids: [{ event_ids: [id], stream: 'web' }] })).stdout).toMatch(/^10 of 10 events change\n {2}\w{6} web: \+10 events \(new\)\n/);
    expect(home.rows("SELECT substr(timestamp, 15, 2) AS minute FROM events WHERE stream_id IS NULL ORDER BY timestamp")).toEqual([{ minute: '05' }, { minute: '09' }]);
    expect(home.rows('SELECT DISTINCT assignment_source AS source FROM events WHERE stream_id IS NOT NULL')).toEqual([{ source: 'model' }]);
    expect((await shown('--unclassified')).sessions).toEqual([]);
  });

  it('tells in a dry run what would change by stream, and changes nothing', async () => {
    await tt('assign', 'mine', '--create', '--session', FIRST);
    expect(JSON.parse((await apply(document, '--dry-run', '--json')).stdout)).toMatchObject({
      schema: 1, dry_run: true, by: 'model', events: 9, changed: 5, kept_by_person: 4,
      streams: [{ name: 'web', created: true, gained: 5, lost: 0 }, { id: null, gained: 0, lost: 5 }],
    });
    expect(assignments()).toHaveLength(1);
    expect(home.rows('SELECT name FROM streams')).toEqual([{ name: 'mine' }]);
  });

  it('never overwrites a person’s, and can be taken back whole', async () => {
    await tt('assign', 'mine', '--create', '--session', FIRST);
    expect((await apply(document)).stdout).toContain('4 events stay where a person put them');
    expect(home.rows("SELECT count(*) AS count FROM events e JOIN streams s ON s.id = e.stream_id WHERE s.name = 'mine'")).toEqual([{ count: 4 }]);
    expect((await tt('classify', '--undo')).stdout).toMatch(/^taken back: 3 assignments by model/);
    expect(assignments()).toHaveLength(1);
  });

  it('reads a file, and applies the same document twice as once', async () => {
    const file = join(home.paths.dataDir, 'said.json');
    writeFileSync(file, JSON.stringify({ streams: document.streams, assign_by_session: document.assign_by_session }));
    await tt('classify', '--apply', file);
    expect((await tt('classify', '--apply', file)).stdout).toBe('nothing new: it was all said before\n');
    expect(assignments()).toHaveLength(1);
  });

  it.each([
    ['{', 'the document: it is no JSON'],
    [{ assign_by_sessions: [] }, 'the document: Unrecognized key'],
    [{ assign_by_session: [{ session_id: FIRST, stream: 'nobody' }] }, 'assign_by_session[0].stream: no stream is called "nobody"'],
    [{ ...document, assign_by_session: [...document.assign_by_session, { session_id: 'ffff', stream: 'web' }] }, 'assign_by_session[1].session_id: there is no session "ffff"'],
    [{ ...document, assign_by_time: [{ start: '2026-05-01T10:00:00Z', end: '2026-05-01T09:00:00Z', stream: 'web' }] }, 'assign_by_time[0]: its end'],
    [{ ...document, assign_by_time: [{ start: 'yesterday', end: '2026-05-01T09:00:00Z', stream: 'web' }] }, 'assign_by_time[0].start: not an RFC 3339 time'],
    [{ ...document, assign_by_event_ids: [{ event_ids: ['nothing'], stream: 'web' }] }, 'assign_by_event_ids[0].event_ids[0]: there is no event "nothing"'],
    [{ streams: [{ name: 'a\u0007' }] }, 'streams[0].name'],
  ])('names the place of a mistake, and applies nothing of %j', async (bad, words) => {
    const { code, stderr } = await apply(bad);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    expect(home.rows('SELECT (SELECT count(*) FROM assignment) AS assignments, (SELECT count(*) FROM streams) AS streams')).toEqual([{ assignments: 0, streams: 0 }]);
  });

  it('makes a stream that is only named when it is told to', async () => {
    expect(await apply({ assign_by_session: [{ session_id: FIRST, stream: 'new' }] }, '--create')).toMatchObject({ code: 0 });
    expect((await shown()).sessions[0]).toMatchObject({ stream: 'new' });
  });

  it('has a schema that knows each key of the document', () => {
    expect(assignmentDocumentSchema.safeParse(document).success).toBe(true);
    expect(assignmentDocumentSchema.safeParse({}).success).toBe(true);
  });
});
