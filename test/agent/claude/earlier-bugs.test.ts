// What an earlier tool got wrong with these logs; docs/requirements.md says which was which.
import { describe, expect, it } from 'vitest';
import { extract } from '../../support/extraction.ts';
import { at, Transcript, uuid } from '../../support/transcript.ts';

describe('events of a log', () => {
  it('are one for each tool of one moment, also of one entry', () => {
    const log = new Transcript();
    const twice = [log.toolUse('toolu_1'), { ...log.toolUse('toolu_2'), timestamp: at(1) }];
    const together = log.entry('assistant', {
      message: { id: 'msg_9', role: 'assistant', model: 'm', content: ['toolu_3', 'toolu_4'].map((id) => ({ type: 'tool_use', id, name: 'Read', input: { file_path: '/x' } })) },
    });
    const ids = extract([...twice, together]).ofType('agent_tool_use').map(({ id }) => id);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(4);
  });

  it('are capped nowhere: 1,001 prompts and 101 tools in one message are so many', () => {
    const log = new Transcript();
    const prompts = Array.from({ length: 1001 }, (_, index) => log.typed(`prompt ${index}`, { uuid: uuid(10_000 + index) }));
    const tools = log.entry('assistant', {
      message: { id: 'msg_9', role: 'assistant', model: 'm', content: Array.from({ length: 101 }, (_, index) => ({ type: 'tool_use', id: `toolu_${index}`, name: 'Bash', input: {} })) },
    });
    const collected = extract([...prompts, tools]);
    expect(collected.ofType('user_message')).toHaveLength(1001);
    expect(collected.ofType('agent_tool_use')).toHaveLength(101);
  });

  it('are the prompt with an image and the prompt of blocks, not the tool result, the note of the harness or what a subagent was asked', () => {
    const log = new Transcript();
    const collected = extract([
      log.typed('text'), log.typed([{ type: 'text', text: 'blocks' }]), log.typed([{ type: 'text', text: 'look' }, { type: 'image' }]),
      log.toolResult('toolu_1', 'output'), log.user('Caveat: …', { isMeta: true }), log.user('find it', { isSidechain: true, agentId: 'abc' }),
    ]);
    const human = collected.ofType('user_message').filter((event) => event['origin'] === 'human');
    expect(human.map((event) => event['text'])).toEqual(['text', 'blocks', 'look']);
  });

  it('have the start of a session once, stamped with its first entry, however much of the log is read at a time', () => {
    const log = new Transcript();
    const lines = Array.from({ length: 20 }, (_, index) => log.typed(`prompt ${index}`));
    const starts = extract(lines).ofType('agent_session');
    expect(starts).toMatchObject([{ action: 'started', timestamp: at(1) }]);
    expect(extract(lines.slice(0, 5)).ofType('agent_session')).toEqual(starts);
  });

  it('are a person’s answer inside a tool result', () => {
    const log = new Transcript();
    const collected = extract([
      log.toolUse('toolu_1', 'AskUserQuestion', { questions: [] }),
      log.toolResult('toolu_1', 'User has answered', { toolUseResult: { answers: { 'Which one?': 'the second' } } }),
      log.toolUse('toolu_2'),
      log.toolResult('toolu_2', "The user doesn't want to proceed; the user said: use the other file", {}, { is_error: true }),
    ]);
    expect(collected.ofType('user_message').map((event) => [event['kind'], event['origin'], event['text']]))
      .toEqual([['answer', 'human', 'the second'], ['answer', 'human', 'use the other file']]);
    expect(collected.ofType('agent_tool_result')).toHaveLength(2);
  });
});
