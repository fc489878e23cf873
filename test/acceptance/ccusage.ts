// The oracle for tokens and cost: ccusage over a copy of the logs.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Spent } from './spent.ts';

const tokens = z.number().int();
const row = z.object({
  period: z.string(), inputTokens: tokens, outputTokens: tokens, cacheCreationTokens: tokens, cacheReadTokens: tokens, totalCost: z.number(),
});
const report = z.object({ session: z.array(row.extend({ agent: z.literal('claude') })).optional(), daily: z.array(row).optional() });

/** By session, of the logs as they are. */
export function ccusageSessions(folder: string): Map<string, Spent> {
  return withCopy(folder, (home) => spentOf(ask(home, 'session').session ?? []));
}

/** By day in UTC. Of the logs without `progress` lines: this view counts the copies of subagents' messages in them. */
export function ccusageDays(folder: string): Map<string, Spent> {
  return withCopy(folder, (home) => {
    for (const entry of readdirSync(home, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && path.endsWith('.jsonl')) writeFileSync(path, withoutProgress(readFileSync(path, 'utf8')));
    }
    return spentOf(ask(home, 'daily').daily ?? []);
  });
}

function withoutProgress(log: string): string {
  return log.split('\n').filter((line) => !/^\{.*"type":"progress"/.test(line) || !isProgress(line)).join('\n');
}

function isProgress(line: string): boolean {
  return z.looseObject({ type: z.string() }).safeParse(JSON.parse(line)).data?.type === 'progress';
}

function withCopy<T>(folder: string, use: (home: string) => T): T {
  const home = mkdtempSync(join(tmpdir(), 'tt-acceptance-'));
  try {
    cpSync(join(folder, 'projects'), join(home, 'projects'), { recursive: true });
    return use(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

function ask(home: string, view: 'session' | 'daily'): z.infer<typeof report> {
  const program = join(dirname(createRequire(import.meta.url).resolve('ccusage/package.json')), 'src/cli.js');
  const printed = execFileSync(process.execPath, [program, view, '--json', '--offline', '--timezone', 'UTC'], {
    env: { PATH: process.env['PATH'], HOME: home, CLAUDE_CONFIG_DIR: home }, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return report.parse(JSON.parse(printed));
}

function spentOf(rows: readonly z.infer<typeof row>[]): Map<string, Spent> {
  return new Map(rows.map((each) => [each.period, {
    input: each.inputTokens, output: each.outputTokens, cacheCreation: each.cacheCreationTokens, cacheRead: each.cacheReadTokens, cost: each.totalCost,
  }]));
}
