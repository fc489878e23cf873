// Entries as Claude Code writes them, with only what a test cares about said by the test.
type Fields = Record<string, unknown>;

export const SESSION = '5e551001-0000-4000-8000-000000000001';

/** A UUID that tells its number. */
export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** The time of entry `number`: a second apart. */
export function at(number: number): string {
  return new Date(Date.UTC(2026, 0, 5, 9, 0, number)).toISOString();
}

export class Transcript {
  #count = 0;
  readonly #common: Fields;

  constructor(common: Fields = {}) {
    this.#common = { sessionId: SESSION, cwd: '/home/dev/app', version: '2.1.329', gitBranch: 'main', isSidechain: false, userType: 'external', ...common };
  }

  entry(type: string, fields: Fields): Fields {
    this.#count += 1;
    return { parentUuid: null, ...this.#common, type, uuid: uuid(this.#count), timestamp: at(this.#count), ...fields };
  }

  user(content: unknown, fields: Fields = {}): Fields {
    return this.entry('user', { message: { role: 'user', content }, ...fields });
  }

  typed(content: unknown, fields: Fields = {}): Fields {
    return this.user(content, { promptSource: 'typed', origin: { kind: 'human' }, ...fields });
  }

  toolResult(id: string, content: unknown = 'ok', fields: Fields = {}, block: Fields = {}): Fields {
    return this.user([{ type: 'tool_result', tool_use_id: id, content, ...block }], fields);
  }

  assistant(block: Fields, message: Fields = {}, fields: Fields = {}): Fields {
    return this.entry('assistant', {
      requestId: 'req_1',
      message: { id: 'msg_1', role: 'assistant', model: 'claude-opus-5-5', stop_reason: 'end_turn', content: [block], usage: usage(10), ...message },
      ...fields,
    });
  }

  text(text: string, message: Fields = {}, fields: Fields = {}): Fields {
    return this.assistant({ type: 'text', text }, message, fields);
  }

  toolUse(id: string, name = 'Bash', input: Fields = { command: 'ls' }, message: Fields = {}): Fields {
    return this.assistant({ type: 'tool_use', id, name, input }, { stop_reason: 'tool_use', ...message });
  }

  /** `queue-operation` has neither uuid nor cwd. */
  queue(operation: string, fields: Fields = {}): Fields {
    this.#count += 1;
    return { type: 'queue-operation', operation, timestamp: at(this.#count), sessionId: SESSION, ...fields };
  }
}

export function usage(output: number, more: Fields = {}): Fields {
  return { input_tokens: 100, output_tokens: output, cache_creation_input_tokens: 20, cache_read_input_tokens: 300, ...more };
}
