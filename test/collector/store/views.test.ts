import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openEventReader } from '../../../collector/store/read-events.ts';
import type { JsonValue, TtEvent } from '../../../shared/event.ts';
import { toEventId } from '../../../shared/ids.ts';
import { printTimestamp } from '../../../shared/timestamp.ts';
import { genOf, openStoreFixture, refOf, START_MS, testEvent, testMachine } from '../../support/store-fixture.ts';
import { generateDatabase, generateEvents } from '../../support/generate.ts';

const machine = refOf(testMachine(1));
const OPTIONS = { machines: 2, sessions: 12, events: 1500, days: 3, seed: 7, endMs: START_MS };
const VIEWS = ['events', 'event_copies', 'sessions', 'message_usage', 'sessions_with_machine', 'active_sessions_by_machine'];

const said = (type: string, second: number, rest: { [key: string]: JsonValue }) => testEvent(
  { machineId: machine.machineId, type, discriminator: `${type}-${second}`, at: START_MS + second * 1000 }, { session_id: 's', cwd: '/work/app', ...rest },
);
const prompt = said('user_message', 1, { kind: 'prompt', origin: 'human' });
const answer = said('assistant_message', 2, { stop_reason: 'end_turn', message_id: 'msg_1', usage: { input_tokens: 3, output_tokens: 5, cache_creation_input_tokens: 7, cache_read_input_tokens: 11 } });
const at = (second: number): string => printTimestamp(START_MS + second * 1000);
const asks = said('agent_status', 3, { status: 'waiting', waiting_for: 'permission prompt' });
const gone = testEvent({ machineId: machine.machineId, type: 'agent_status', discriminator: 'gone', at: START_MS + 3000 }, { session_id: 's', cwd: '/work/app', status: 'gone', observed_at: at(9) });
const state = (key: string, value: JsonValue, after: string) => ({ gen: genOf(1), offset: 1, after, session_id: 's', key, value });

