/** Token usage of one assistant entry (`message.usage`). */
import type { UsageRecord } from '../../shared/event.ts';
import { nameOf, numberOf, objectOf, textOf, type JsonObject } from '../../shared/json-line.ts';

function count(object: JsonObject | undefined, key: string): number {
  const value = object === undefined ? undefined : numberOf(object, key);
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/**
 * One response is several entries; versions before 2.1.97 repeat in all but the
 * last what the stream began with (output 1 to 30), and often never write the
 * last. Such a record is marked `placeholder`: its output is a lower bound.
 */
export function usageOf(message: JsonObject): UsageRecord | undefined {
  const usage = objectOf(message, 'usage');
  if (usage === undefined) return undefined;
  const breakdown = objectOf(usage, 'cache_creation');
  const hour = count(breakdown, 'ephemeral_1h_input_tokens');
  const flat = count(usage, 'cache_creation_input_tokens');
  const record: UsageRecord = {
    input_tokens: count(usage, 'input_tokens'),
    output_tokens: count(usage, 'output_tokens'),
    // Before 2.1.152 the flat number could be 0 although the breakdown was not.
    cache_creation_input_tokens: Math.max(flat, count(breakdown, 'ephemeral_5m_input_tokens') + hour),
    cache_read_input_tokens: count(usage, 'cache_read_input_tokens'),
  };
  if (breakdown !== undefined) record.cache_creation_1h_input_tokens = hour;
  const speed = nameOf(usage, 'speed');
  if (speed !== undefined) record.speed = speed;
  const tools = objectOf(usage, 'server_tool_use');
  const searches = count(tools, 'web_search_requests');
  if (searches > 0) record.web_search_requests = searches;
  const final = tools !== undefined || usage['iterations'] !== undefined || textOf(message, 'stop_reason') !== undefined;
  if (!final) record.placeholder = true;
  return record;
}
