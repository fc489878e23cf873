import { afterEach, describe, expect, it } from 'vitest';
import { aborted, leaveAfter, listenForSignals, type Lifecycle } from '../../shared/lifecycle.ts';
import { ManualClock } from '../support/manual-clock.ts';

let lifecycle: Lifecycle | undefined;
afterEach(() => lifecycle?.[Symbol.dispose]());

describe('signals', () => {
  it('ask to stop at the first and to abandon at the second, in any mix', async () => {
    lifecycle = listenForSignals();
    expect([lifecycle.stop.aborted, lifecycle.abandon.aborted]).toEqual([false, false]);
    process.emit('SIGTERM', 'SIGTERM');
    await aborted(lifecycle.stop);
    expect(lifecycle.abandon.aborted).toBe(false);
    process.emit('SIGINT', 'SIGINT');
    await aborted(lifecycle.abandon);
  });

  it('are left alone again after disposal', () => {
    const before = [process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')];
    lifecycle = listenForSignals();
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before.map((count) => count + 1));
    lifecycle[Symbol.dispose]();
    expect([process.listenerCount('SIGTERM'), process.listenerCount('SIGINT')]).toEqual(before);
  });
});

describe('a command that looks at no signal', () => {
  it('is ended soon after the second one, with what shells say of Ctrl-C', () => {
    const [clock, abandon, codes] = [new ManualClock(), new AbortController(), [] as number[]];
    leaveAfter(abandon.signal, { clock, exit: (code) => void codes.push(code) });
    clock.advance(60_000);
    expect(codes).toEqual([]);
    abandon.abort();
    expect(codes).toEqual([]);
    clock.advance(2000);
    expect(codes).toEqual([130]);
  });
});

describe('waiting for an abort', () => {
  it('ends at once when it has happened already', async () => {
    await expect(aborted(AbortSignal.abort())).resolves.toBeUndefined();
  });
});
