/**
 * Lines as two generations of Claude Code write them, with the facts each line
 * tells. Field by field after real logs of 2.1.39 and 2.1.329.
 */
import { EVENT_SOURCES, type TtEvent } from '../../shared/event.ts';
import { buildEventId, factOf } from '../../shared/event-id.ts';
import type { MachineId } from '../../shared/ids.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { SeededRandom } from './seeded-random.ts';

export const CLAUDE_VERSIONS = ['2.1.39', '2.1.329'] as const;
export type ClaudeVersion = (typeof CLAUDE_VERSIONS)[number];

export interface Line {
  /** Without its newline. */
  text: string;
  facts: string[];
}

export interface LineContext {
  version: ClaudeVersion;
  sessionId: string;
  agentId: string | undefined;
  cwd: string;
  random: SeededRandom;
  /** Epoch ms of the next line. */
  now(): number;
}

type Fields = Record<string, unknown>;

/** Machine and time are no part of what a harness fact is. */
const ANY_MACHINE = '00000000-0000-4000-8000-000000000000' as MachineId;

export function harnessFact(type: string, discriminator: string): string {
  const timestamp = printTimestamp(0);
  const event: TtEvent = {
    id: buildEventId({ machineId: ANY_MACHINE, source: EVENT_SOURCES.agent, type, timestamp, discriminator }),
    timestamp, source: EVENT_SOURCES.agent, type, schema_version: 2, agent: 'claude-code',
  };
  return factOf(event);
}

export function startedFact(context: LineContext): string {
  const { sessionId, agentId } = context;
  return harnessFact('agent_session', `${agentId === undefined ? sessionId : `${sessionId}/${agentId}`}:started`);
}

/** The first entry with uuid and directory starts the session, whatever else it says. */
export function startsSession({ text }: Line): boolean {
  return /"uuid":/.test(text) && /"cwd":/.test(text) && !/"type":"progress"/.test(text);
}

function isOld(context: LineContext): boolean {
  return context.version === '2.1.39';
}

/** The keys every chained entry has, in the order its version writes them. */
function chained(context: LineContext, uuid: string, fields: Fields): string {
  const { agentId, cwd, sessionId, version } = context;
  const timestamp = printTimestamp(context.now());
  const agent = agentId === undefined ? {} : { agentId };
  const isSidechain = agentId !== undefined;
  if (isOld(context)) {
    return JSON.stringify({
      parentUuid: null, isSidechain, userType: 'external', cwd, sessionId, version, gitBranch: 'main', ...agent,
      slug: 'humble-seeking-umbrella', ...fields, uuid, timestamp,
    });
  }
  return JSON.stringify({
    parentUuid: null, isSidechain, ...agent, ...fields, uuid, timestamp,
    userType: 'external', entrypoint: 'cli', cwd, sessionId, version, gitBranch: 'main',
  });
}

/** What a new file begins with, before any entry that has a directory. */
export function openingLines(context: LineContext): Line[] {
  const { sessionId, random } = context;
  const messageId = random.uuid();
  if (isOld(context)) {
    return [{
      text: JSON.stringify({ type: 'file-history-snapshot', messageId, snapshot: { messageId, trackedFileBackups: {}, timestamp: printTimestamp(context.now()) }, isSnapshotUpdate: false }),
      facts: [],
    }];
  }
  return [
    { text: JSON.stringify({ type: 'mode', mode: 'normal', sessionId }), facts: [] },
    { text: JSON.stringify({ type: 'permission-mode', permissionMode: 'default', sessionId }), facts: [] },
  ];
}

