// What a hook costs: deploy/hook.sh ÷ /bin/true, median of 200, both started the same way, in turn.
// Target ≤ 2.5. Exits 1 above it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = 200;
const WARM_UP = 10;
const TARGET = 2.5;

const hook = fileURLToPath(new URL('../../deploy/hook.sh', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'tt-hook-bench-'));
const data = join(home, '.local/share/tt');
const environment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home };
const nothing = ['/bin/true', '/usr/bin/true'].find((path) => existsSync(path)) ?? 'true';

function timed(program: string, args: readonly string[]): number {
  const start = performance.now();
  spawnSync(program, args, { env: environment, stdio: 'ignore' });
  return performance.now() - start;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

try {
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, 'machine.json'), '{\n  "machine_id": "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",\n  "label": "bench"\n}');
  const [baseline, measured]: [number[], number[]] = [[], []];
  for (let run = 0; run < RUNS + WARM_UP; run++) {
    const pair = [timed(nothing, []), timed('/bin/sh', [hook, 'pane-focus', '%1', '/home/me/project', 'dev', '1'])] as const;
    if (run < WARM_UP) continue;
    baseline.push(pair[0]);
    measured.push(pair[1]);
  }
  const lines = readFileSync(join(data, 'events.jsonl'), 'utf8').split('\n').length - 1;
  const ratio = median(measured) / median(baseline);
  process.stdout.write(
    `hook ${median(measured).toFixed(2)} ms ÷ true ${median(baseline).toFixed(2)} ms = ${ratio.toFixed(2)} (target ≤ ${TARGET}), ${lines} lines written\n`,
  );
  if (ratio > TARGET || lines !== RUNS + WARM_UP) process.exitCode = 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
