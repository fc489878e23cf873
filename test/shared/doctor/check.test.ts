import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { doctorText, exitCodeOf, fail, guarded, ok, toDoctorDocument, warn, type CheckState } from '../../../shared/doctor/check.ts';
import { judgeClock } from '../../../shared/doctor/clock-offset.ts';
import { judgeRoom, readRoom } from '../../../shared/doctor/disk-room.ts';
import { judgeNode } from '../../../shared/doctor/node-version.ts';
import { judgeModes, readModes } from '../../../shared/doctor/private-files.ts';
import { judgeService } from '../../../shared/doctor/service-kept.ts';
import { TtError } from '../../../shared/errors.ts';
import { timeProbe } from '../../../shared/probe.ts';

const documentOf = (...checks: ReturnType<typeof ok>[]) => toDoctorDocument({ role: 'agent', version: '1', checks, probes: [] });

describe('a doctor’s document', () => {
  it('is as bad as its worst check, and only failures make it unhealthy', () => {
    expect(exitCodeOf(documentOf(ok('a', 'x'), warn('b', 'y', 'z')))).toBe(0);
    expect(documentOf(ok('a', 'x'), warn('b', 'y', 'z')).state).toBe('warn');
    expect(exitCodeOf(documentOf(warn('b', 'y', 'z'), fail('c', 'y', 'z'), ok('a', 'x')))).toBe(4);
    expect(documentOf().state).toBe('ok');
    const lost = timeProbe({ id: 'p', machine: null, hops: [], goal: 'back', problem: 'no way' });
    expect(exitCodeOf(toDoctorDocument({ role: 'agent', version: '1', checks: [], probes: [lost] }))).toBe(4);
  });

  it('is printed worst first, each with what to do, without control characters of others', () => {
    const text = doctorText(documentOf(ok('a', 'fine'), fail('c', 'bad\u001b[2J', 'do this', 'devbox')), 'Here');
    const [first, ...rest] = text.split('\n');
    expect(first).toMatch(/^FAIL  c \(devbox\): bad/);
    expect(rest).toEqual(['      → do this', 'ok    a: fine', 'Here: 1 failure, 0 warnings, 1 ok', '']);
    expect(text).not.toContain('\u001b');
  });

  it('has a failure for a check that could not look', async () => {
    expect(await guarded('x', () => Promise.reject(new TtError('no', 'it broke', { hint: 'mend it' })))).toEqual([fail('x', 'it broke', 'mend it')]);
  });
});

describe('thresholds', () => {
  it.each<[string, CheckState]>([['20.19.0', 'ok'], ['24.1.0', 'ok'], ['20.18.9', 'fail'], ['18.20.0', 'fail']])('Node %s: %s', (version, state) => {
    expect(judgeNode(version)).toMatchObject([{ state }]);
  });

  it.each<[number, number, CheckState]>([
    [2000, 0, 'ok'], [-2001, 0, 'warn'], [2500, 600, 'ok'], [60_000, 0, 'warn'], [-60_001, 0, 'fail'], [61_000, 5000, 'warn'],
  ])('clock %d ± %d: %s', (offset, error, state) => {
    expect(judgeClock(offset, error)).toMatchObject([{ state }]);
  });

  it.each<[number, number, CheckState]>([[3e9, 0, 'ok'], [3e9, 4e9, 'warn'], [1e9, 0, 'warn'], [1e8, 0, 'fail']])('room %d, needed %d: %s', (freeBytes, needed, state) => {
    expect(judgeRoom({ directory: '/', freeBytes }, needed)).toMatchObject([{ state }]);
  });

  it.each<[{ installed: boolean; running: boolean; lingers: boolean | null }, CheckState]>([
    [{ installed: true, running: true, lingers: true }, 'ok'], [{ installed: true, running: true, lingers: null }, 'ok'],
    [{ installed: true, running: true, lingers: false }, 'warn'], [{ installed: true, running: false, lingers: true }, 'warn'],
    [{ installed: false, running: false, lingers: null }, 'warn'],
  ])('service %j: %s', (facts, state) => {
    expect(judgeService({ name: 'tt-agent', kind: 'systemd', user: 'me', install: 'tt-agent install', ...facts })).toMatchObject([{ state }]);
  });
});

describe('real files', () => {
  it('that others may read fail, directories that they may only list warn', () => {
    const home = mkdtempSync(join(tmpdir(), 'tt-modes-'));
    try {
      const [directory, file] = [join(home, 'tt'), join(home, 'tt/key')];
      mkdirSync(directory, { mode: 0o700 });
      writeFileSync(file, '', { mode: 0o600 });
      const judge = (): CheckState[] => judgeModes(readModes([directory, file, join(home, 'none')])).map(({ state }) => state);
      expect(judge()).toEqual(['ok']);
      chmodSync(file, 0o640);
      expect(judge()).toEqual(['fail']);
      chmodSync(directory, 0o755);
      expect(judge()).toEqual(['warn', 'fail']);
      chmodSync(directory, 0o770);
      expect(judge()).toEqual(['fail', 'fail']);
      expect(readRoom(join(home, 'not/yet/there')).freeBytes).toBeGreaterThan(0);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
