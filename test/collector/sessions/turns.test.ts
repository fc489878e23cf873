import { describe, expect, it } from 'vitest';
import { turnsOf, type SpentBetween } from '../../../collector/sessions/turns.ts';
import { createSpending } from '../../../collector/usage/spending.ts';
import { openPrices } from '../../../collector/usage/prices.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { testEvent, testMachine } from '../../support/store-fixture.ts';

const START = Date.UTC(2026, 0, 5, 10);
const nothing = createSpending(openPrices()).total();
const none: SpentBetween = () => nothing;
let count = 0;

const said = (type: string, second: number, rest: { [key: string]: JsonValue }, discriminator = `d${count++}`) =>
  testEvent({ machineId: testMachine(1), type, discriminator, at: START + second * 1000 }, { session_id: 's', ...rest });
const prompt = (second: number, rest: { [key: string]: JsonValue } = {}) => said('user_message', second, { kind: 'prompt', origin: 'human', text: `p${second}`, length: 2, ...rest });
const at = (second: number): string => new Date(START + second * 1000).toISOString();

describe('the turns of a session', () => {
  it('begin where a human or a script wants something, and share no time', () => {
    const asked: [number, number][] = [];
    const turns = turnsOf([
      said('agent_session', 0, { action: 'started' }), prompt(1), prompt(5, { origin: 'script' }), said('user_message', 9, { kind: 'shell', text: '! ls' }),
      said('user_message', 12, { kind: 'command', text: '/clear' }),
    ], (fromMs, toMs) => {
      asked.push([fromMs, toMs]);
      return nothing;
    });
    expect(turns.map(({ kind, text }) => [kind, text])).toEqual([['prompt', 'p1'], ['script', 'p5'], ['shell', '! ls'], ['command', '/clear']]);
    expect(asked).toEqual([[-Infinity, START + 5000], [START + 5000, START + 9000], [START + 9000, START + 12_000], [START + 12_000, Infinity]]);
  });

  it('hold what came before anybody is known to have asked', () => {
    expect(turnsOf([said('assistant_message', 3, { text: 'Hello.' }), prompt(9)], none)).toMatchObject([
      { kind: 'unknown', text: null, length: null, started_at: at(3), last_line: 'Hello.' }, { kind: 'prompt' },
    ]);
    expect(turnsOf([said('agent_session', 0, { action: 'started' }), said('agent_status', 1, { status: 'idle' })], none)).toEqual([]);
  });

  it('do not begin with what is asked of a subagent, an answer or an interrupt', () => {
    expect(turnsOf([prompt(0), prompt(1, { agent_id: 'x' }), said('user_message', 2, { kind: 'answer' }), said('user_message', 3, { kind: 'interrupt' })], none)).toMatchObject([
      { answers: 1, interrupted: true, subagents: ['x'], last_at: at(3) },
    ]);
  });

  it('know their end, and the words of the conversation itself', () => {
    expect(turnsOf([
      prompt(0), said('assistant_message', 1, { text: 'First.' }), said('assistant_message', 2, { text: 'Of a subagent.', agent_id: 'x' }),
      said('agent_turn', 3, { action: 'ended', agent_id: 'x' }),
    ], none)).toMatchObject([{ ended: false, last_line: 'First.' }]);
    expect(turnsOf([prompt(0), said('agent_turn', 3, { action: 'ended' })], none)).toMatchObject([{ ended: true }]);
  });

  it('count tools, and their failures by the name of the use, also where its result comes a turn later', () => {
    const [first, second] = turnsOf([
      prompt(0), said('agent_tool_use', 1, { tool: 'Bash' }, 'toolu_1'), said('agent_tool_use', 1, { tool: 'Bash' }, 'toolu_2'), said('agent_tool_use', 2, { tool: 'Read' }, 'toolu_3'),
      said('agent_tool_result', 3, { is_error: true }, 'toolu_2'), said('agent_tool_result', 3, {}, 'toolu_1'), prompt(4), said('agent_tool_result', 5, { is_error: true }, 'toolu_3'),
    ], none);
    expect(first).toMatchObject({ tool_uses: 3, tool_errors: 1, tools: [{ tool: 'Bash', uses: 2, errors: 1 }, { tool: 'Read', uses: 1, errors: 0 }] });
    expect(second).toMatchObject({ tool_uses: 0, tool_errors: 1, tools: [{ tool: 'Read', uses: 0, errors: 1 }] });
  });

  it('tell the waits in them from one word of the registry to the next', () => {
    const status = (second: number, word: string, waitingFor?: string) => said('agent_status', second, { status: word, ...(waitingFor === undefined ? {} : { waiting_for: waitingFor }) });
    expect(turnsOf([
      prompt(0), status(1, 'busy'), status(4, 'waiting', 'permission prompt'), status(9, 'waiting', 'input needed'), status(11, 'busy'), status(20, 'waiting', 'input needed'),
    ], none)[0]?.waits).toEqual([
      { reason: 'permission', from: at(4), to: at(9) }, { reason: 'question', from: at(9), to: at(11) }, { reason: 'question', from: at(20), to: null },
    ]);
  });
});
