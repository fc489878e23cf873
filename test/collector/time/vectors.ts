/**
 * The 45 known cases of the earlier tool, run on its real code (facts about its
 * newest version). Times are minutes. F focus, S scroll, M message, I idle (with
 * minutes before), W window, B tab; s+ session started, s- ended, t tool.
 */
import type { AttentionSign } from '../../../collector/time/attention.ts';
import type { WorkSign } from '../../../collector/time/delegation.ts';

export interface Vector {
  number: number;
  windowMinutes?: number;
  /** Period end, minutes; undefined: none. */
  end?: number;
  signs?: Said[];
  /** By session. */
  work?: Record<string, WorkSign[]>;
  /** Minutes by stream; '' is no stream. */
  direct: Record<string, number>;
  /** Minutes by session: ours, which is not the earlier tool's. */
  delegated?: Record<string, number>;
}

/** A sign with its stream; '' is none. `agents`: it belongs to a session of an agent, not of a person. */
export type Said = AttentionSign & { stream: string; agents?: true };

const ms = (minutes: number): number => Math.round(minutes * 60_000);
const sign = (word: AttentionSign['sign'], stream: string, minutes: number, detail: string | null = null): Said => ({ sign: word, at: ms(minutes), machine: 1, detail, stream });
const F = (stream: string, minutes: number): Said => sign('pane', stream, minutes, stream);
const S = (stream: string, minutes: number): Said => sign('scroll', stream, minutes, stream);
const M = (stream: string, minutes: number): Said => sign('message', stream, minutes);
const I = (minutes: number, before?: number): Said => sign('idle', '', minutes, before === undefined ? null : String(ms(before)));
const W = (app: string, stream: string, minutes: number): Said => sign('window', stream, minutes, app);
const B = (stream: string, minutes: number): Said => sign('tab', stream, minutes);
const ofAgents = (said: Said): Said => ({ ...said, agents: true });

let tools = 0;
const t = (minutes: number): WorkSign => ({ word: 'tool', at: ms(minutes), tool: `toolu_${(tools += 1)}` });
const ended = (minutes: number): WorkSign => ({ word: 'session_ended', at: ms(minutes) });

