import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBackgroundKeeper } from '../../shared/service/background.ts';
import { programRunner } from '../../shared/service/keeper.ts';
import type { RunProgram, ServiceKeeper, ServiceSpec } from '../../shared/service/service.ts';
import { until } from '../support/until.ts';

let directory: string;
let crontab: string | undefined;
let keeper: ServiceKeeper | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-'));
  crontab = undefined;
});
afterEach(async () => {
  await keeper?.uninstall();
  keeper = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** Real programs, but no real crontab: that belongs to whoever runs the test. */
const run: RunProgram = async (command, args, stdin) => {
  if (command !== 'crontab') return programRunner(process.env)(command, args, stdin);
  if (args[0] === '-l') return crontab === undefined ? { code: 1, stdout: '', stderr: 'no crontab for me\n' } : { code: 0, stdout: crontab, stderr: '' };
  crontab = args[0] === '-r' ? undefined : stdin;
  return { code: 0, stdout: '', stderr: '' };
};

/** A program that notes each start, with its process ID and a variable, and ends as it is told. */
function open(body: string, name: ServiceSpec['name'] = 'tt-agent'): ServiceKeeper {
  const script = join(directory, `${name} program.sh`);
  writeFileSync(script, `echo "$$ $MARK $*" >> '${join(directory, 'starts')}'\n${body}\n`);
  keeper = createBackgroundKeeper(
    { name, command: ['/bin/sh', script, 'run'], environment: { MARK: "it's $HOME" }, logFile: join(directory, 'log', 'x.log'), finalStatus: 5 },
    { run, dataDir: join(directory, 'data'), stateDir: join(directory, 'state') },
  );
  return keeper;
}

const starts = (): string[] => (existsSync(join(directory, 'starts')) ? readFileSync(join(directory, 'starts'), 'utf8').trim().split('\n') : []);
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a keeper in the background', () => {
  it('starts the program with its environment, once, and ends it', async () => {
    const kept = open('trap "exit 0" TERM; while :; do sleep 0.05; done');
    await kept.install();
    const [first = ''] = await until('a start', () => starts().length > 0 && starts());
    expect(first).toMatch(/^\d+ it's \$HOME run --log .*x\.log$/);
    // As cron does after a boot.
    await run('/bin/sh', [join(directory, 'data', 'tt-agent.sh')]);
    expect(await kept.state()).toEqual({ installed: true, running: true });
    expect(starts()).toHaveLength(1);
    expect(await kept.uninstall()).toBe(true);
    expect(isAlive(Number(first.split(' ')[0]))).toBe(false);
    expect(await kept.state()).toEqual({ installed: false, running: false });
    expect(await kept.uninstall()).toBe(false);
  });

  it('does not start again what ended with the final status', async () => {
    const kept = open('exit 5');
    await kept.install();
    await until('the end of its keeper', async () => starts().length === 1 && !(await kept.state()).running);
    expect(starts()).toHaveLength(1);
  });

  it('starts again what ended otherwise', async () => {
    const kept = open('[ "$(wc -l < "$(dirname "$0")/starts")" -ge 2 ] && exit 5; exit 1');
    await kept.install();
    await until('a second start', () => starts().length === 2, { timeoutMs: 30_000 });
    expect(new Set(starts()).size).toBe(2);
  }, 40_000);

  it('installs anew over what runs, with one line in the crontab, and leaves the lines of others', async () => {
    crontab = '# mine\n0 3 * * * backup\n';
    const kept = open('trap "exit 0" TERM; while :; do sleep 0.05; done');
    await kept.install();
    await kept.install();
    await until('a second start', () => starts().length === 2);
    expect(crontab).toMatch(/^# mine\n0 3 \* \* \* backup\n@reboot \/bin\/sh '.*tt-agent\.sh' # tt-agent \(tt\)\n$/);
    await kept.uninstall();
    expect(crontab).toBe('# mine\n0 3 * * * backup\n');
  });
});
