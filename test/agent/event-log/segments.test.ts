import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isLogName, removeSpentSegments, rotateEventLog, SEGMENT_KEPT_MS } from '../../../agent/event-log/segments.ts';

const NOW = Date.UTC(2026, 0, 5);
const clock = { now: () => NOW, random: () => 0.5 };
let directory = '';
let log = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-segments-'));
  log = join(directory, 'events.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('rotating the event log', () => {
  it('leaves a log below the limit, and none, alone', () => {
    expect(rotateEventLog(log, 4, clock)).toBeUndefined();
    writeFileSync(log, 'abc');
    expect(rotateEventLog(log, 4, clock)).toBeUndefined();
    expect(readdirSync(directory)).toEqual(['events.jsonl']);
  });

  it('renames a log at the limit to a segment that is still read', () => {
    writeFileSync(log, 'abcd');
    const segment = rotateEventLog(log, 4, clock);
    expect(existsSync(log)).toBe(false);
    expect(readFileSync(segment ?? '', 'utf8')).toBe('abcd');
    expect(readdirSync(directory).every((name) => isLogName(name, 'events'))).toBe(true);
  });

  it('never overwrites a segment, even at the same time', () => {
    let draw = 0;
    const unlucky = { now: () => NOW, random: () => (draw++ < 2 ? 0.5 : 0.25) };
    writeFileSync(log, 'one!');
    rotateEventLog(log, 4, unlucky);
    writeFileSync(log, 'two!');
    rotateEventLog(log, 4, unlucky);
    expect(readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8')).toSorted()).toEqual(['one!', 'two!']);
  });

  it('names segments in the order of time', () => {
    const names = [NOW, NOW + 1, NOW + 1000].map((now) => {
      writeFileSync(log, 'abcd');
      return rotateEventLog(log, 4, { now: () => now, random: () => 0 }) ?? '';
    });
    expect(names.toSorted()).toEqual(names);
  });
});

describe('removing segments', () => {
  const segment = (age: number, hex = '0'): string => {
    const path = join(directory, `events-${hex.repeat(16)}.jsonl`);
    writeFileSync(path, 'abcd');
    utimesSync(path, (NOW - age) / 1000, (NOW - age) / 1000);
    return path;
  };

  it('removes what is acknowledged to its end and a day old, nothing else', () => {
    const old = segment(SEGMENT_KEPT_MS, 'a');
    const young = segment(SEGMENT_KEPT_MS - 1000, 'b');
    const unread = segment(SEGMENT_KEPT_MS, 'c');
    writeFileSync(log, 'live');
    utimesSync(log, 0, 0);
    writeFileSync(`${log}.1`, 'of the earlier tool');
    utimesSync(`${log}.1`, 0, 0);
    const asked: [string, number][] = [];
    const removed = removeSpentSegments(log, {
      clock,
      isAcknowledged: (path, sizeBytes) => {
        asked.push([path, sizeBytes]);
        return path !== unread;
      },
    });
    expect(removed).toEqual([old]);
    expect(readdirSync(directory)).toHaveLength(4);
    expect(asked).toEqual(expect.arrayContaining([[old, 4], [unread, 4]]));
    expect(asked.map(([path]) => path)).not.toContain(young);
  });

  it('keeps a segment that a slow writer still appends to', () => {
    const path = segment(SEGMENT_KEPT_MS);
    appendFileSync(path, 'late');
    utimesSync(path, NOW / 1000, NOW / 1000);
    expect(removeSpentSegments(log, { clock, isAcknowledged: () => true })).toEqual([]);
  });

  it('has nothing to do where there is no directory', () => {
    expect(removeSpentSegments(join(directory, 'none/events.jsonl'), { clock, isAcknowledged: () => true })).toEqual([]);
  });
});
