import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HANDED_ON } from '../../../collector/commands/table.ts';
import { toCommandLine } from '../../../collector/commands/context-flags.ts';
import { printContext } from '../../../collector/streams/context.ts';
import { openReader } from '../../../collector/store/database.ts';
import { contextSchema } from '../../../shared/stream-documents.ts';
import { genOf, START_MS, testEvent } from '../../support/store-fixture.ts';
import { at, MACHINE, openStreamsHome, paneFocus, prompt, started, toolUse, windowFocus, type StreamsHome } from '../../support/streams-home.ts';

const FIRST = 'aaaa1111-0000-4000-8000-000000000001';
const SECOND = 'bbbb2222-0000-4000-8000-000000000002';

let home: StreamsHome;
beforeEach(() => {
  home = openStreamsHome();
});
afterEach(() => home[Symbol.dispose]());

interface Context {
  time_range: { start: string; end: string };
  events?: { id: string; type: string; timestamp: string; session_id: string | null; claude_session_id: string | null; stream_id: string | null; cwd: string | null }[];
  agents?: { session_id: string; parent_session_id: string | null; user_prompts: string[]; user_prompt_count: number; starting_prompt: string | null; end_time: string | null; summary: string | null }[];
  streams?: { name: string; time_direct_ms: number; first_event_at: string | null; last_event_at: string | null }[];
  gaps?: { start: string; end: string; duration_minutes: number; before_event_type: string; after_event_type: string }[];
}
const context = (...argv: string[]) => home.json<Context>('context', ...argv);
const DAY = ['--start', '2026-05-01T09:00:00Z', '--end', '2026-05-01T10:00:00Z'];

