// Situations seen in real logs, one test each, in the order in which they are described for the project.
import { describe, expect, it } from 'vitest';
import { createClaudeCodeSource } from '../../../agent/claude/source.ts';
import type { JsonValue } from '../../../shared/event.ts';
import { factOf } from '../../../shared/event-id.ts';
import { Collected, extract, feed, fileOf, FULL_TEXTS, MACHINE, openForTest } from '../../support/extraction.ts';
import { at, SESSION, Transcript, usage, uuid } from '../../support/transcript.ts';
import { addUp, distinctFacts, usageByResponse } from '../../support/usage-model.ts';

const OLD = { version: '2.1.39' };
const OTHER = '5e551002-0000-4000-8000-000000000002';

function prompts(collected: Collected): string[] {
  return collected.said().filter((text) => text.startsWith('prompt'));
}

describe('what a transcript gives', () => {
  it('1. gives no event for half a record and one for the whole (waiting for the newline: the tailer)', () => {
    const log = new Transcript();
    const whole = fileOf([log.typed('hello')]);
    const collected = new Collected();
    const extractor = openForTest();
    feed(extractor, whole.subarray(0, 40), collected);
    expect(collected.events).toEqual([]);
    feed(extractor, whole, collected);
    expect(prompts(collected)).toEqual(['prompt: hello']);
  });

  it('2. parses forty records of one write in order', () => {
    const log = new Transcript();
    const collected = extract(Array.from({ length: 40 }, (_, index) => log.typed(`prompt ${index}`)));
    expect(prompts(collected)).toEqual(Array.from({ length: 40 }, (_, index) => `prompt: prompt ${index}`));
  });

  it('3. gives the same IDs when a file is read twice', () => {
    const log = new Transcript();
    const lines = [log.typed('a'), log.toolUse('toolu_1'), log.toolResult('toolu_1'), log.queue('enqueue', { content: 'x' })];
    expect(extract(lines).events).toEqual(extract(lines).events);
  });

  it('4. counts a fork of twenty copied entries and one new prompt as one prompt and one response more', () => {
    const log = new Transcript();
    const original = Array.from({ length: 10 }, (_, index) => [log.typed(`p${index}`), log.text(`a${index}`, { id: `msg_${index}` })]).flat();
    const copied = original.map((entry) => ({ ...entry, sessionId: OTHER, ...(entry['type'] === 'assistant' ? { requestSessionId: SESSION } : {}) }));
    const fork = new Transcript({ sessionId: OTHER });
    const fresh = [fork.typed('new', { uuid: uuid(100) }), fork.text('answer', { id: 'msg_100' }, { uuid: uuid(101) })];
    const [a, b] = [extract(original), extract([...copied, ...fresh])];
    const facts = distinctFacts([...a.events, ...b.events], [...a.edges, ...b.edges]);
    expect(b.edges).toEqual([{ child: OTHER, parent: SESSION, via: 'requestSessionId' }]);
    expect(facts.filter((event) => event['kind'] === 'prompt' && event['session_id'] === OTHER)).toHaveLength(1);
    expect(usageByResponse(facts).size).toBe(11);
  });

  it('5. gives totals that do not depend on whether the fork or its parent is seen first (re-owning: the store)', () => {
    const log = new Transcript();
    const original = [log.typed('p'), log.text('a')];
    const copied = original.map((entry) => ({ ...entry, sessionId: OTHER, forkedFrom: { sessionId: SESSION, messageUuid: entry['uuid'] } }));
    const [a, b] = [extract(original), extract(copied)];
    const edges = [...a.edges, ...b.edges];
    const owners = [[...a.events, ...b.events], [...b.events, ...a.events]]
      .map((events) => distinctFacts(events, edges).filter(({ type }) => type !== 'agent_session').map((event) => event['session_id']));
    expect(owners).toEqual([[SESSION, SESSION], [SESSION, SESSION]]);
    expect(b.edges).toEqual([{ child: OTHER, parent: SESSION, via: 'forkedFrom' }]);
  });

  const response = (log: Transcript): object[] => [
    log.assistant({ type: 'thinking', thinking: 'hm' }, { stop_reason: null, usage: usage(1) }),
    log.toolUse('toolu_1', 'Bash', {}, { stop_reason: null, usage: usage(1) }),
    log.toolResult('toolu_1'),
    log.toolUse('toolu_2', 'Bash', {}, { stop_reason: null, usage: usage(1) }),
    log.toolResult('toolu_2'),
    log.text('done', { stop_reason: null, usage: usage(631, { iterations: [] }) }),
  ];

  it('6. takes the final usage of a response whose entries are interleaved with tool results', () => {
    const collected = extract(response(new Transcript(OLD)));
    expect(collected.ofType('assistant_message')).toHaveLength(4);
    expect([...usageByResponse(collected.events).values()]).toEqual([
      { sessionId: SESSION, input: 100, output: 631, cacheCreation: 20, cacheRead: 300, isLowerBound: false },
    ]);
  });

  it('7. takes it once where a restart falls into the response', () => {
    const bytes = fileOf(response(new Transcript(OLD)));
    const [first, second] = [new Collected(), new Collected()];
    const half = bytes.indexOf(10, bytes.length / 2) + 1;
    const before = openForTest();
    feed(before, bytes.subarray(0, half), first);
    feed(openForTest({}, JSON.parse(JSON.stringify(before.carry())) as JsonValue), bytes, second, half);
    expect(addUp(usageByResponse([...first.events, ...second.events]).values()).output).toBe(631);
  });

  it('8. flags a response that only ever shows placeholders', () => {
    const log = new Transcript({ ...OLD, isSidechain: true, agentId: 'a1' });
    const collected = extract([
      log.text('x', { stop_reason: null, usage: usage(3) }), log.toolUse('toolu_1', 'Bash', {}, { stop_reason: null, usage: usage(3) }),
    ]);
    expect([...usageByResponse(collected.events).values()]).toMatchObject([{ output: 3, isLowerBound: true }]);
  });

  it('9. gives nothing for agent_progress, which repeats a subagent', () => {
    const log = new Transcript(OLD);
    const message = log.text('inner', {}, { agentId: 'a1', isSidechain: true });
    const collected = extract([log.entry('progress', { data: { type: 'agent_progress', message } })]);
    expect(collected).toEqual(new Collected());
  });

  it('10. keeps the parent of a /btw copy: same message ID, other request, side chain', () => {
    const log = new Transcript();
    const parent = log.text('a');
    const copy = log.text('a', { usage: usage(10, { cache_read_input_tokens: 1 }) }, { isSidechain: true, agentId: 'btw', requestId: 'req_2' });
    const rows = [...usageByResponse([...extract([parent]).events, ...extract([copy]).events]).values()];
    expect(rows).toMatchObject([{ cacheRead: 300 }]);
  });

  it('11. counts a prompt that only the queue of an old version knows once, at the time it was typed', () => {
    const log = new Transcript(OLD);
    const collected = extract([
      log.typed('start', { promptSource: undefined, origin: undefined }), log.queue('enqueue', { content: 'also do this' }),
      log.toolUse('toolu_1'), log.queue('remove'), log.toolResult('toolu_1'), log.text('done'),
    ]);
    expect(prompts(collected)).toEqual(['prompt: start', 'prompt: also do this']);
    const queued = collected.ofType('user_message')[1];
    expect(queued).toMatchObject({ timestamp: at(2), cwd: '/home/dev/app', session_id: SESSION });
    expect(queued?.id).toMatch(/:q-[0-9a-f]{16}$/);
  });

  it('11b. takes a command that was pulled out of the queue from its own entry', () => {
    const log = new Transcript(OLD);
    const collected = extract([
      log.user('start'), log.queue('enqueue', { content: '/mcp' }), log.queue('remove'),
      log.user('<command-name>/mcp</command-name>\n<command-message>mcp</command-message>\n<command-args></command-args>'),
    ]);
    expect(collected.said()).toEqual(['prompt: start', 'command: /mcp']);
  });

  it('11c. does not count a prompt of the queue again when it also comes as an entry', () => {
    const log = new Transcript(OLD);
    const back = extract([log.user('start'), log.queue('enqueue', { content: 'next' }), log.queue('remove'), log.user('next'), log.user('next')]);
    expect(prompts(back)).toEqual(['prompt: start', 'prompt: next', 'prompt: next']);
    const taken = extract([log.user('start'), log.queue('enqueue', { content: 'next' }), log.queue('dequeue'), log.user('next')]);
    expect(prompts(taken)).toEqual(['prompt: start', 'prompt: next']);
  });

  it('12. counts a queued prompt of a new version once', () => {
    const log = new Transcript();
    const collected = extract([
      log.typed('start'), log.queue('enqueue', { content: 'also' }), log.queue('remove', { content: 'also', reason: 'absorbed_mid_turn' }),
      log.entry('attachment', { attachment: { type: 'queued_command', prompt: 'also', commandMode: 'prompt', source_uuid: uuid(900), origin: { kind: 'human' } } }),
    ]);
    expect(prompts(collected)).toEqual(['prompt: start', 'prompt: also']);
  });

  it('12b. waits for the version where the queue speaks first', () => {
    const lines = (version: string): object[] => {
      const log = new Transcript({ version });
      return [log.queue('enqueue', { content: 'early' }), log.queue('remove'), log.user('late')];
    };
    expect(prompts(extract(lines('2.1.39')))).toEqual(['prompt: early', 'prompt: late']);
    expect(prompts(extract(lines('2.1.97')))).toEqual(['prompt: late']);
  });

  it('13. takes a task notification for the harness, marked or not', () => {
    const log = new Transcript(OLD);
    expect(extract([log.user('<task-notification>\n<task-id>b1</task-id></task-notification>', { permissionMode: 'default' })]).said()).toEqual([]);
  });

  it('14. ignores the request bodies, which repeat the prompt', () => {
    const collected = extract([{ type: 'api-request-blob', sessionId: SESSION, hash: 'x', message: { role: 'user', content: [{ type: 'text', text: 'hello' }] } }]);
    expect(collected).toEqual(new Collected());
  });

  it('15. finds one slash command and no prompt in a compaction, however late its lines are', () => {
    const log = new Transcript();
    const early = at(-88);
    const collected = extract([
      log.typed('work'),
      log.entry('system', { subtype: 'compact_boundary', compactMetadata: { trigger: 'manual' } }),
      log.user('This session is being continued from a previous conversation', { isCompactSummary: true, isVisibleInTranscriptOnly: true }),
      log.user('<local-command-caveat>Caveat</local-command-caveat>', { isMeta: true, timestamp: early }),
      log.user('<command-name>/compact</command-name><command-message>compact</command-message><command-args>keep</command-args>', { timestamp: early }),
      log.user('<local-command-stdout>Compacted</local-command-stdout>', { timestamp: early }),
    ]);
    expect(collected.said()).toEqual(['prompt: work', 'command: /compact keep']);
    expect(collected.ofType('user_message')[1]?.timestamp).toBe(early);
  });

  it('16. keeps both branches of a rewind, and the tokens of both', () => {
    const log = new Transcript();
    const collected = extract([
      log.typed('one'), log.text('a', { id: 'msg_a' }), log.typed('two', { parentUuid: uuid(1) }), log.text('b', { id: 'msg_b' }),
    ]);
    expect(prompts(collected)).toHaveLength(2);
    expect(usageByResponse(collected.events).size).toBe(2);
  });

  it('17. follows the directory of the entries, not of the file (following a rename: the tailer)', () => {
    const log = new Transcript();
    const collected = extract([log.typed('one'), { type: 'relocated', relocatedCwd: '/home/dev/tree', sessionId: SESSION }, log.typed('two', { cwd: '/home/dev/tree' })]);
    expect(collected.ofType('user_message').map((event) => event['cwd'])).toEqual(['/home/dev/app', '/home/dev/tree']);
    expect(collected.states).toMatchObject([{ key: 'relocated', value: '/home/dev/tree' }]);
  });

  it('18. gives no duplicate where lines are read again after a truncation (finding the boundary: the tailer)', () => {
    const log = new Transcript();
    const lines = [log.typed('one'), log.text('a'), log.typed('two')];
    const again = [...extract(lines).events, ...extract(lines.slice(0, 2)).events];
    expect(new Set(again.map(factOf)).size).toBe(extract(lines).events.length);
  });

  it('19. invents no end of a session (keeping a deleted file: the tailer)', () => {
    const log = new Transcript();
    const collected = extract([log.typed('one')]);
    expect(collected.states).toEqual([]);
    expect(collected.ofType('agent_session').map((event) => event['action'])).toEqual(['started']);
  });

  it('20. saves the valid records of damaged lines and reports the rest', () => {
    const log = new Transcript();
    const [a, b, c, d] = [log.typed('nuls'), log.typed('glued'), log.typed('left'), log.typed('right')];
    const torn = JSON.stringify(log.text('lost')).slice(0, 100);
    const collected = extract([
      Buffer.concat([Buffer.alloc(400), Buffer.from(JSON.stringify(a))]), `${torn}${JSON.stringify(b)}`, `${JSON.stringify(c)}${JSON.stringify(d)}`, log.typed('after'),
    ]);
    expect(prompts(collected)).toEqual(['nuls', 'glued', 'left', 'right', 'after'].map((text) => `prompt: ${text}`));
    expect(collected.bads.map(([from, to]) => to - from)).toEqual([100]);
  });

  it('20b. does not pass over a record that is glued to noise', () => {
    const log = new Transcript();
    const torn = JSON.stringify(log.entry('progress', { data: {} })).slice(0, -40);
    expect(prompts(extract([`${torn}${JSON.stringify(log.typed('saved'))}`]))).toEqual(['prompt: saved']);
  });

  it.each(['abc', '[1,', 'key:'])('20c. nor over one without UUID behind a record torn off at “%s”', (end) => {
    const log = new Transcript(OLD);
    const torn = JSON.stringify(log.entry('progress', { data: { output: '' } })).replace(/"output":"".*$/, `"output":"${end}`);
    const lines = [log.user('start'), `${torn}${JSON.stringify(log.queue('enqueue', { content: 'typed meanwhile' }))}`, log.queue('remove')];
    expect(prompts(extract(lines))).toEqual(['prompt: start', 'prompt: typed meanwhile']);
  });

  it('20d. nor over one behind a run of NULs behind noise, also of a type nobody knows', () => {
    const log = new Transcript();
    const noise = JSON.stringify(log.entry('progress', { data: { type: 'hook_progress' } }));
    const behind = (record: object): Buffer => Buffer.concat([Buffer.from(noise), Buffer.alloc(300), Buffer.from(JSON.stringify(record))]);
    const collected = extract([log.typed('start'), behind({ type: 'cost-state', sessionId: SESSION }), behind({ type: 'brand-new' })]);
    expect(collected.states).toMatchObject([{ key: 'ended', value: true }]);
    expect(collected.unknowns).toEqual(['brand-new']);
    expect(collected.bads).toEqual([]);
  });

  it('21. reads the line after a huge one (skipping lines over the limit: the tailer)', () => {
    const log = new Transcript();
    const image = { type: 'image', source: { type: 'base64', data: 'A'.repeat(4_000_000) } };
    const collected = extract([log.typed([{ type: 'text', text: 'look' }, image]), log.typed('next')]);
    expect(collected.ofType('user_message').map((event) => [event['text'], event['has_image']])).toEqual([['look', true], ['next', false]]);
  });

  it('22. gives one fact for a line that stands there 7,598 times (dropping them cheaply: the store)', () => {
    const log = new Transcript();
    const line = JSON.stringify(log.typed('again'));
    const collected = extract(Array.from({ length: 7598 }, () => line));
    expect(new Set(collected.events.map(factOf)).size).toBe(2);
  });

  it('23. goes by the session of the entry, not by the name of the file', () => {
    const inSubagent = extract([new Transcript({ isSidechain: true }).text('x')], { place: { sessionId: 'folder', agentId: 'abc', isSubagent: true } });
    expect(inSubagent.ofType('assistant_message')).toMatchObject([{ session_id: SESSION, agent_id: 'abc' }]);
    expect(inSubagent.ofType('agent_session')[0]?.id).toContain(`:${SESSION}/abc:started`);
    const misplaced = extract([new Transcript().typed('a'), new Transcript({ sessionId: OTHER }).typed('b')]);
    expect(misplaced.ofType('user_message').map((event) => event['session_id'])).toEqual([SESSION, OTHER]);
  });

  it('24. ships every event with the last known directory, and holds what comes before the first', () => {
    const log = new Transcript(OLD);
    const collected = extract([
      log.queue('enqueue', { content: 'early' }), log.queue('remove'), { type: 'summary', summary: 'title', leafUuid: uuid(5) },
      log.typed('one', { cwd: '/a' }), log.typed('two', { cwd: '/b' }), log.queue('enqueue', { content: 'later' }), log.queue('remove'),
    ]);
    expect(collected.ofType('user_message').map((event) => event['cwd'])).toEqual(['/a', '/a', '/b', '/b']);
    expect(Object.keys(collected.events[0] ?? {})).toEqual([
      'id', 'timestamp', 'source', 'type', 'agent', 'cwd', 'has_image', 'kind', 'length', 'origin', 'schema_version', 'session_id', 'text',
    ]);
  });

  it('25. takes what --continue makes up after a kill for no work: no usage, the call aborted', () => {
    const log = new Transcript();
    const collected = extract([
      log.typed('go'), log.toolUse('toolu_1'),
      log.toolResult('toolu_1', '[Tool result missing: the session ended before the tool finished]', {}, { is_error: true }),
      log.text('No response requested.', { id: uuid(77), model: '<synthetic>' }),
    ]);
    expect(collected.ofType('assistant_message')).toHaveLength(1);
    expect(collected.ofType('agent_tool_result')).toMatchObject([{ is_error: true, aborted: true }]);
    expect(usageByResponse(collected.events).size).toBe(1);
  });

  it('26. tells p-1 and p_1 apart, which share a directory', () => {
    const collected = extract([new Transcript({ cwd: '/p-1' }).typed('a'), new Transcript({ cwd: '/p_1' }).typed('b')]);
    expect(collected.ofType('user_message').map((event) => event['cwd'])).toEqual(['/p-1', '/p_1']);
  });

  it('27. counts what it does not know and goes on', () => {
    const log = new Transcript();
    const collected = extract([
      log.entry('brand-new', {}), log.entry('attachment', { attachment: { type: 'hologram' } }), log.entry('system', { subtype: 'odd' }),
      log.user(null), log.user({ a: 1 }), log.user('x', { timestamp: 5 }), log.user('x', { timestamp: undefined }), log.entry('assistant', { message: null }),
      '[1,2]', '"text"', '{"no":"type"}', '', log.typed('fine'),
    ]);
    expect(collected.unknowns).toEqual([
      'brand-new', 'attachment/hologram', 'system/odd', 'user without content', 'user without content', 'user without a time', 'user without a time',
      'assistant without a message', '(no type)',
    ]);
    expect(collected.bads).toHaveLength(2);
    expect(prompts(collected)).toEqual(['prompt: fine']);
  });

  it('27b. sends no event that is too large, whatever an entry calls itself', () => {
    const long = 'n'.repeat(100_000);
    const log = new Transcript();
    const collected = extract([
      log.typed(long, { sessionId: long, gitBranch: long, version: long, agentId: long, uuid: long }),
      log.assistant({ type: 'tool_use', id: long, name: long, input: { file_path: long } }, { id: long, model: long, stop_reason: long }, { cwd: `/${long}`, requestId: long }),
      { type: 'ai-title', aiTitle: long, sessionId: SESSION }, { type: 'worktree-state', worktreeSession: { originalCwd: long }, sessionId: SESSION },
      { type: 'mode', mode: long, sessionId: SESSION }, { type: 'continued-in', continuedInSessionId: long, sessionId: SESSION },
    ]);
    expect(collected.events.length).toBeGreaterThan(2);
    for (const item of [...collected.events, ...collected.states, ...collected.edges]) expect(JSON.stringify(item).length).toBeLessThan(16 * 1024);
  });

  it('28. opens transcripts, and no journal, tool result or memory', () => {
    const source = createClaudeCodeSource({ configDirs: ['/c', '/other/projects'], machineId: MACHINE, texts: FULL_TEXTS });
    const matching = [
      '/c/projects/p/s.jsonl', '/c/projects/p/agent-1.jsonl', '/c/projects/p/s/subagents/agent-1.jsonl',
      '/c/projects/p/s/subagents/workflows/w/agent-2.jsonl', '/other/projects/p/s.jsonl',
    ];
    const others = [
      '/c/projects/p/s/subagents/journal.jsonl', '/c/projects/p/s/subagents/workflows/w/journal.jsonl', '/c/projects/p/s/tool-results/a.jsonl',
      '/c/projects/p/memory/a.jsonl', '/c/projects/p/sessions-index.json', '/c/history.jsonl', '/c/projects/s.jsonl', '/c/projects/p/.hidden.jsonl',
      '/c/projects/p/s/subagents/agent-1.meta.json', '/else/p/s.jsonl',
    ];
    expect(matching.filter((path) => source.matches(path))).toEqual(matching);
    expect(others.filter((path) => source.matches(path))).toEqual([]);
    expect(source.roots).toEqual(['/c/projects', '/other/projects']);
  });
});
