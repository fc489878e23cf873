import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTENTION_WINDOW_MS, directIntervals, type AttentionOptions, type DirectInterval } from '../../../collector/time/attention.ts';
import { VECTORS, type Said } from './vectors.ts';

const MINUTE_MS = 60_000;

interface Limits {
  fromMs?: number;
  endMs?: number | undefined;
  windowMs?: number;
}

/** Two signs a page: pages part no rule. */
function intervalsOf(signs: readonly Said[], options: AttentionOptions<Said> = {}): DirectInterval<Said>[] {
  const pages = signs.flatMap((_, at) => (at % 2 === 0 ? [signs.slice(at, at + 2)] : []));
  return [...directIntervals(pages, options)].flat();
}

/** Milliseconds by stream; each instant once. */
function directTime(signs: readonly Said[], { fromMs = 0, endMs = Infinity, windowMs = ATTENTION_WINDOW_MS }: Limits): Record<string, number> {
  const counted = signs.filter(({ agents }) => agents === undefined);
  const spans = new Map<string, [number, number][]>();
  for (const { fromMs: from, toMs, target, given } of intervalsOf(counted, { windowMs })) {
    if (given !== null && given.stream !== '' && given.stream !== target.stream) continue;
    const span: [number, number] = [Math.max(from, fromMs), Math.min(toMs, endMs)];
    if (span[1] > span[0]) spans.set(target.stream, [...(spans.get(target.stream) ?? []), span]);
  }
  return Object.fromEntries([...spans].map(([stream, list]) => [stream, unionOf(list)]));
}

function unionOf(spans: readonly [number, number][]): number {
  let total = 0;
  let reached = -Infinity;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
}

