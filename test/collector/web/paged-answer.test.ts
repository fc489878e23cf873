import { expect, it } from 'vitest';
import { mergePage, type Rows } from '../../../collector/web/paged-answer.ts';
import type { Turn } from '../../../shared/session-documents.ts';

const turn = (minute: number, rest: Partial<Turn> = {}): Turn => ({
  kind: 'prompt', started_at: `2026-01-05T10:${String(minute).padStart(2, '0')}:00.000Z`, last_at: '', ended: false, text: null, length: null, last_line: null, interrupted: false,
  answers: 0, tool_uses: 0, tool_errors: 0, tools: [], subagents: [], waits: [], responses: 0, tokens: { input: 0, output: 0, cache_creation: 0, cache_read: 0, total: 0 },
  cost_usd: null, unpriced_responses: 0, lower_bound_responses: 0, ...rest,
});

const mergeTurns = (known: Rows<Turn>, { first_turn: first, turn_list: rows }: { first_turn: number; turn_list: Turn[] }): Rows<Turn> =>
  mergePage(known, { rows, first }, ({ started_at: startedAt }) => startedAt);

it('a turn that did not change stays the same object, one that did is another', () => {
  const before = mergeTurns(new Map(), { first_turn: 1, turn_list: [turn(1), turn(2)] });
  const after = mergeTurns(before, { first_turn: 1, turn_list: [turn(1), turn(2, { ended: true }), turn(3)] });
  expect(after.get(1)).toBe(before.get(1));
  expect([after.get(2)?.ended, after.size]).toEqual([true, 3]);
  expect(mergeTurns(after, { first_turn: 1, turn_list: [turn(1), turn(2, { ended: true }), turn(3)] })).toBe(after);
});

it('where turns have other numbers than before, nothing that was known holds', () => {
  const before = mergeTurns(new Map(), { first_turn: 1, turn_list: [turn(1), turn(3), turn(4)] });
  const after = mergeTurns(before, { first_turn: 3, turn_list: [turn(3), turn(4)] });
  expect([...after.keys()]).toEqual([3, 4]);
});
