// Logs in which every model of the price table does everything that has a price of its own, a session each.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

const USAGES = [
  { input_tokens: 1234 }, { input_tokens: 250_000 }, { output_tokens: 4321 }, { output_tokens: 250_000 },
  { cache_creation_input_tokens: 5555 }, { cache_read_input_tokens: 777_777 }, { cache_read_input_tokens: 7777 },
  { cache_creation_input_tokens: 300_000, cache_creation: { ephemeral_5m_input_tokens: 100_000, ephemeral_1h_input_tokens: 200_000 } },
  { cache_creation_input_tokens: 600_000, cache_creation: { ephemeral_5m_input_tokens: 250_000, ephemeral_1h_input_tokens: 350_000 } },
  { input_tokens: 10, output_tokens: 1000, cache_creation_input_tokens: 20_000, cache_read_input_tokens: 150_000, speed: 'fast' },
  { input_tokens: 10, output_tokens: 1000, cache_creation_input_tokens: 20_000, cache_read_input_tokens: 150_000, speed: 'standard' },
];

const tableSchema = z.object({ models: z.record(z.string(), z.unknown()) });

/** A folder as Claude Code's configuration directory, without forks. */
export function writePricedLogs(folder: string): void {
  const table = tableSchema.parse(JSON.parse(readFileSync(new URL('../../collector/usage/prices.json', import.meta.url), 'utf8')));
  const project = join(folder, 'projects/-home-me-priced');
  mkdirSync(project, { recursive: true });
  let count = 0;
  for (const model of Object.keys(table.models)) {
    for (const usage of USAGES) {
      count += 1;
      const session = uuid('a', count);
      const day = String((count % 27) + 1).padStart(2, '0');
      const common = { sessionId: session, cwd: '/home/me/priced', version: '2.1.329', gitBranch: 'main', userType: 'external', isSidechain: false };
      const prompt = { ...common, type: 'user', uuid: uuid('b', count), parentUuid: null, timestamp: `2026-01-${day}T10:00:00.000Z`, message: { role: 'user', content: 'Go on.' } };
      const all = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, ...usage };
      const message = { id: `msg_${count}`, type: 'message', role: 'assistant', model, content: [{ type: 'text', text: 'Done.' }], stop_reason: 'end_turn', usage: all };
      const answer = { ...common, type: 'assistant', uuid: uuid('c', count), parentUuid: prompt.uuid, timestamp: `2026-01-${day}T10:00:05.000Z`, requestId: `req_${count}`, message };
      writeFileSync(join(project, `${session}.jsonl`), `${JSON.stringify(prompt)}\n${JSON.stringify(answer)}\n`);
    }
  }
}

function uuid(kind: string, count: number): string {
  return `${kind.repeat(8)}-0000-4000-8000-${String(count).padStart(12, '0')}`;
}
