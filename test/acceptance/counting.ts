// What the table of a corpus counts, out of what was extracted.
import type { TtEvent } from '../../shared/event.ts';
import { textIn, type Collected } from '../support/extraction.ts';
import { addUp, addUpBy, distinctFacts, usageByResponse, type Totals } from '../support/usage-model.ts';
import type { Counts } from './expected.ts';

export function countsOf(collected: Collected): Counts {
  const facts = distinctFacts(collected.events, collected.edges);
  const count = (test: (fact: TtEvent) => boolean): number => facts.filter(test).length;
  const isSaid = (kind: string, origin?: string) => (fact: TtEvent): boolean =>
    fact.type === 'user_message' && fact['kind'] === kind && (origin === undefined || fact['origin'] === origin);
  const usage = usageByResponse(facts);
  const total = addUp(usage.values());
  return {
    sessions: new Set(facts.map((fact) => textIn(fact, 'session_id'))).size,
    prompts: count(isSaid('prompt', 'human')),
    script_prompts: count(isSaid('prompt', 'script')),
    'slash commands': count(isSaid('command')),
    interrupts: count(isSaid('interrupt')),
    'tool uses': count((fact) => fact.type === 'agent_tool_use'),
    'tool results': count((fact) => fact.type === 'agent_tool_result'),
    messages: usage.size,
    input: total.input,
    output: total.output,
    'cache creation': total.cacheCreation,
    'cache read': total.cacheRead,
  };
}

/** Tokens per session; sessions that repeat each other's history are one group, for it is open to whom a copy counts. */
export function tokensByGroup(collected: Collected): Map<string, Totals> {
  const groupOf = groupsOf(collected);
  const rows = [...usageByResponse(distinctFacts(collected.events, collected.edges)).values()];
  return addUpBy(rows, (row) => groupOf(row.sessionId));
}

export function groupsOf({ edges }: Collected): (sessionId: string) => string {
  const leader = new Map<string, string>();
  const find = (session: string): string => {
    const next = leader.get(session);
    return next === undefined ? session : find(next);
  };
  for (const { child, parent } of edges) {
    const [a, b] = [find(child), find(parent)];
    if (a !== b) leader.set(a, b);
  }
  return find;
}
