// A small model of what the collector derives: facts counted once, usage once per API response.
import { textIn } from './extraction.ts';
import { factOf } from '../../shared/event-id.ts';
import type { JsonValue, LineageEdge, TtEvent } from '../../shared/event.ts';

export interface Totals {
  input: number;
  output: number;
  cacheCreation: number;
  cacheRead: number;
}

/**
 * One event per fact. Of several claims the one that no lineage edge makes a
 * copy wins; between equals the choice does not matter for any count.
 */
export function distinctFacts(events: readonly TtEvent[], edges: readonly LineageEdge[]): TtEvent[] {
  const parents = new Map<string, Set<string>>();
  for (const { child, parent } of edges) parents.set(child, (parents.get(child) ?? new Set()).add(parent));
  const descends = (child: string, ancestor: string, seen = new Set<string>()): boolean => {
    if (seen.has(child)) return false;
    seen.add(child);
    return [...parents.get(child) ?? []].some((parent) => parent === ancestor || descends(parent, ancestor, seen));
  };
  const winners = new Map<string, TtEvent>();
  for (const event of events) {
    const fact = factOf(event);
    const winner = winners.get(fact);
    const order = winner === undefined ? 1 : compare(winner, event, descends);
    if (order > 0) winners.set(fact, event);
  }
  return [...winners.values()];
}

function compare(a: TtEvent, b: TtEvent, descends: (child: string, ancestor: string) => boolean): number {
  const [one, other] = [textIn(a, 'session_id'), textIn(b, 'session_id')];
  if (descends(one, other)) return 1;
  if (descends(other, one)) return -1;
  return one === other ? a.id.localeCompare(b.id) : one.localeCompare(other);
}

export interface ResponseUsage extends Totals {
  sessionId: string;
  isLowerBound: boolean;
}

/** One row per API response: the entry with the greatest output, then the greatest sum, wins whole. */
export function usageByResponse(facts: readonly TtEvent[]): Map<string, ResponseUsage> {
  const rows = new Map<string, ResponseUsage>();
  for (const fact of facts) {
    const usage = fact['usage'];
    const messageId = fact['message_id'];
    if (fact.type !== 'assistant_message' || typeof messageId !== 'string' || typeof usage !== 'object' || usage === null || Array.isArray(usage)) continue;
    const key = messageId.startsWith('msg_') ? messageId : `${messageId} ${textIn(fact, 'request_id')}`;
    const row = toRow(textIn(fact, 'session_id'), usage);
    const known = rows.get(key);
    if (known === undefined || isBetter(row, known)) rows.set(key, row);
  }
  return rows;
}

function toRow(sessionId: string, usage: Record<string, JsonValue>): ResponseUsage {
  return {
    sessionId,
    input: Number(usage['input_tokens']),
    output: Number(usage['output_tokens']),
    cacheCreation: Number(usage['cache_creation_input_tokens']),
    cacheRead: Number(usage['cache_read_input_tokens']),
    isLowerBound: usage['placeholder'] === true,
  };
}

function isBetter(a: Totals, b: Totals): boolean {
  if (a.output !== b.output) return a.output > b.output;
  return sumOf(a) > sumOf(b);
}

export function sumOf(totals: Totals): number {
  return totals.input + totals.output + totals.cacheCreation + totals.cacheRead;
}

export function addUp(rows: Iterable<Totals>): Totals {
  const total: Totals = { input: 0, output: 0, cacheCreation: 0, cacheRead: 0 };
  for (const row of rows) {
    total.input += row.input;
    total.output += row.output;
    total.cacheCreation += row.cacheCreation;
    total.cacheRead += row.cacheRead;
  }
  return total;
}

export function addUpBy<T extends Totals>(rows: Iterable<T>, keyOf: (row: T) => string): Map<string, Totals> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(keyOf(row), [...groups.get(keyOf(row)) ?? [], row]);
  return new Map([...groups].map(([key, members]) => [key, addUp(members)]));
}
