import { describe, expect, it } from 'vitest';
import { reasonOf, stateNow, type StateFacts } from '../../../collector/sessions/session-state.ts';

const NOW = Date.UTC(2026, 0, 5, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function facts(change: Partial<StateFacts>): StateFacts {
  const lastAtMs = change.lastAtMs ?? NOW - MINUTE;
  return {
    agentId: '', state: 'waiting', signal: 'answered', signalAtMs: lastAtMs, status: null, waitingFor: null, statusAtMs: null, endedAfter: null,
    lastAtMs, lastOfAllMs: lastAtMs, ...change,
  };
}

describe('without a live registry', () => {
  it.each([
    ['working', 'it was heard of lately', { state: 'working', signal: 'tool_use', lastAtMs: NOW - 29 * MINUTE }],
    ['unknown', 'it has been quiet for long: a long tool, a crash and a closed terminal look the same', { state: 'working', signal: 'tool_use', lastAtMs: NOW - 31 * MINUTE }],
    ['working', 'a subagent of it was heard of lately', { state: 'working', signal: 'tool_use', lastAtMs: NOW - 3 * HOUR, lastOfAllMs: NOW - MINUTE }],
    ['working', 'it said something just now', { state: 'working', signal: 'assistant', lastAtMs: NOW - MINUTE }],
    ['waiting', 'nothing came after what it said', { state: 'working', signal: 'assistant', lastAtMs: NOW - 3 * MINUTE }],
    ['ended', 'a subagent said its last', { agentId: 'a1', state: 'working', signal: 'assistant', lastAtMs: NOW - 3 * MINUTE }],
    ['waiting', 'its turn ended today', { lastAtMs: NOW - 23 * HOUR }],
    ['idle', 'its turn ended longer ago than a person comes back', { lastAtMs: NOW - 25 * HOUR }],
    ['ended', 'it ended', { state: 'ended', lastAtMs: NOW - 900 * HOUR }],
    ['unknown', 'the store says a word of a later version', { state: 'dreaming' }],
  ])('a session is %s where %s', (expected, _, change) => expect(stateNow(facts(change), NOW).state).toBe(expected));

  it('waits since its turn ended', () => {
    expect(stateNow(facts({ lastAtMs: NOW - 5 * HOUR }), NOW)).toEqual({ state: 'waiting', sinceMs: NOW - 5 * HOUR, reason: 'turn_done' });
  });

  it('had ended when its log says so', () => {
    expect(stateNow(facts({ state: 'ended', endedAfter: '2026-01-05T11:00:00.000Z' }), NOW)).toMatchObject({ sinceMs: NOW - HOUR });
  });
});

describe('with a live registry', () => {
  it.each([['working', 'busy'], ['waiting', 'idle']])('stays %s however quiet it is', (state, status) => {
    expect(stateNow(facts({ state, status, signal: 'tool_use', lastAtMs: NOW - 1000 * HOUR }), NOW).state).toBe(state);
  });

  it('a process that is gone says nothing about now', () => {
    expect(stateNow(facts({ status: 'gone', lastAtMs: NOW - 25 * HOUR }), NOW).state).toBe('idle');
  });

  it.each([['permission prompt', 'permission'], ['input needed', 'question'], [null, 'question']])('%s is a wait for %s, since the registry says so', (waitingFor, reason) => {
    const asking = facts({ status: 'waiting', waitingFor, statusAtMs: NOW - 7 * MINUTE, signalAtMs: NOW - 9 * MINUTE });
    expect(stateNow(asking, NOW)).toEqual({ state: 'waiting', sinceMs: NOW - 7 * MINUTE, reason });
    expect(reasonOf(waitingFor)).toBe(reason);
  });

  it.each(['tool_use', 'tool_result'])('a question stays one when %s of a tool beside it is logged after it', (signal) => {
    const asking = facts({ signal, status: 'waiting', waitingFor: 'permission prompt', statusAtMs: NOW - 7 * MINUTE, signalAtMs: NOW - 6 * MINUTE });
    expect(stateNow(asking, NOW)).toEqual({ state: 'waiting', sinceMs: NOW - 7 * MINUTE, reason: 'permission' });
  });

  it('a question that was answered since is none', () => {
    const over = facts({ status: 'waiting', waitingFor: 'permission prompt', statusAtMs: NOW - 9 * MINUTE, signalAtMs: NOW - 2 * MINUTE });
    expect(stateNow(over, NOW)).toEqual({ state: 'waiting', sinceMs: NOW - 2 * MINUTE, reason: 'turn_done' });
  });
});
