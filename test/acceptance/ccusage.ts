// The oracle for token totals: the `session` view of ccusage over a copy of the logs.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { addUpBy, type Totals } from '../support/usage-model.ts';

const tokens = z.number().int();
const report = z.object({
  session: z.array(z.object({
    agent: z.string(), period: z.string(), inputTokens: tokens, outputTokens: tokens, cacheCreationTokens: tokens, cacheReadTokens: tokens,
  })),
});

/** Tokens per session of the folder, summed up by group. */
export function ccusageTokens(folder: string, groupOf: (sessionId: string) => string): Map<string, Totals> {
  const home = mkdtempSync(join(tmpdir(), 'tt-acceptance-'));
  try {
    cpSync(join(folder, 'projects'), join(home, 'projects'), { recursive: true });
    const program = join(dirname(createRequire(import.meta.url).resolve('ccusage/package.json')), 'src/cli.js');
    const printed = execFileSync(process.execPath, [program, 'session', '--json', '--offline', '--timezone', 'UTC'], {
      env: { PATH: process.env['PATH'], HOME: home, CLAUDE_CONFIG_DIR: home }, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const rows = report.parse(JSON.parse(printed)).session.filter(({ agent }) => agent === 'claude').map((row) => ({
      group: groupOf(row.period), input: row.inputTokens, output: row.outputTokens, cacheCreation: row.cacheCreationTokens, cacheRead: row.cacheReadTokens,
    }));
    return addUpBy(rows, ({ group }) => group);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
