/** Sessions for the page's tests, as machines would send them. */
import type { JsonValue, SessionState, TtEvent } from '../../shared/event.ts';
import type { MachineId } from '../../shared/ids.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { genOf, testEvent, type BatchParts } from './store-fixture.ts';

export interface PlayedSession {
  machineId: MachineId;
  id: string;
  title: string;
  cwd: string;
}

/** A session of one file, whose events are told as it goes on. Times are so long ago. */
export function playSession(session: PlayedSession, gen: number, nowMs: number) {
  let offset = 0;
  let count = 0;
  const event = (type: string, agoMs: number, rest: { [key: string]: JsonValue } = {}, discriminator = `${session.id}-${gen}-${++count}`): TtEvent => testEvent(
    { machineId: session.machineId, type, discriminator, at: nowMs - agoMs }, { session_id: session.id, cwd: session.cwd, ...rest },
  );
  const tell = (events: readonly TtEvent[], states: readonly SessionState[] = []): BatchParts => {
    const from = offset;
    offset += 100;
    return { gen: genOf(gen), from, to: offset, prev: from === 0 ? '' : `at ${from}`, tail: `at ${offset}`, events, states };
  };
  return {
    prompt: (agoMs: number, text: string) => event('user_message', agoMs, { kind: 'prompt', origin: 'human', text, length: text.length }),
    said: (agoMs: number, text: string) => event('assistant_message', agoMs, {
      text, model: 'claude-opus-4-5', message_id: `msg_${session.id}_${gen}_${++count}`, stop_reason: 'end_turn',
      usage: { input_tokens: 1200, output_tokens: 800, cache_read_input_tokens: 56_000, cache_creation_input_tokens: 2000 },
    }),
    uses: (agoMs: number, tool: string) => event('agent_tool_use', agoMs, { tool }, `toolu_${session.id}_${gen}_${++count}`),
    ended: (agoMs: number) => event('agent_turn', agoMs, { action: 'ended' }),
    status: (agoMs: number, status: string, waitingFor?: string) => event('agent_status', agoMs, {
      status, ...(waitingFor === undefined ? {} : { waiting_for: waitingFor }), pid: 7, pane_id: '%3', tmux_session: 'work',
    }, `${session.id}:7:${status}${waitingFor === undefined ? '' : `:${waitingFor}`}:${++count}`),
    titled: (events: readonly TtEvent[]) => tell(events, [
      { gen: genOf(gen), offset: 1, after: printTimestamp(nowMs - 3_600_000), session_id: session.id, key: 'custom-title', value: session.title },
    ]),
    tell,
  };
}