describe('direct time', () => {
  it.each(VECTORS.map((vector) => [vector.number, vector] as const))('is that of the known case %i', (_, { signs = [], end, windowMinutes = 5, direct }) => {
    const expected = Object.fromEntries(Object.entries(direct).map(([stream, minutes]) => [stream, Math.round(minutes * MINUTE_MS)]));
    const endMs = end === undefined ? undefined : end * MINUTE_MS;
    expect(directTime(signs, { endMs, windowMs: windowMinutes * MINUTE_MS })).toEqual(expected);
  });

  it('is for each day of case 45 what its own signs say, and adds up to both days', () => {
    const signs = VECTORS.find(({ number }) => number === 45)?.signs ?? [];
    const [first, second] = [signs.slice(0, 1), signs.slice(1)];
    expect(directTime(first, { endMs: 60 * MINUTE_MS })).toEqual({ A: 120_000 });
    expect(directTime(second, { fromMs: 60 * MINUTE_MS, endMs: 120 * MINUTE_MS })).toEqual({ B: 200_000 });
    expect(directTime(signs, { endMs: 60 * MINUTE_MS })).toEqual({ A: 120_000 });
    expect(directTime(signs, { fromMs: 60 * MINUTE_MS, endMs: 120 * MINUTE_MS })).toEqual({ A: 180_000, B: 200_000 });
  });

  it('takes a sign of the same pane for a repeat within half a second, and a glance elsewhere and back for what it is', () => {
    const pane = (stream: string, at: number): Said => ({ sign: 'pane', at, machine: 1, detail: stream, stream });
    const repeated = intervalsOf([pane('A', 0), pane('A', 300), pane('A', 499), pane('A', 500)]);
    expect(repeated.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([[0, 500], [500, 300_500]]);
    expect(directTime([pane('A', 0), pane('B', 100), pane('A', 200)], {})).toEqual({ A: 300_100, B: 100 });
    const elsewhere = { ...pane('A', 300), machine: 2 };
    expect(intervalsOf([pane('A', 0), elsewhere]).map(({ target }) => target.machine)).toEqual([1, 2]);
  });

  it('lets no absence begin before a hand was on the wheel', () => {
    const signs: Said[] = [
      { sign: 'pane', at: 0, machine: 1, detail: 'A', stream: 'A' }, { sign: 'scroll', at: 240_000, machine: 1, detail: 'B', stream: 'B' },
      { sign: 'idle', at: 300_000, machine: 1, detail: '180000', stream: '' },
    ];
    expect(directTime(signs, {})).toEqual({ A: 240_000 });
  });
});

/** The rules as they are written down, with streams: one pass, no conditions, nothing taken together. */
function naive(signs: readonly Said[], windowMs: number): Record<string, number> {
  const credit: Record<string, number> = {};
  let since: number | null = null;
  let lastScroll = -Infinity;
  let app: string | null = null;
  let windowStream = '';
  let tabStream: string | null = null;
  let paneStream: string | null = null;
  const isTerminal = (): boolean => /terminal|iterm|alacritty|wezterm|kitty|konsole|gnome-terminal|ghostty/.test(app ?? '');
  const isBrowser = (): boolean => !isTerminal() && /chrome|firefox|safari|edge|brave|arc/.test(app ?? '');
  const target = (): string | null => {
    if (app === null || isTerminal()) return paneStream;
    return isBrowser() ? tabStream ?? windowStream : windowStream;
  };
  const close = (at: number): void => {
    const who = target();
    if (since === null || who === null) return;
    const length = Math.min(at, since + windowMs) - since;
    if (length > 0) credit[who] = (credit[who] ?? 0) + length;
  };
  const focus = (at: number | null): void => {
    since = at;
    lastScroll = -Infinity;
  };
  for (const { sign, at, stream, detail } of signs) {
    if (sign === 'pane' || sign === 'message') {
      close(at);
      [paneStream, app, windowStream] = [stream, null, ''];
      focus(at);
    } else if (sign === 'scroll') {
      if (since === null || target() === null) continue;
      if (stream === '' || stream === target()) {
        close(at);
        since = at;
      }
      lastScroll = at;
    } else if (sign === 'idle') {
      if (since === null) continue;
      const idle = Number(detail ?? 0);
      const from = Math.max(at - Math.max(0, idle), since, lastScroll);
      close(from);
      focus(null);
    } else if (sign === 'window') {
      close(at);
      [app, windowStream] = [detail, stream];
      focus(target() === null ? null : at);
    } else {
      if (isBrowser()) {
        close(at);
        tabStream = stream;
        focus(at);
      }
      tabStream = stream;
    }
  }
  close(Infinity);
  return credit;
}

const STREAMS = ['', 'A', 'B', 'C'];
const said: fc.Arbitrary<Said[]> = fc.array(fc.record({
  sign: fc.constantFrom<Said['sign']>('pane', 'pane', 'message', 'scroll', 'scroll', 'scroll', 'idle', 'window', 'tab'),
  wait: fc.oneof(fc.integer({ min: 500, max: 90_000 }), fc.integer({ min: 500, max: 900_000 })),
  stream: fc.constantFrom(...STREAMS),
  app: fc.constantFrom('ghostty', 'firefox', 'slack'),
  idle: fc.integer({ min: 0, max: 400_000 }),
}), { maxLength: 40 }).map((steps) => {
  let at = 0;
  return steps.map(({ sign, wait, stream, app, idle }, index) => {
    at += wait;
    const detail = sign === 'window' ? app : sign === 'idle' ? String(idle) : String(index);
    return { sign, at, machine: 1, detail, stream };
  });
});

describe('an assignment', () => {
  it('gives each stream the time that the rules with streams give it, whatever is assigned', () => {
    fc.assert(fc.property(said, fc.array(fc.constantFrom(...STREAMS), { minLength: 40, maxLength: 40 }), (signs, assigned) => {
      expect(directTime(signs, { windowMs: 120_000 })).toEqual(naive(signs, 120_000));
      const again = signs.map((sign, index) => ({ ...sign, stream: assigned[index] ?? '' }));
      expect(directTime(again, {})).toEqual(naive(again, ATTENTION_WINDOW_MS));
    }), { numRuns: 2000 });
  });

  it('changes no interval but those that a scroll gives', () => {
    fc.assert(fc.property(said, (signs) => {
      const intervals = intervalsOf(signs);
      const always = intervals.filter(({ given }) => given === null).sort((a, b) => a.fromMs - b.fromMs);
      for (const [index, { toMs }] of always.entries()) expect(toMs).toBeLessThanOrEqual(always[index + 1]?.fromMs ?? Infinity);
      for (const { fromMs, toMs, given } of intervals) {
        expect(toMs - fromMs).toBeLessThanOrEqual(ATTENTION_WINDOW_MS);
        expect(given?.at ?? fromMs).toBe(fromMs);
      }
    }));
  });
});
