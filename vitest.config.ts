import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Whatever is not named here is a unit test, so no file under test/ can be left out of a run.
const systemTests = ['test/e2e/**/*.test.ts', 'test/system/**/*.test.ts'];
/** They put their own clock, randomness and cryptography in place of the process's. */
const simulationTests = ['test/simulation/**/*.test.ts'];
/** They tell milliseconds, frames or memory: alone on the machine. */
const measuringTests = [
  'test/e2e/{page-live,page-wake,registry,resilience,road,scarcity}.test.ts', 'test/system/{hostile,load,silent-peers}.test.ts',
];

/** Left to itself vitest keeps one core free, which is half of two. */
const maxWorkers = Math.max(2, availableParallelism() - 1);
const unit = { testTimeout: 10_000, hookTimeout: 10_000, maxWorkers, sequence: { groupOrder: 0 } };

/** Real processes, sockets, browsers. Only here can a worker thread be started from its .ts file: it costs each file 0.3 s. */
const system = {
  execArgv: ['--import', new URL('deploy/register-typescript.mjs', import.meta.url).href],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'hono/jsx/dom' } },
  test: {
    globals: false,
    pool: 'forks',
    globalSetup: ['test/support/private-home.ts'],
    setupFiles: ['test/support/property-seed.ts'],
    unstubEnvs: true,
    restoreMocks: true,
    projects: [
      {
        // Files share what they import: nothing in it has a state of its own, and loading it anew took longer than the tests.
        extends: true,
        test: { ...unit, name: 'unit', isolate: false, include: ['test/**/*.test.{ts,tsx}'], exclude: [...systemTests, ...simulationTests] },
      },
      {
        extends: true,
        test: { ...unit, name: 'simulation', include: simulationTests },
      },
      {
        // Two files at once: they mostly wait for ssh, timers and each other.
        extends: true,
        test: { ...system, name: 'e2e', include: systemTests, exclude: measuringTests, maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: { ...system, name: 'system', include: measuringTests, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
