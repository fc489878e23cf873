// Random lives of files, with cuts anywhere on the wire and collectors that start anew. Whatever was
// archived once is there at the end, and every file that is there is archived as it is.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARCHIVE_CHUNK_BYTES } from '../../../shared/limits.ts';
import { ArchiveStage, MACHINE } from '../../support/archive-stage.ts';
import { freshSeed, seededRandom, type SeededRandom } from '../../support/seeded-random.ts';

const NAMES = ['-p/a.jsonl', '-p/b.jsonl', '-p/a/subagents/agent-1.jsonl', '-p/a/subagents/agent-1.meta.json', '-q/c.jsonl'];
const SEEDS = Number(process.env['MIRROR_SEEDS'] ?? 6);

function contentsOf(directory: string): Map<string, Buffer> {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return new Map(entries.map(({ parentPath, name }) => [join(parentPath, name).slice(directory.length + 1), readFileSync(join(parentPath, name))]));
  } catch {
    return new Map();
  }
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.subarray(0, start.length).equals(start);
}

let counter = 0;
function text(random: SeededRandom): string {
  counter += 1;
  return `${counter} ${'abcdefghij'.repeat(random.pick([1, 30, 200, 14_000]))}\n`;
}

/** One thing that happens to the files of a machine. */
function act(stage: ArchiveStage, random: SeededRandom): void {
  const name = random.pick(NAMES);
  const path = stage.path(name);
  mkdirSync(dirname(path), { recursive: true });
  const there = contentsOf(stage.projects).get(name);
  switch (random.pick(['append', 'append', 'append', 'truncate', 'anew', 'replace', 'delete', 'move'])) {
    case 'append': return appendFileSync(path, text(random));
    case 'truncate': return there === undefined ? undefined : truncateSync(path, random.between(0, there.length));
    case 'anew': return writeFileSync(path, text(random));
    case 'replace': {
      writeFileSync(`${path}.tmp`, text(random).repeat(2));
      return renameSync(`${path}.tmp`, path);
    }
    case 'delete': return rmSync(path, { force: true });
    case 'move': {
      const moved = stage.path(name.replace(/^-./, random.pick(['-p', '-q', '-r'])));
      if (there === undefined || moved === path) return undefined;
      mkdirSync(dirname(moved), { recursive: true });
      return renameSync(path, moved);
    }
  }
}

async function live(seed: number): Promise<void> {
  const random = seededRandom(seed);
  using stage = new ArchiveStage();
  const archive = join(stage.archiveDir, MACHINE, 'projects');
  const once: Buffer[] = [];
  for (let step = 0; step < 40; step += 1) {
    for (let count = random.between(0, 3); count > 0; count -= 1) act(stage, random);
    if (!stage.isConnected) stage.connect();
    if (random.chance(0.4)) stage.cutAfter = random.between(1, 30);
    else if (random.chance(0.1)) await stage.restartCollector();
    if (random.chance(0.5)) stage.mirror.grew(NAMES.map((name) => stage.path(name)));
    for (let round = random.between(1, 60); round > 0; round -= 1) {
      stage.clock.advance(random.pick([0, 1, 100, 1000, 61_000]));
      await new Promise((resolve) => setImmediate(resolve));
      if (random.chance(0.05)) act(stage, random);
    }
    await stage.desk.idle();
    // An archived file that grew has all of what it had.
    once.push(...contentsOf(archive).values());
  }
  if (!stage.isConnected) stage.connect();
  stage.cutAfter = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) await stage.lookAndSettle();

  const end = contentsOf(archive);
  for (const [name, bytes] of contentsOf(stage.projects)) {
    if (NAMES.every((each) => !name.endsWith(each.slice(2)))) continue;
    const archived = end.get(name);
    expect(archived !== undefined && startsWith(archived, bytes), `seed ${seed}: ${name} of ${bytes.length} bytes, archived ${archived?.length}`).toBe(true);
  }
  const all = [...end.values()];
  expect(once.filter((bytes) => !all.some((present) => startsWith(present, bytes))).length, `seed ${seed}: contents that were archived and are gone`).toBe(0);
  expect(stage.report()).toMatchObject({ waiting_files: 0, waiting_bytes: 0 });
}

describe('mirrored files', () => {
  it(`lose nothing in ${SEEDS} random lives`, async () => {
    expect(ARCHIVE_CHUNK_BYTES).toBeLessThan(140_000); // so that some take several chunks
    const first = freshSeed() % 1_000_000;
    for (let seed = first; seed < first + SEEDS; seed += 1) await live(seed);
  }, 120_000);
});
