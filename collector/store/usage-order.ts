/**
 * Which entry stands for an API response. A response is written as several
 * entries with the same message ID and growing counts; the entry with the
 * greatest output, then the greatest sum, wins whole (claude-logs §4). Pure.
 */
import type { Claim } from './claim.ts';
import { textOf, type EventData } from './session-fold.ts';

export interface UsageRow {
  /** What makes entries one response. */
  response: string;
  messageId: string;
  requestId: string | null;
  /** Row of the event. */
  event: number;
  machine: number;
  session: number;
  agentId: string;
  at: number;
  model: string | null;
  input: number;
  output: number;
  cacheCreation: number;
  cacheCreation1h: number | null;
  cacheRead: number;
  speed: string | null;
  placeholder: number;
  /** Not stored: the entry, for the last tie. */
  discriminator: string;
}

function countOf(usage: EventData, key: string): number {
  const value = usage[key];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

/** Gateways make message IDs that may repeat; the vendor's are unique by themselves. */
function responseKey(messageId: string, requestId: string | null): string {
  return messageId.startsWith('msg_') || requestId === null ? messageId : `${messageId}/${requestId}`;
}

/** Undefined for an entry that tells no usage. */
export function usageOf(claim: Claim, data: EventData, event: number): UsageRow | undefined {
  const usage = data['usage'];
  if (typeof usage !== 'object' || usage === null) return undefined;
  const counts = usage as EventData;
  const requestId = textOf(data, 'request_id');
  // Without a message ID nothing says which entries belong together: each counts (as ccusage has it).
  const messageId = textOf(data, 'message_id') ?? `entry:${claim.discriminator}`;
  const hour = counts['cache_creation_1h_input_tokens'];
  return {
    response: responseKey(messageId, requestId), messageId, requestId, event,
    machine: claim.machine, session: claim.session, agentId: textOf(data, 'agent_id') ?? '', at: claim.at,
    model: textOf(data, 'model'),
    input: countOf(counts, 'input_tokens'), output: countOf(counts, 'output_tokens'),
    cacheCreation: countOf(counts, 'cache_creation_input_tokens'),
    cacheCreation1h: typeof hour === 'number' ? hour : null,
    cacheRead: countOf(counts, 'cache_read_input_tokens'),
    speed: textOf(counts, 'speed'), placeholder: counts['placeholder'] === true ? 1 : 0,
    discriminator: claim.discriminator,
  };
}

function sumOf(row: UsageRow): number {
  return row.input + row.output + row.cacheCreation + row.cacheRead;
}

/**
 * Negative: `a` stands for the response rather than `b`. A side chain (`/btw`)
 * repeats its parent's message under another request, so the parent's entry goes
 * first whatever it counts; this must not depend on the request, or three
 * entries could each win over the next.
 */
export function compareUsage(a: UsageRow, b: UsageRow): number {
  const byChain = Number(a.agentId !== '') - Number(b.agentId !== '');
  if (byChain !== 0) return byChain;
  if (a.output !== b.output) return b.output - a.output;
  const bySum = sumOf(b) - sumOf(a);
  if (bySum !== 0) return bySum;
  if (a.at !== b.at) return b.at - a.at;
  return a.discriminator === b.discriminator ? 0 : a.discriminator > b.discriminator ? -1 : 1;
}