describe('the views', () => {
  it('are described column by column', () => {
    using fixture = openStoreFixture();
    const page = readFileSync(new URL('../../../docs/database.md', import.meta.url), 'utf8');
    for (const view of VIEWS) {
      for (const { name } of fixture.database.prepare(`SELECT * FROM ${view}`).columns()) expect(page, `${view}.${name}`).toContain(`\`${name}\``);
    }
  });

  it.each([...readFileSync(new URL('../../../docs/database.md', import.meta.url), 'utf8').split('```sql')[1]?.split('```')[0]?.split(';').map((sql) => sql.trim()).filter((sql) => sql !== '') ?? []])('answer the example %s', (sql) => {
    using fixture = openStoreFixture();
    expect(fixture.rows(sql)).toEqual([]);
  });

  it.each([
    ['working', 'a prompt is unanswered', [prompt], []],
    ['waiting', 'its turn is over', [prompt, answer], []],
    ['ended', 'its log ends after the last entry', [prompt, answer], [state('ended', true, answer.timestamp)]],
    ['waiting', 'it went on after its end', [prompt, answer], [state('ended', true, prompt.timestamp)]],
    ['working', 'the registry says so later than the log', [answer, said('agent_status', 3, { status: 'busy' })], []],
    ['ended', 'its process is gone', [answer, said('agent_status', 3, { status: 'gone' }), said('agent_status', 2, { status: 'busy' })], []],
    ['ended', 'its process was seen to be gone after its last entry', [answer, said('agent_status', 1, { status: 'gone', observed_at: at(3) }), said('agent_status', 1, { status: 'busy' })], []],
    ['waiting', 'another process took it up', [answer, said('agent_status', 1, { status: 'gone', observed_at: at(9) }), said('agent_status', 4, { status: 'waiting', waiting_for: 'input needed' })], []],
    ['waiting', 'it went on after its process was seen to be gone', [answer, said('agent_status', 0, { status: 'gone', observed_at: at(1) })], []],
    ['waiting', 'its turn is over and the registry calls it idle', [prompt, answer, said('agent_status', 3, { status: 'idle' })], []],
    ['waiting', 'a command made it work, and that is over', [said('user_message', 1, { kind: 'command', origin: 'human' }), answer, said('agent_status', 3, { status: 'idle' })], []],
    ['idle', 'nothing was ever asked of it', [said('agent_session', 0, { action: 'started' }), said('agent_status', 3, { status: 'idle' })], []],
    ['idle', 'only a command of the harness itself was given', [said('user_message', 1, { kind: 'command', origin: 'human' }), said('agent_status', 3, { status: 'idle' })], []],
    ['idle', 'a script asked, and has its answer', [said('user_message', 1, { kind: 'prompt', origin: 'script' }), answer], []],
    ['waiting', 'a human went on where a script began', [said('user_message', 0, { kind: 'prompt', origin: 'script' }), prompt, answer], []],
    ['waiting', 'it asks, and a tool beside the one it asks about goes on', [asks, said('agent_tool_use', 4, {}), said('agent_tool_result', 5, {})], []],
    ['working', 'it asked, and speaks again', [asks, said('agent_tool_result', 4, {}), said('assistant_message', 5, {})], []],
    ['working', 'it asked, and somebody spoke', [asks, said('agent_tool_result', 4, {}), said('user_message', 5, { kind: 'prompt', origin: 'human' })], []],
    ['working', 'it asked, was answered, and uses its tools', [asks, said('agent_status', 4, { status: 'busy' }), said('agent_tool_result', 5, {})], []],
    ['ended', 'it asked, and its process is gone', [asks, said('agent_tool_result', 4, {}), gone], []],
    ['waiting', 'the registry is older than the log', [answer, said('agent_status', 1, { status: 'busy' })], []],
  ])('call a session %s when %s', (expected, _, [...events], [...states]) => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), events, states });
    expect(fixture.rows('SELECT session_id, machine_id, cwd, state FROM sessions')).toEqual([{ session_id: 's', machine_id: machine.machineId, cwd: '/work/app', state: expected }]);
  });

  it('look for copies of a machine before they look through the events of the session', () => {
    using fixture = openStoreFixture();
    const plan = fixture.rows('EXPLAIN QUERY PLAN SELECT * FROM session_state_told') as { detail: string }[];
    const looked = plan.flatMap(({ detail }) => /^SEARCH ([rce]) /.exec(detail)?.[1] ?? []);
    expect(looked).toEqual(['r', 'c', 'e']);
  });

  it('prefer the title given by hand', () => {
    using fixture = openStoreFixture();
    fixture.answer(machine, { gen: genOf(1), events: [prompt], states: [state('summary', 'c', ''), state('ai-title', 'b', ''), state('custom-title', 'a', '')] });
    expect(fixture.rows('SELECT title FROM sessions')).toEqual([{ title: 'a' }]);
  });

  it('show an imported event that names no machine and no session, and the reader gives it back', () => {
    using fixture = openStoreFixture();
    const event = { ...prompt, id: toEventId('hub-made'), session_id: undefined, schema_version: undefined };
    fixture.store.transaction(() => fixture.store.storeEvent(JSON.parse(JSON.stringify(event)) as TtEvent, null));
    expect(fixture.rows('SELECT id, machine_id, session_id FROM events')).toEqual([{ id: 'hub-made', machine_id: null, session_id: null }]);
    expect(openEventReader(fixture.database).arrivedAfter(0, 9).map((placed) => placed.event)).toEqual([JSON.parse(JSON.stringify(event))]);
    expect(fixture.rows('SELECT 1 FROM sessions')).toEqual([]);
  });

  it('count every event of a generated history once, in its own session or subagent', () => {
    using fixture = openStoreFixture();
    const generated = [...generateEvents(OPTIONS)].map(({ event }) => event);
    expect(generateDatabase(fixture.path, OPTIONS)).toEqual({ events: generated.length });
    expect(fixture.rows('SELECT id FROM events ORDER BY id')).toEqual(generated.map(({ id }) => ({ id })).sort((a, b) => (a.id < b.id ? -1 : 1)));
    const counts = fixture.rows('SELECT sum(tool_uses) AS tools, sum(prompts + script_prompts) AS prompts, count(DISTINCT session_id) AS sessions FROM sessions');
    const of = (type: string): number => generated.filter((event) => event.type === type).length;
    expect(counts).toEqual([{ tools: of('agent_tool_use'), prompts: of('user_message'), sessions: OPTIONS.sessions }]);
    const usage = fixture.rows('SELECT count(*) AS responses, sum(output_tokens) AS output FROM message_usage');
    const greatest = new Map<JsonValue | undefined, number>();
    for (const event of generated) {
      const tokens = event['usage'];
      if (typeof tokens !== 'object' || tokens === null || Array.isArray(tokens)) continue;
      greatest.set(event['message_id'], Math.max(greatest.get(event['message_id']) ?? 0, Number(tokens['output_tokens'])));
    }
    expect(usage).toEqual([{ responses: greatest.size, output: [...greatest.values()].reduce((sum, output) => sum + output, 0) }]);
    expect(fixture.rows('SELECT sum(active + stale + closed) AS sessions FROM active_sessions_by_machine')).toEqual([{ sessions: OPTIONS.sessions }]);
    expect(fixture.rows('SELECT min(age_seconds) > 0 AS isPast FROM sessions_with_machine')).toHaveLength(1);
  });
});
