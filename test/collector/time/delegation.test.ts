import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { delegate, OPEN_END_MS, WORD_RANKS, type WorkSign, type WorkWord } from '../../../collector/time/delegation.ts';
import { VECTORS } from './vectors.ts';

const MINUTE_MS = 60_000;

type Sign = WorkSign & { agent?: true };
const at = (minutes: number, word: WorkWord, rest: Partial<Sign> = {}): Sign => ({ word, at: Math.round(minutes * MINUTE_MS), ...rest });

/** `form from-to opener`, minutes; the opener is told by its time. */
function told(...signs: Sign[]): string[] {
  const { intervals } = delegate(signs, { openerOf: (sign) => sign, isOwn: ({ agent }) => agent === undefined });
  const minutes = (ms: number): string => (ms === OPEN_END_MS ? 'now' : String(ms / MINUTE_MS));
  return intervals.map(({ form, fromMs, toMs, opener }) => `${form} ${minutes(fromMs)}-${minutes(toMs)} by ${opener.word} ${minutes(opener.at)}`);
}

function minutesOf(signs: readonly WorkSign[], endMinutes = Infinity): number {
  const { intervals } = delegate(signs, { openerOf: (sign) => sign });
  return intervals.reduce((sum, { fromMs, toMs }) => sum + Math.max(0, Math.min(toMs / MINUTE_MS, endMinutes) - fromMs / MINUTE_MS), 0);
}

const WITH_DELEGATION = [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 29, 30, 41, 42, 43, 44, 45];

describe('delegated time', () => {
  it.each(WITH_DELEGATION)('is our own figure for the known case %i', (number) => {
    const vector = VECTORS.find((one) => one.number === number);
    const found = Object.fromEntries(Object.entries(vector?.work ?? {}).map(([session, signs]) => [session, minutesOf(signs, vector?.end)]));
    for (const [session, minutes] of Object.entries(vector?.delegated ?? {})) expect([session, found[session]]).toEqual([session, minutes]);
    expect(vector?.delegated).toBeDefined();
  });

  it.each(WITH_DELEGATION)('has its reason for the known case %i on the page', (number) => {
    const page = readFileSync(new URL('../../../docs/time.md', import.meta.url), 'utf8');
    const row = page.split('\n').find((line) => line.startsWith(`| ${number} |`));
    const [, , , , ours, reason = ''] = (row ?? '').split('|').map((cell) => cell.trim());
    const figures = Object.values(VECTORS.find((one) => one.number === number)?.delegated ?? {});
    expect(ours).toBe(String(figures.reduce((sum, minutes) => sum + minutes * MINUTE_MS, 0)));
    expect(reason.length).toBeGreaterThan(20);
  });

  it.each([
    ['lasts from what was said to the last sign of work', [at(0, 'said'), at(1, 'message'), at(2, 'tool'), at(9, 'result'), at(40, 'said')], ['delegated 0-9 by said 0']],
    ['begins with its first sign where nobody said anything', [at(5, 'message'), at(6, 'tool')], ['delegated 5-6 by message 5']],
    ['counts a silence of 30 minutes', [at(0, 'said'), at(30, 'message')], ['delegated 0-30 by said 0']],
    ['does not count a longer one, and begins anew behind it', [at(0, 'said'), at(1, 'tool'), at(31.001, 'result'), at(32, 'message')],
      ['delegated 0-1 by said 0', 'delegated 31.001-32 by result 31.001']],
    ['is cut where somebody speaks', [at(0, 'said'), at(2, 'message'), at(3, 'said'), at(4, 'message')], ['delegated 0-2 by said 0', 'delegated 3-4 by said 3']],
    ['counts the silence before it where a tool runs through', [at(0, 'said'), at(1, 'tool', { tool: 'a' }), at(5, 'said'), at(9, 'result', { tool: 'a' })],
      ['delegated 0-5 by said 0', 'delegated 5-9 by said 5']],
    ['does not where the tool never answers', [at(0, 'said'), at(1, 'tool', { tool: 'a' }), at(5, 'said'), at(9, 'message')], ['delegated 0-1 by said 0', 'delegated 5-9 by said 5']],
    ['does not where the tool is what was answered', [at(0, 'said'), at(1, 'tool', { tool: 'a' }), at(5, 'said'), at(5, 'result', { tool: 'a' }), at(6, 'message')],
      ['delegated 0-1 by said 0', 'delegated 5-6 by said 5']],
    ['does not where the tool took longer than a silence', [at(0, 'said'), at(1, 'tool', { tool: 'a' }), at(25, 'message'), at(35, 'said'), at(36, 'result', { tool: 'a' })],
      ['delegated 0-25 by said 0', 'delegated 35-36 by said 35']],
    ['ends with its turn', [at(0, 'said'), at(2, 'turn_ended'), at(10, 'message'), at(11, 'message')], ['delegated 0-2 by said 0', 'delegated 10-11 by message 10']],
    ['lasts to an interrupt', [at(0, 'said'), at(2, 'tool'), at(5, 'interrupt'), at(7, 'message'), at(8, 'message')], ['delegated 0-5 by said 0', 'delegated 7-8 by message 7']],
    ['ends at the last sign before the session does', [at(0, 'said'), at(2, 'message'), at(9, 'session_ended')], ['delegated 0-2 by said 0']],
    ['is nothing where nobody worked', [at(0, 'said'), at(5, 'said'), at(9, 'interrupt')], ['delegated 5-9 by said 5']],
  ])('%s', (_, signs, expected) => {
    expect(told(...signs)).toEqual(expected);
  });
});