export const VECTORS: Vector[] = [
  { number: 1, end: 10, signs: [F('A', 0)], direct: { A: 5 } },
  { number: 2, windowMinutes: 1, end: 20, signs: [F('A', 0), F('B', 10)], direct: { A: 1, B: 1 } },
  { number: 3, windowMinutes: 1, end: 10, signs: [F('A', 0), S('A', 0.5)], direct: { A: 1.5 } },
  { number: 4, end: 8, signs: [F('A', 0), S('', 4)], direct: { A: 8 } },
  { number: 5, windowMinutes: 1, end: 10, signs: [F('A', 0), S('B', 5)], direct: { A: 1 } },
  { number: 6, end: 20, signs: [F('A', 0), I(2)], direct: { A: 2 } },
  { number: 7, end: 10, signs: [F('A', 0), I(4, 3)], direct: { A: 1 } },
  { number: 8, end: 10, signs: [F('A', 3 + 20 / 60), I(4, 3)], direct: {} },
  { number: 9, end: 10, signs: [F('A', 0), I(2, 0)], direct: { A: 2 } },
  { number: 10, end: 30, work: { s: [t(5), ended(30)] }, direct: {}, delegated: { s: 0 } },
  { number: 11, end: 30, work: { s: [ended(30)] }, direct: {}, delegated: { s: 0 } },
  { number: 12, end: 60, work: { s: [t(5)] }, signs: [F('B', 60)], direct: {}, delegated: { s: 0 } },
  { number: 13, end: 35, work: { s: [t(5)] }, signs: [F('B', 35)], direct: {}, delegated: { s: 0 } },
  { number: 14, end: 60, work: { s: [t(5), t(50)] }, direct: {}, delegated: { s: 0 } },
  { number: 15, end: 60, work: { s: [t(5), t(50)] }, direct: {}, delegated: { s: 0 } },
  { number: 16, end: 20, work: { s: [t(5)] }, direct: {}, delegated: { s: 0 } },
  { number: 17, end: 20, work: { s: [t(5)] }, direct: {}, delegated: { s: 0 } },
  { number: 18, end: 60, work: { s: [t(5), t(25), ended(30)] }, direct: {}, delegated: { s: 20 } },
  { number: 19, end: 60, work: { s: [t(5), ended(10), t(20), ended(40)] }, direct: {}, delegated: { s: 0 } },
  { number: 20, end: 60, work: { s: [t(5), t(10)] }, direct: {}, delegated: { s: 5 } },
  { number: 21, end: 30, work: { s1: [t(5), ended(20)], s2: [t(10), ended(30)] }, direct: {}, delegated: { s1: 0, s2: 0 } },
  { number: 22, end: 30, work: { s1: [t(5), ended(30)], s2: [t(5), ended(30)] }, direct: {}, delegated: { s1: 0, s2: 0 } },
  { number: 23, windowMinutes: 1, end: 20, signs: [F('A', 0), I(10)], work: { s: [t(5), ended(20)] }, direct: { A: 1 }, delegated: { s: 0 } },
  { number: 24, windowMinutes: 1, end: 5, signs: [F('A', 0), M('B', 3)], direct: { A: 1, B: 1 } },
  { number: 25, end: 5, signs: [ofAgents(M('A', 1)), ofAgents(M('A', 2))], direct: {} },
  { number: 26, end: 10, signs: [M('A', 0)], direct: { A: 5 } },
  { number: 27, end: 10, signs: [M('', 0)], direct: { '': 5 } },
  { number: 28, windowMinutes: 1, end: 5, signs: [F('A', 0), F('', 0.5)], direct: { A: 0.5, '': 1 } },
  { number: 29, end: 5, work: { s: [t(1), ended(3)] }, direct: {}, delegated: { s: 0 } },
  { number: 30, signs: [F('B', 20)], work: { s: [t(5)] }, direct: { B: 5 }, delegated: { s: 0 } },
  { number: 31, end: 5, signs: [F('A', 0), F('B', 10)], direct: { A: 5 } },
  { number: 32, end: 15, signs: [F('A', 0), W('ghostty', '', 2), F('A', 4)], direct: { A: 9 } },
  { number: 33, windowMinutes: 1, end: 11, signs: [F('A', 0), W('slack', 'S', 10)], direct: { A: 1, S: 1 } },
  { number: 34, windowMinutes: 1, end: 5, signs: [W('slack', '', 0)], direct: { '': 1 } },
  { number: 35, windowMinutes: 1, end: 6, signs: [W('chrome', '', 0), B('B', 0), B('B', 5)], direct: { B: 2 } },
  { number: 36, end: 10, signs: [W('slack', 'S', 0), F('A', 1)], direct: { S: 1, A: 5 } },
  { number: 37, end: 20, signs: [W('firefox', '', 0), B('B', 0), F('A', 1), W('firefox', 'P', 2)], direct: { A: 1, B: 6 } },
  { number: 38, end: 10, signs: [W('kitty', 'T', 0)], direct: {} },
  { number: 39, end: 20, signs: [F('A', 10), F('B', 0)], direct: { B: 5 } },
  { number: 40, end: 20, signs: [F('A', 0), F('A', 0)], direct: { A: 5 } },
  { number: 41, end: 600, work: { s: [t(5), t(6)] }, direct: {}, delegated: { s: 1 } },
  { number: 42, end: 24 * 60, work: { s: [t(1)] }, direct: {}, delegated: { s: 0 } },
  { number: 43, end: 120, work: { s: [t(5), t(20)] }, direct: {}, delegated: { s: 15 } },
  { number: 44, signs: [ofAgents(M('A', 10))], work: { s: [t(1)], sub: [] }, direct: {}, delegated: { s: 0 } },
  { number: 45, end: 120, signs: [F('A', 58), F('B', 116 + 40 / 60)], direct: { A: 5, B: 3 + 20 / 60 }, delegated: {} },
];
