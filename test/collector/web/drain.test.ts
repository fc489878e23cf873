import { beforeEach, expect, it } from 'vitest';
import { createDrain, type Drain } from '../../../collector/web/drain.ts';

let drain: Drain;
beforeEach(() => {
  drain = createDrain();
});
const see = (seconds: number, bytes: number | null): void => drain.see([{ machine_id: 'm', backlog_bytes: bytes }], seconds * 1000);

it('reckons the rest at the rate of the last minute', () => {
  see(0, 1000);
  see(5, 900);
  expect(drain.restMs('m')).toBe(45_000);
  see(90, 500);
  see(100, 400);
  expect(drain.restMs('m')).toBe(40_000);
});

it('knows nothing of a machine that it saw once, or for too short', () => {
  see(0, 1000);
  expect(drain.restMs('m')).toBeNull();
  see(1, 900);
  expect(drain.restMs('m')).toBeNull();
  expect(drain.restMs('other')).toBeNull();
});

it('does not end what grows', () => {
  see(0, 1000);
  see(10, 1500);
  expect(drain.restMs('m')).toBeNull();
});

it('forgets when nothing is left, or nobody knows', () => {
  for (const bytes of [0, null]) {
    see(0, 1000);
    see(10, 500);
    see(20, bytes);
    expect(drain.restMs('m')).toBeNull();
  }
});

it('a status that says the same again changes nothing', () => {
  see(0, 1000);
  see(10, 500);
  see(11, 500);
  expect(drain.restMs('m')).toBe(10_000);
});
