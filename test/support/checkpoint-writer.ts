// A program for the power cut: acknowledges offsets of fifty files, and says each time what is
// acknowledged (before it is marked) and what is flushed (after the flush has resolved).
import { writeSync } from 'node:fs';
import { openCheckpointStore } from '../../agent/checkpoint/checkpoint-store.ts';
import type { CheckpointRecord } from '../../agent/checkpoint/record.ts';
import { systemClock } from '../../shared/clock.ts';
import { parseGeneration, type Generation } from '../../shared/ids.ts';

const FILES = 50;
const ROUNDS = 90;
const [, , directory = ''] = process.argv;

function genOf(file: number): Generation {
  const gen = parseGeneration(file.toString(16).padStart(32, '0'));
  if (gen === undefined) throw new Error('no generation');
  return gen;
}

const offsets = new Map<Generation, number>();
const store = openCheckpointStore({
  clock: systemClock, directory,
  generations: () => offsets.keys(),
  recordOf: (gen): CheckpointRecord | undefined => {
    const offset = offsets.get(gen);
    return offset === undefined ? undefined : {
      gen, path: `/home/dev/${gen}.jsonl`, dev: 1, ino: 1, birth_ms: null, offset, tail: '0'.repeat(16), carry: JSON.stringify('c'.repeat(300)),
      prefix_bytes: 0, prefix_hash: '', size: offset, mtime_ms: 0, scanned_to: offset, vanished_at: null, acked_at: null, replace_until: 0, last_timestamp: '',
    };
  },
});
console.log('ready');
for (let round = 1; round <= ROUNDS; round += 1) {
  const touched = Array.from({ length: FILES }, (_, file) => file).filter((file) => round % 10 === 0 || (file + round) % 3 === 0).map(genOf);
  for (const gen of touched) offsets.set(gen, round * 100);
  writeSync(1, `${JSON.stringify({ acknowledged: Object.fromEntries(offsets) })}\n`);
  for (const gen of touched) store.mark(gen);
  if (!(await store.flush())) throw new Error(store.problems.join('; '));
  writeSync(1, `${JSON.stringify({ flushed: Object.fromEntries(offsets) })}\n`);
}
await store.close();
