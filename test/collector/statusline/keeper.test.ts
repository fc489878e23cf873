import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepStatusline, type StatuslineKeeper } from '../../../collector/statusline/keeper.ts';
import { STATUSLINE_BEAT_MS } from '../../../collector/statusline/statusline-file.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

let directory: string;
let clock: ManualClock;
let changed: () => void;
let presented: number;
let slowMs: number;
let keeper: StatuslineKeeper;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-keeper-'));
  file = join(directory, 'state/statusline');
  [clock, presented, slowMs] = [new ManualClock(0), 0, 0];
  keeper = keepStatusline(file, {
    clock, log: silentLog,
    present() {
      presented += 1;
      if (slowMs > 0) clock.advance(slowMs);
      return { writtenAtMs: clock.now(), line: `line ${presented}`, sessions: new Map() };
    },
    onChange(listener) {
      changed = listener;
      return () => (changed = () => undefined);
    },
  });
});
afterEach(() => {
  keeper.close();
  rmSync(directory, { recursive: true, force: true });
});

const line = (): string | undefined => readFileSync(file, 'utf8').split('\n')[1];

it('is there from the start, and its owner’s alone', () => {
  expect(line()).toBe('line 1');
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('is written anew after changes, however many, at most once a second', () => {
  for (let at = 0; at < 3000; at += 100) {
    changed();
    clock.advance(100);
  }
  expect(presented).toBe(4);
});

it('is written anew when nothing happens: its age tells that somebody keeps it', () => {
  clock.advance(3 * STATUSLINE_BEAT_MS);
  expect(presented).toBe(4);
});

it('takes a small part of the time where it takes long to work out', () => {
  clock.advance(1000);
  slowMs = 100;
  changed();
  clock.advance(1);
  expect(presented).toBe(2);
  slowMs = 0;
  changed();
  clock.advance(4900);
  expect(presented).toBe(2);
  clock.advance(200);
  expect(presented).toBe(3);
});

it('stays as it is when the collector stops', () => {
  keeper.close();
  clock.advance(10 * STATUSLINE_BEAT_MS);
  changed();
  expect(presented).toBe(1);
  expect(existsSync(file)).toBe(true);
});
