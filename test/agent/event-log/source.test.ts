import { describe, expect, it } from 'vitest';
import { createEventLogSource, createStatusLogSource } from '../../../agent/event-log/source.ts';
import { createTextPolicy } from '../../../agent/privacy/texts.ts';
import { parseEventId } from '../../../shared/event-id.ts';
import { Collected, feed, fileOf, FULL_TEXTS, GENERATION, MACHINE } from '../../support/extraction.ts';

const OTHER = '22222222-2222-4222-8222-222222222222';
const AT = '2025-01-29T12:00:00.000Z';
const TMUX = { timestamp: AT, source: 'remote.tmux', type: 'tmux_pane_focus', cwd: '/home/user/project', pane_id: '%3', tmux_session: 'dev' };
const focus = (machine: string): object => ({ id: `${machine}:remote.tmux:tmux_pane_focus:${AT}:%3`, ...TMUX });

function read(lines: readonly (object | string)[], texts = FULL_TEXTS): Collected {
  const collected = new Collected();
  const extractor = createEventLogSource({ dataDir: '/data', machineId: MACHINE, texts }).open({ gen: GENERATION, path: '/data/events.jsonl' }, undefined);
  if (extractor !== undefined) feed(extractor, fileOf(lines), collected);
  return collected;
}

describe('the event log', () => {
  it('prints a canonical line byte for byte', () => {
    const line = JSON.stringify({ ...focus(MACHINE), window_index: 1, unknown_key: { deep: [1, null, 'é/'] } });
    expect(read([line]).events.map((event) => JSON.stringify(event))).toEqual([line]);
  });

  it('leaves the ID of another machine as it is: the collector decides', () => {
    const line = JSON.stringify(focus(OTHER));
    expect(read([line]).events.map((event) => JSON.stringify(event))).toEqual([line]);
  });

  it("puts this machine's prefix before an ID without one, and keeps the ID it had", () => {
    const raw = `remote.tmux:tmux_pane_focus:${AT}:%3`;
    expect(read([{ id: raw, ...TMUX }]).events).toEqual([{ id: `${MACHINE}:${raw}`, ...TMUX, raw_id: raw }]);
  });

  it('builds the ID of a hook that gave none', () => {
    expect(read([{ ...TMUX }]).events.map(({ id }) => id)).toEqual([`${MACHINE}:remote.tmux:tmux_pane_focus:${AT}:%3`]);
  });

  it('prints other timestamps in the canonical form, in the ID too', () => {
    const [event] = read([{ ...TMUX, id: `${MACHINE}:remote.tmux:tmux_pane_focus:2025-01-29T13:00:00.1239+01:00:%3`, timestamp: '2025-01-29T13:00:00.1239+01:00' }]).events;
    expect(event).toMatchObject({
      id: `${MACHINE}:remote.tmux:tmux_pane_focus:2025-01-29T12:00:00.123Z:%3`, timestamp: '2025-01-29T12:00:00.123Z', timestamp_raw: '2025-01-29T13:00:00.1239+01:00',
    });
  });

  it.each(['constructor', 'toString', '__proto__'])('takes the type %s for a type like any other', (type) => {
    const [event] = read([{ ...TMUX, id: `remote.tmux:${type}:${AT}:%3`, type }]).events;
    expect(event).toMatchObject({ type, id: `${MACHINE}:remote.tmux:${type}:${AT}:%3` });
  });

  it('rewrites the two legacy types', () => {
    const legacy = (type: string): object => ({ id: `s1-${type}`, timestamp: AT, source: 'claude', type, session_id: 's1' });
    expect(read([legacy('session_start'), legacy('session_end')]).events).toMatchObject([
      { id: `${MACHINE}:claude:agent_session:${AT}:s1-session_start`, type: 'agent_session', action: 'started', raw_id: 's1-session_start' },
      { type: 'agent_session', action: 'ended' },
    ]);
  });

  it('gives IDs whose parts say what the event says', () => {
    const events = read([focus(MACHINE), { ...TMUX, id: 'odd:id' }, { ...TMUX, id: `${MACHINE}:a:b:c` }, { ...TMUX, id: `${MACHINE}:` }]).events;
    for (const event of events) expect(parseEventId(event.id)).toMatchObject({ source: event.source, type: event.type, timestamp: event.timestamp });
    expect(events).toHaveLength(4);
  });

  it('reports lines that are no event, and reads what is glued to a torn one', () => {
    const deep = `{"id":"x","type":"x","source":"x","timestamp":"${AT}","a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const collected = read(['{"a":1}', '7', 'nonsense', { ...TMUX, id: 5 }, { ...TMUX, source: 'a:b' }, deep, '', `{"id":"torn","ti${JSON.stringify(focus(MACHINE))}`]);
    expect(collected.bads.map(([, , reason]) => reason)).toEqual(['no type', 'no event', 'no event', 'no id', 'no source', 'nested too deep', 'no event']);
    expect(collected.events).toEqual([focus(MACHINE)]);
  });

  it('masks or drops the texts of others too', () => {
    const line = { ...TMUX, id: `x:${AT}`, type: 'window_focus', window_title: 'password=hunter22 – vim' };
    const titles = (texts: 'redacted' | 'none'): unknown[] => read([line], createTextPolicy({ texts, projects: {} })).events.map((event) => event['window_title']);
    expect(titles('redacted')).toEqual(['password=[redacted] – vim']);
    expect(titles('none')).toEqual([undefined]);
  });

  it('replaces half characters', () => {
    expect(read([String.raw`{"id":"x","timestamp":"${AT}","source":"s","type":"t","text":"a\ud83d"}`]).events[0]?.['text']).toBe('a\uFFFD');
  });

  it('knows its own files and nobody else’s', () => {
    const options = { dataDir: '/data', machineId: MACHINE, texts: FULL_TEXTS };
    const [events, status] = [createEventLogSource(options), createStatusLogSource(options)];
    expect(['events.jsonl', 'events-0123456789abcdef.jsonl', 'events.jsonl.1'].filter((name) => events.matches(`/data/${name}`))).toHaveLength(3);
    expect(['status.jsonl', 'status-0123456789abcdef.jsonl'].filter((name) => status.matches(`/data/${name}`))).toHaveLength(2);
    const foreign = ['status.jsonl', 'events.jsonl.2', 'events-1.jsonl', 'kept/events.jsonl', 'events.jsonl.tmp', '../events.jsonl'];
    expect(foreign.filter((name) => events.matches(`/data/${name}`))).toEqual([]);
  });
});
