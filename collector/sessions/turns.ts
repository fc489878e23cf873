/**
 * The turns of one session, out of its events in order of time. A turn begins
 * where a human or a script wants something and holds all work up to the next
 * such moment, that of subagents included. Pure.
 *
 * Limit: a prompt that was typed while the turn before was still at work begins
 * its own turn there: which of the two later work was for, the log does not tell.
 */
import type { TtEvent } from '../../shared/event.ts';
import type { Spent, Turn, TurnKind, WaitingReason } from '../../shared/session-documents.ts';
import { reasonOf } from './session-state.ts';

interface OpenTurn extends Omit<Turn, keyof Spent | 'tools'> {
  tools: Map<string, { uses: number; errors: number }>;
  fromMs: number;
}

/** What was spent from one time, epoch ms, up to another. */
export type SpentBetween = (fromMs: number, toMs: number) => Spent;

const STARTING: ReadonlySet<string> = new Set(['prompt', 'command', 'shell']);

function textOf(event: TtEvent, key: string): string | null {
  const value = event[key];
  return typeof value === 'string' ? value : null;
}

/** What was before the events that are given, where they are a part of a session. */
export interface Part {
  earlier: {
    /** Subagents that began before. */
    agents: ReadonlySet<string>;
    toolOf(use: string): string | undefined;
    /** Nothing was. */
    isFirst: boolean;
  };
  /** Where the next part begins, epoch ms. */
  endMs: number;
}

const WHOLE: Part = { earlier: { agents: new Set(), toolOf: () => undefined, isFirst: true }, endMs: Infinity };

export function turnsOf(events: Iterable<TtEvent>, spentBetween: SpentBetween, { earlier, endMs }: Part = WHOLE): Turn[] {
  const turns: OpenTurn[] = [];
  const toolNames = new Map<string, string>();
  const seenAgents = new Set<string>(earlier.agents);
  for (const event of events) {
    const start = startOf(event);
    if (start !== undefined) turns.push(start);
    else tell(event, { turns, toolNames, seenAgents, earlier });
  }
  return turns.map((turn, index) => close(turn, spentBetween(index === 0 && earlier.isFirst ? -Infinity : turn.fromMs, turns[index + 1]?.fromMs ?? endMs)));
}

function open(event: TtEvent, kind: TurnKind): OpenTurn {
  const length = event['length'];
  return {
    kind, started_at: event.timestamp, last_at: event.timestamp, ended: false, fromMs: Date.parse(event.timestamp),
    text: kind === 'unknown' ? null : textOf(event, 'text'), length: kind !== 'unknown' && typeof length === 'number' ? length : null,
    last_line: null, interrupted: false, answers: 0, tool_uses: 0, tool_errors: 0, tools: new Map(), subagents: [], waits: [],
  };
}

function startOf(event: TtEvent): OpenTurn | undefined {
  if (event.type !== 'user_message' || textOf(event, 'agent_id') !== null) return undefined;
  const kind = textOf(event, 'kind') ?? 'prompt';
  if (!STARTING.has(kind)) return undefined;
  return open(event, kind === 'command' || kind === 'shell' ? kind : event['origin'] === 'script' ? 'script' : 'prompt');
}

interface Told {
  turns: OpenTurn[];
  /** By the ID of the use: a result does not repeat the name. */
  toolNames: Map<string, string>;
  seenAgents: Set<string>;
  earlier: Part['earlier'];
}

function tell(event: TtEvent, { turns, toolNames, seenAgents, earlier }: Told): void {
  if (event.type === 'agent_session' && textOf(event, 'agent_id') === null) return;
  if (turns.length === 0 && event.type === 'agent_status') return;
  const turn = turns.at(-1) ?? open(event, 'unknown');
  if (turns.length === 0) turns.push(turn);
  const agentId = textOf(event, 'agent_id');
  if (agentId !== null && !seenAgents.has(agentId)) {
    seenAgents.add(agentId);
    turn.subagents.push(agentId);
  }
  if (event.type === 'agent_status') return tellStatus(event, turn);
  turn.last_at = event.timestamp > turn.last_at ? event.timestamp : turn.last_at;
  switch (event.type) {
    case 'user_message':
      if (textOf(event, 'kind') === 'interrupt') turn.interrupted = true;
      if (textOf(event, 'kind') === 'answer') turn.answers += 1;
      return;
    case 'assistant_message':
      if (agentId === null) turn.last_line = textOf(event, 'text') ?? turn.last_line;
      return;
    case 'agent_tool_use':
    case 'agent_tool_result':
      return tellTool(event, turn, toolNames, earlier);
    case 'agent_turn':
      if (agentId === null) turn.ended = true;
      return;
    default:
      return;
  }
}

function tellTool(event: TtEvent, turn: OpenTurn, toolNames: Map<string, string>, earlier: Part['earlier']): void {
  const use = discriminatorOf(event);
  const isUse = event.type === 'agent_tool_use';
  if (!isUse && event['is_error'] !== true) return;
  const tool = (isUse ? textOf(event, 'tool') : (toolNames.get(use) ?? earlier.toolOf(use))) ?? '?';
  const counts = turn.tools.get(tool) ?? { uses: 0, errors: 0 };
  if (isUse) {
    toolNames.set(use, tool);
    turn.tool_uses += 1;
    counts.uses += 1;
  } else {
    turn.tool_errors += 1;
    counts.errors += 1;
  }
  turn.tools.set(tool, counts);
}

/** The last part of its ID: of a use and of its result the same. */
function discriminatorOf(event: TtEvent): string {
  return event.id.slice(event.id.indexOf(event.timestamp) + event.timestamp.length + 1);
}

function tellStatus(event: TtEvent, turn: OpenTurn): void {
  const last = turn.waits.at(-1);
  if (last?.to === null) last.to = event.timestamp;
  if (textOf(event, 'status') !== 'waiting') return;
  const reason: WaitingReason = reasonOf(textOf(event, 'waiting_for'));
  turn.waits.push({ reason, from: event.timestamp, to: null });
}

function close({ tools, fromMs: _from, ...turn }: OpenTurn, spent: Spent): Turn {
  const list = [...tools].map(([tool, counts]) => ({ tool, ...counts }));
  return { ...turn, tools: list.toSorted((a, b) => b.uses - a.uses || (a.tool < b.tool ? -1 : 1)), ...spent };
}
