import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keepSearchIndex } from '../../../collector/search/upkeep.ts';
import { tryLock } from '../../../collector/store/database.ts';
import { openSearchReader } from '../../../collector/store/search-index.ts';

const LINE = `${JSON.stringify({ type: 'user', uuid: 'u', timestamp: '2026-02-01T00:00:00.000Z', message: { content: 'hello '.repeat(50_000) } })}\n`;

it('indexes in slices, rests three times as long as each took, holds the lock, and lets go when it is stopped', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tt-upkeep-'));
  const paths = { archiveDir: join(directory, 'archive'), searchDatabase: join(directory, 'search.sqlite'), searchLockFile: join(directory, 'search.lock') };
  const project = join(paths.archiveDir, 'm/projects/-p');
  const [stop, slept, failures]: [AbortController, number[], string[]] = [new AbortController(), [], []];
  let [nowMs, isHeld] = [0, false];
  const clock = {
    monotonic: () => (nowMs += 10),
    sleep: async (ms: number) => {
      slept.push(ms);
      // First nothing is archived, then four slices are, then nothing is new.
      if (slept.length === 1) {
        mkdirSync(project, { recursive: true });
        writeFileSync(join(project, 's.jsonl'), LINE.repeat(10));
      }
      if (slept.length === 2) isHeld = tryLock(paths.searchLockFile) === undefined;
      if (slept.length === 6) stop.abort();
    },
  };
  await keepSearchIndex({ paths, clock, stop: stop.signal, onFailure: (message) => failures.push(message) });
  expect(slept.slice(0, 5)).toEqual([15_000, 30, 30, 30, 30]);
  expect([failures, isHeld]).toEqual([[], true]);
  tryLock(paths.searchLockFile)?.release();
  using index = openSearchReader(paths.searchDatabase);
  expect(index.extent()).toEqual({ files: 1, bytes: Buffer.byteLength(LINE) * 10 });
});

it('says what keeps it from its work, and tries again later', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tt-upkeep-'));
  const paths = { archiveDir: join(directory, 'archive'), searchDatabase: join(directory, 'file/search.sqlite'), searchLockFile: join(directory, 'search.lock') };
  mkdirSync(join(paths.archiveDir, 'm/projects'), { recursive: true });
  writeFileSync(join(directory, 'file'), '');
  const [stop, slept, failures]: [AbortController, number[], string[]] = [new AbortController(), [], []];
  const clock = { monotonic: () => 0, sleep: async (ms: number) => {
    slept.push(ms);
    stop.abort();
  } };
  await keepSearchIndex({ paths, clock, stop: stop.signal, onFailure: (message) => failures.push(message) });
  expect(failures).toHaveLength(1);
  expect(slept[0]).toBe(300_000);
});
