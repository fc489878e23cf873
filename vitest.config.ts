import { defineConfig } from 'vitest/config';

// Whatever is not named here is a unit test, so no file under test/ can be left out of a run.
const systemTests = ['test/e2e/**/*.test.ts', 'test/system/**/*.test.ts'];

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
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: systemTests,
          testTimeout: 10_000,
          hookTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Real processes, sockets, browsers: one file at a time, after the others, so that what they
        // observe is not the machine being busy with our own tests.
        extends: true,
        test: {
          name: 'system',
          // Only here can a worker thread be started from its .ts file: it costs each file 0.3 s.
          execArgv: ['--import', new URL('deploy/register-typescript.mjs', import.meta.url).href],
          include: systemTests,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