/** A prompt typed by a person; in a subagent's file the same entry is a task and no prompt. */
export function promptLine(context: LineContext, text: string): Line {
  const uuid = context.random.uuid();
  const typed = isOld(context)
    ? { type: 'user', message: { role: 'user', content: text } }
    : { type: 'user', message: { role: 'user', content: text }, promptId: context.random.uuid(), permissionMode: 'default', promptSource: 'typed', origin: { kind: 'human' } };
  if (context.agentId !== undefined) {
    return { text: chained(context, uuid, { type: 'user', message: { role: 'user', content: text } }), facts: [] };
  }
  return { text: chained(context, uuid, typed), facts: [harnessFact('user_message', uuid)] };
}

function name(prefix: string, random: SeededRandom): string {
  return `${prefix}_01${random.bytes(16).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
}

function assistantEntry(context: LineContext, messageId: string, block: Fields, stopReason: string): { uuid: string; text: string } {
  const { random } = context;
  const uuid = random.uuid();
  const usage = {
    input_tokens: random.between(1, 2000), cache_creation_input_tokens: random.between(0, 9000), cache_read_input_tokens: random.between(0, 90_000),
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }, output_tokens: random.between(1, 900), service_tier: 'standard',
  };
  const old = isOld(context);
  const message = {
    model: old ? 'claude-opus-4-6' : 'claude-opus-5-5', id: messageId, type: 'message', role: 'assistant', content: [block],
    stop_reason: old ? null : stopReason, stop_sequence: null, usage,
  };
  const more = old ? {} : { apiBlockIndex: 0, requestedModel: 'claude-opus-5-5' };
  return { uuid, text: chained(context, uuid, { message, requestId: name('req', random), type: 'assistant', ...more }) };
}

export function assistantLine(context: LineContext, text: string): Line {
  const { uuid, text: line } = assistantEntry(context, name('msg', context.random), { type: 'text', text }, 'end_turn');
  return { text: line, facts: [harnessFact('assistant_message', uuid)] };
}

/** A tool call and its result, as two lines. */
export function toolLines(context: LineContext, output: string): [Line, Line] {
  const { random } = context;
  const id = name('toolu', random);
  const block = { type: 'tool_use', id, name: 'Bash', input: { command: 'npm test', description: 'Run the tests' } };
  const call = assistantEntry(context, name('msg', random), block, 'tool_use');
  const result = chained(context, random.uuid(), {
    type: 'user', message: { role: 'user', content: [{ tool_use_id: id, type: 'tool_result', content: output, is_error: false }] },
    toolUseResult: { stdout: output, stderr: '', interrupted: false, isImage: false },
    sourceToolAssistantUUID: call.uuid,
  });
  return [
    { text: call.text, facts: [harnessFact('assistant_message', call.uuid), harnessFact('agent_tool_use', id)] },
    { text: result, facts: [harnessFact('agent_tool_result', id)] },
  ];
}

/** The end of a turn. Only the version that writes it for every turn, and never for a subagent. */
export function turnEndLine(context: LineContext): Line | undefined {
  if (isOld(context) || context.agentId !== undefined) return undefined;
  const uuid = context.random.uuid();
  const text = chained(context, uuid, { type: 'system', subtype: 'turn_duration', durationMs: context.random.between(500, 90_000), isMeta: false });
  return { text, facts: [harnessFact('agent_turn', `${uuid}:ended`)] };
}

/** What most lines of a log are: nothing that anybody did. */
export function noiseLine(context: LineContext): Line {
  const { random, sessionId } = context;
  if (isOld(context)) {
    const toolUseID = random.uuid();
    const data = { type: 'hook_progress', hookEvent: 'PostToolUse', hookName: 'PostToolUse:Bash', command: 'callback' };
    return { text: chained(context, random.uuid(), { type: 'progress', data, parentToolUseID: toolUseID, toolUseID }), facts: [] };
  }
  // It repeats a person's words under a role `user`, and must not count.
  const message = { role: 'user', content: [{ type: 'text', text: 'x'.repeat(random.between(10, 3000)) }] };
  return { text: JSON.stringify({ type: 'api-request-blob', sessionId, hash: random.bytes(32).toString('hex'), message }), facts: [] };
}
