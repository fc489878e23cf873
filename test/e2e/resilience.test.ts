// What laptops, networks and servers do, once each: everything comes back by itself, and the facts agree.
// How long that takes is measured by `npm run resilience`.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BREAKS, runRound } from '../resilience/breaks.ts';
import { openStage, type Stage } from '../resilience/stage.ts';
import { ensureExecutables, killAll } from '../support/processes.ts';
import { freshSeed, seededRandom } from '../support/seeded-random.ts';
import { noTwoHosts } from '../support/two-hosts.ts';
import { findPlatform, ProgramTime } from '../torture/platform.ts';

const seed = freshSeed();
const { clockLibrary } = findPlatform();
/** A short cut is survived by the tunnel's ssh, a long one is not. */
const LASTS_MS: Readonly<Record<string, number>> = { 'link down': 1500, blackhole: 6500, 'an hour away': 1500 };

describe.skipIf(noTwoHosts !== undefined)(`a machine behind a tunnel (SEED=${seed}; ${noTwoHosts ?? 'in namespaces'})`, () => {
  let stage: Stage;
  let directory: string;
  let time: ProgramTime | undefined;
  beforeAll(async () => {
    ensureExecutables();
    directory = mkdtempSync(join(tmpdir(), 'tt-clock-'));
    chmodSync(directory, 0o755); // another account's programs read it
    time = clockLibrary === undefined ? undefined : new ProgramTime(clockLibrary, directory);
    stage = await openStage({ random: seededRandom(seed), time });
  }, 180_000);
  afterAll(async () => {
    try {
      await stage[Symbol.asyncDispose]();
    } finally {
      await killAll();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  for (const one of BREAKS) {
    it.skipIf(one.needsTime && clockLibrary === undefined)(`comes back after: ${one.what}`, async () => {
      await expect(runRound(stage, one, { lastedMs: LASTS_MS[one.what] ?? one.lasts[0], time })).resolves.toBeGreaterThan(0);
    }, 120_000);
  }
});