describe('a known wait', () => {
  it.each([
    ['is no work, and its turn goes on behind it', [at(0, 'said'), at(1, 'tool'), at(2, 'waiting'), at(10, 'busy'), at(11, 'result')],
      ['waiting 2-10 by waiting 2', 'delegated 0-2 by said 0', 'delegated 10-11 by said 0']],
    ['of more than 30 minutes begins another turn', [at(0, 'said'), at(2, 'waiting'), at(40, 'busy'), at(41, 'result')],
      ['waiting 2-40 by waiting 2', 'delegated 0-2 by said 0', 'delegated 40-41 by busy 40']],
    ['for one thing after the other is two', [at(0, 'said'), at(2, 'waiting'), at(5, 'waiting'), at(10, 'busy'), at(11, 'result')],
      ['waiting 2-5 by waiting 2', 'waiting 5-10 by waiting 5', 'delegated 0-2 by said 0', 'delegated 10-11 by said 0']],
    ['goes on while subagents work', [at(0, 'said'), at(2, 'waiting'), at(3, 'message', { agent: true }), at(4, 'tool'), at(5, 'result'), at(6, 'busy'), at(7, 'message')],
      ['waiting 2-6 by waiting 2', 'delegated 0-2 by said 0', 'delegated 6-7 by said 0']],
    ['is over when the conversation itself goes on', [at(0, 'said'), at(2, 'waiting'), at(6, 'message'), at(7, 'message')],
      ['waiting 2-6 by waiting 2', 'delegated 0-2 by said 0', 'delegated 6-7 by said 0']],
    ['is over when somebody speaks', [at(0, 'said'), at(2, 'waiting'), at(6, 'said'), at(7, 'message')],
      ['waiting 2-6 by waiting 2', 'delegated 0-2 by said 0', 'delegated 6-7 by said 6']],
    ['is over when the harness is idle, and so is the turn', [at(0, 'said'), at(2, 'waiting'), at(6, 'idle'), at(7, 'message'), at(8, 'message')],
      ['waiting 2-6 by waiting 2', 'delegated 0-2 by said 0', 'delegated 7-8 by message 7']],
    ['lasts until the process is seen gone', [at(0, 'said'), at(2, 'waiting'), at(2, 'gone', { seenAt: 9 * MINUTE_MS })],
      ['delegated 0-2 by said 0', 'waiting 2-9 by waiting 2']],
    ['lasts not beyond what came before that', [at(2, 'waiting'), at(2, 'gone', { seenAt: 9 * MINUTE_MS }), at(4, 'said'), at(5, 'message')],
      ['waiting 2-4 by waiting 2', 'delegated 4-5 by said 4']],
    ['has no end while nothing ends it', [at(2, 'waiting')], ['waiting 2-now by waiting 2']],
  ])('%s', (_, signs, expected) => {
    expect(told(...signs)).toEqual(expected);
  });
});

describe('signs of one millisecond', () => {
  it('have an order in which what starts goes first and what ends goes last', () => {
    const words = Object.entries(WORD_RANKS).sort((a, b) => a[1] - b[1]).map(([word]) => word);
    expect(words[0]).toBe('said');
    expect(words.at(-1)).toBe('session_ended');
    expect(new Set(Object.values(WORD_RANKS)).size).toBe(words.length);
  });
});
