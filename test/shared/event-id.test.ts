import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildEventId, entryUuidOf, factOf, hasSharedFact, machineOf, parseEventId } from '../../shared/event-id.ts';
import type { TtEvent } from '../../shared/event.ts';
import { parseMachineId, toEventId } from '../../shared/ids.ts';
import { printTimestamp } from '../../shared/timestamp.ts';

const MACHINE = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const TIME = '2026-01-05T10:00:00.123Z';
const ENTRY = '11111111-2222-4333-8444-555555555555';

const word = fc.string({ minLength: 1, maxLength: 30 }).filter((text) => !text.includes(':'));
const parts = fc.record({
  machineId: fc.uuid().map((uuid) => parseMachineId(uuid)!),
  source: word,
  type: word,
  timestamp: fc.integer({ min: 0, max: Date.UTC(9999, 0, 1) }).map(printTimestamp),
  discriminator: fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }),
});

function event(type: string, discriminator: string, more: Record<string, string | number> = {}): TtEvent {
  const source = 'remote.agent';
  const id = toEventId(`${MACHINE}:${source}:${type}:${TIME}:${discriminator}`);
  return { id, timestamp: printTimestamp(Date.parse(TIME)), source, type, agent: 'claude-code', schema_version: 2, ...more };
}

describe('an event ID', () => {
  it('gives back the parts it was built from, whatever they hold', () => {
    fc.assert(fc.property(parts, (given) => {
      const id = buildEventId(given);
      expect(parseEventId(id)).toEqual(given);
      expect(buildEventId(parseEventId(id)!)).toBe(id);
      expect(machineOf(id)).toBe(given.machineId);
    }));
  });

  it('keeps colons of a discriminator', () => {
    expect(parseEventId(`${MACHINE}:remote.agent:agent_status:${TIME}:s:42:waiting:permission`)?.discriminator)
      .toBe('s:42:waiting:permission');
  });

  it.each([
    ['a hub-made ID', 'abc-session_start'],
    ['a hub-made ID with a time', `${ENTRY}-user_message-1767607200123`],
    ['no machine', `remote.tmux:tmux_pane_focus:${TIME}:%3`],
    ['upper case', `${MACHINE.toUpperCase()}:remote.tmux:tmux_pane_focus:${TIME}:%3`],
    ['a time without milliseconds', `${MACHINE}:remote.agent:user_message:2026-01-05T10:00:00Z:${ENTRY}`],
    ['a time that does not exist', `${MACHINE}:remote.agent:user_message:2026-02-30T10:00:00.000Z:${ENTRY}`],
    ['no discriminator', `${MACHINE}:remote.tmux:tmux_pane_focus:${TIME}:`],
    ['nothing after the time', `${MACHINE}:remote.tmux:tmux_pane_focus:${TIME}`],
    ['no source', `${MACHINE}::tmux_pane_focus:${TIME}:%3`],
    ['no type', `${MACHINE}:remote.tmux::${TIME}:%3`],
    ['the machine alone', `${MACHINE}:`],
    ['nothing', ''],
  ])('is not %s', (_what, id) => {
    expect(parseEventId(id)).toBeUndefined();
  });

  it('is found in no random text, and no random text throws', () => {
    fc.assert(fc.property(fc.string(), (text) => {
      expect(parseEventId(text)).toBeUndefined();
    }));
  });
});

describe('the machine of an ID', () => {
  it('is its first 36 characters when a colon follows a UUID', () => {
    expect(machineOf(`${MACHINE}:anything`)).toBe(MACHINE);
  });

  it.each(['abc-session_start', MACHINE, `${MACHINE}-session_start`, `${'x'.repeat(36)}:remote`, ''])('is none in %j', (id) => {
    expect(machineOf(id)).toBeUndefined();
  });
});

describe('the fact key of an event', () => {
  it('leaves out machine, source and time for what was extracted from a harness log', () => {
    expect(factOf(event('user_message', ENTRY))).toBe(`user_message:${ENTRY}`);
    expect(factOf(event('agent_tool_use', 'toolu_01'))).toBe('agent_tool_use:toolu_01');
    expect(factOf(event('agent_session', 's1:started'))).toBe('agent_session:s1:started');
    expect(factOf(event('agent_session', 's1/a7:started'))).toBe('agent_session:s1/a7:started');
    expect(factOf(event('agent_turn', `${ENTRY}:ended`))).toBe(`agent_turn:${ENTRY}:ended`);
  });

  it('lets copies of queue prompts and of lines without uuid meet', () => {
    expect(factOf(event('user_message', 'q-0123456789abcdef'))).toBe('user_message:q-0123456789abcdef');
    expect(factOf(event('assistant_message', 'l-0123456789abcdef'))).toBe('assistant_message:l-0123456789abcdef');
  });

  it('is the whole ID for everything else', () => {
    const own = [
      event('agent_status', 's1:42:working'),
      event('tmux_pane_focus', '%3'),
      event('user_message', ENTRY, { schema_version: 1 }),
      event('user_message', ENTRY, { agent: 'opencode' }),
      { ...event('user_message', 'x'), id: toEventId('s1-user_message-1767607200123') },
    ];
    for (const each of own) expect(factOf(each)).toBe(each.id);
  });

  it('treats a missing schema version as 1', () => {
    const { schema_version: _dropped, ...legacy } = event('user_message', ENTRY);
    expect(factOf(legacy)).toBe(legacy.id);
    expect(hasSharedFact('user_message', 2, undefined)).toBe(false);
  });
});

describe('the entry an event rests on', () => {
  it('is its own key first', () => {
    expect(entryUuidOf(event('agent_tool_use', 'toolu_01', { entry_uuid: ENTRY }))).toBe(ENTRY);
  });

  it('is the uuid in the discriminator, with or without a turn end', () => {
    expect(entryUuidOf(event('user_message', ENTRY))).toBe(ENTRY);
    expect(entryUuidOf(event('agent_turn', `${ENTRY}:ended`))).toBe(ENTRY);
  });

  it('is none where nothing names one', () => {
    expect(entryUuidOf(event('agent_tool_use', 'toolu_01'))).toBeUndefined();
    expect(entryUuidOf({ ...event('user_message', 'x'), id: toEventId('legacy') })).toBeUndefined();
  });
});