describe('tt context', () => {
  it('has the sections that were asked for and no others, and always the time range', async () => {
    home.store([prompt(FIRST, 1)]);
    for (const sections of [['events'], ['agents', 'gaps'], ['events', 'agents', 'streams', 'gaps']]) {
      expect(Object.keys(await context(...sections.map((section) => `--${section}`)))).toEqual(['schema', 'time_range', ...sections]);
    }
    expect(await home.tt(['context'])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--events --agents --streams --gaps') as string });
  });

  it('is the same as tt export with one of its flags; tt export alone is the agent’s', async () => {
    home.store([prompt(FIRST, 1)]);
    expect(await home.json('export', '--agents', '--events', ...DAY)).toEqual(await context('--events', '--agents', ...DAY));
    expect(toCommandLine(['export', '--after', 'x'])).toEqual(['export', '--after', 'x']);
    expect(HANDED_ON).toContain('export');
  });

  it('takes ISO and relative times; without them the last 24 hours', async () => {
    home.store([prompt(FIRST, 1)]);
    expect((await context('--gaps')).time_range).toEqual({ start: '2026-04-30T10:00:00.000Z', end: '2026-05-01T10:00:00.000Z' });
    expect((await context('--gaps', '--start', '4 hours ago', '--end', '30 minutes ago')).time_range).toEqual({ start: '2026-05-01T06:00:00.000Z', end: '2026-05-01T09:30:00.000Z' });
    expect((await context('--gaps', '--start', '2 days ago')).time_range.start).toBe('2026-04-29T10:00:00.000Z');
    expect(await home.tt(['context', '--gaps', '--start', 'now', '--end', '1 hour ago'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is after end time') as string });
    expect(await home.tt(['context', '--gaps', '--start', 'soon'])).toMatchObject({ code: 2 });
    expect(await home.tt(['context', '--gaps', '--gap-threshold', '0'])).toMatchObject({ code: 2 });
  });

  it('prints events in order, half-open, with null for what an event has not', async () => {
    home.store([prompt(FIRST, 2), started(FIRST, 1), paneFocus(3), windowFocus(4), prompt(FIRST, 60)]);
    const { events } = await context('--events', ...DAY);
    expect(events?.map(({ type }) => type)).toEqual(['session_start', 'user_message', 'tmux_pane_focus', 'window_focus']);
    expect(events?.[1]).toEqual({
      id: prompt(FIRST, 2).id, timestamp: '2026-05-01T09:02:00.000Z', type: 'user_message', source: 'remote.agent', cwd: '/home/a/web', session_id: FIRST, claude_session_id: FIRST,
      tmux_session: null, pane_id: null, git_project: null, git_workspace: null, machine_id: MACHINE.machineId, stream_id: null,
    });
    expect(events?.[2]).toMatchObject({ tmux_session: 'dev', pane_id: '%1', session_id: null, claude_session_id: null });
    expect(events?.[3]).toMatchObject({ cwd: null });
  });

  it('tells the end of a session that ended, among the events, as long as nothing came after', async () => {
    const end = { gen: genOf(90), offset: 9, after: '2026-05-01T09:05:00.000Z', session_id: FIRST, key: 'ended', value: true };
    home.store([started(FIRST, 1), toolUse(FIRST, 5), prompt(SECOND, 7)], [end]);
    await home.tt(['assign', 'web', '--create', '--session', FIRST]);
    const [{ id }] = home.rows('SELECT id FROM streams') as [{ id: string }];
    const read = async () => (await context('--events', ...DAY)).events ?? [];
    expect((await read()).map(({ type }) => type)).toEqual(['session_start', 'agent_tool_use', 'session_end', 'user_message']);
    expect((await read())[2]).toMatchObject({ timestamp: '2026-05-01T09:05:00.000Z', session_id: FIRST, stream_id: id, id: `${MACHINE.machineId}:remote.agent:agent_session:2026-05-01T09:05:00.000Z:${FIRST}:ended` });
    expect((await context('--agents', ...DAY)).agents).toMatchObject([{ end_time: '2026-05-01T09:05:00.000Z' }, { end_time: null }]);
    expect((await context('--events', '--unclassified', ...DAY)).events?.map(({ type }) => type)).toEqual(['user_message']);
    home.store([prompt(FIRST, 8)]);
    expect((await read()).map(({ type }) => type)).not.toContain('session_end');
  });

  it('counts all prompts of a session, also those whose text is not there, and lists each text whole up to 2000 bytes', async () => {
    const many = Array.from({ length: 12 }, (_, index) => prompt(FIRST, index + 1));
    const { text: _text, ...silent } = prompt(FIRST, 30);
    home.store([...many, silent, prompt(FIRST, 31, { text: 'é'.repeat(1500) }), prompt(SECOND, 5, { origin: 'script', text: 'by a script' })]);
    const { agents } = await context('--agents', ...DAY);
    expect(agents).toMatchObject([{ user_prompt_count: 14, starting_prompt: 'do 1' }, { user_prompt_count: 0, starting_prompt: 'by a script', user_prompts: [] }]);
    expect(agents?.[0]?.user_prompts).toHaveLength(13);
    expect(agents?.[0]?.user_prompts.at(-1)).toBe(`${'é'.repeat(1000)}...`);
    expect((await context('--agents', '--summary', ...DAY)).agents?.[0]?.user_prompts).toEqual(['do 1']);
  });

  it('lists subagents as children of their conversation', async () => {
    home.store([prompt(FIRST, 1), toolUse(FIRST, 2, { agent_id: 'side' })]);
    expect((await context('--agents', ...DAY)).agents).toMatchObject([
      { session_id: FIRST, parent_session_id: null, session_type: 'user', tool_call_count: 0 },
      { session_id: `${FIRST}/side`, claude_session_id: `${FIRST}/side`, parent_session_id: FIRST, session_type: 'subagent', tool_call_count: 1 },
    ]);
  });

  it('lists streams that overlap the time, with the time of this range and never without first and last', async () => {
    home.store([prompt(FIRST, 1), prompt(FIRST, 50), prompt(SECOND, 600)]);
    await home.tt(['assign', 'web', '--create', '--session', FIRST]);
    await home.tt(['assign', 'later', '--create', '--session', SECOND]);
    await home.tt(['streams', 'create', 'empty']);
    const { streams } = await context('--streams', ...DAY);
    expect(streams).toMatchObject([{ name: 'web', time_direct_ms: 600_000, first_event_at: '2026-05-01T09:01:00.000Z', last_event_at: '2026-05-01T09:50:00.000Z' }]);
    expect((await context('--streams', '--start', '2026-05-01T09:00:00Z', '--end', '2026-05-01T09:30:00Z')).streams).toMatchObject([{ name: 'web', time_direct_ms: 300_000 }]);
  });

  it('finds gaps between what a person did, not what agents or scripts do, from the threshold on', async () => {
    home.store([paneFocus(0), toolUse(FIRST, 3), prompt(FIRST, 5), prompt(SECOND, 8, { origin: 'script' }), windowFocus(12),
      testEvent({ machineId: MACHINE.machineId, type: 'afk_change', discriminator: 'idle', source: 'local.watcher', at: at(14) }, { status: 'idle' }), paneFocus(17)]);
    expect((await context('--gaps', ...DAY)).gaps).toEqual([
      { start: '2026-05-01T09:00:00.000Z', end: '2026-05-01T09:05:00.000Z', duration_minutes: 5, before_event_type: 'tmux_pane_focus', after_event_type: 'user_message' },
      { start: '2026-05-01T09:05:00.000Z', end: '2026-05-01T09:12:00.000Z', duration_minutes: 7, before_event_type: 'user_message', after_event_type: 'window_focus' },
      { start: '2026-05-01T09:12:00.000Z', end: '2026-05-01T09:17:00.000Z', duration_minutes: 5, before_event_type: 'window_focus', after_event_type: 'tmux_pane_focus' },
    ]);
    expect((await context('--gaps', '--gap-threshold', '6', ...DAY)).gaps).toHaveLength(1);
    expect((await context('--gaps', '--start', '2026-05-01T09:16:00Z', '--end', '2026-05-01T10:00:00Z')).gaps).toEqual([]);
  });

  it('leaves out what the earlier tool said of sessions whose logs were read here', async () => {
    const legacy = { ...testEvent({ machineId: MACHINE.machineId, type: 'user_message', discriminator: 'x', at: at(2) }, { session_id: FIRST }), schema_version: 1 };
    home.store([prompt(FIRST, 2), legacy]);
    expect((await context('--events', ...DAY)).events).toHaveLength(1);
  });

  it('ends where it is stopped, and says that it is not whole', async () => {
    home.store(Array.from({ length: 400 }, (_, index) => toolUse(FIRST, index)));
    const stop = new AbortController();
    const run = await home.tt(['context', '--events', ...DAY], { stop: stop.signal, onStdout: () => stop.abort() });
    expect(run.code).toBe(130);
    expect(run.stdout.length).toBeLessThan(1000);
  });

  it('prints one piece an event, so that the memory does not grow with the time', async () => {
    home.store(Array.from({ length: 400 }, (_, index) => toolUse(FIRST, index)));
    const reader = openReader(home.paths.database);
    try {
      const all = { events: true, agents: false, streams: false, gaps: false, gapMs: 300_000, unclassified: false, summary: false };
      const pieces = [...printContext(reader, { fromMs: START_MS, toMs: at(400) }, all)];
      expect(pieces).toHaveLength(400 + 4);
      expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(1000);
      const document = contextSchema.parse(JSON.parse(pieces.join('')));
      expect(document.events).toHaveLength(400);
      expect(pieces.join('')).toBe(`${JSON.stringify(document, null, 2)}\n`);
    } finally {
      reader.close();
    }
  });
});
