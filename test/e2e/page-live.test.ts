// The road from a harness's registry on a machine to the screen: real agent, real collector, real browser.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProcesses } from '../../agent/processes.ts';
import { enrol, startAgent, startCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { CHROMIUM, openTab, type WatchedTab } from '../support/page-browser.ts';
import { ensureExecutables, killAll, runCommand } from '../support/processes.ts';

const sample = JSON.parse(readFileSync(fileURLToPath(new URL('../fixtures/registry/1-idle.json', import.meta.url)), 'utf8')) as Record<string, unknown>;
const SESSION = String(sample['sessionId']);
const processes = createProcesses({ pid: process.pid, probe: (pid) => process.kill(pid, 0) });
/** From the change of the file to the screen. The median: this computer may be busy with something else once. */
const ON_SCREEN_MS = 1000;

describe.skipIf(CHROMIUM === undefined)('a session on the screen (skipped where there is no chromium)', () => {
  let laptop: MachineHome;
  let devbox: MachineHome;
  let cli: ChildProcess;
  let browser: Browser;
  let tab: WatchedTab;

  beforeAll(async () => {
    ensureExecutables();
    laptop = createMachineHome('laptop');
    devbox = createMachineHome('devbox');
    cli = spawn('sleep', ['600'], { stdio: 'ignore' });
    await once(cli, 'spawn');
    browser = await chromium.launch({ executablePath: CHROMIUM! });
    await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox');
    writeStatus('idle');
    await startAgent(devbox);
    const { stdout } = await runCommand(laptop, 'tt', ['open', '--print']);
    tab = await openTab(browser, stdout.trim());
    await tab.getByRole('row', { name: 'devbox' }).filter({ hasText: 'live' }).filter({ hasText: 'none' }).waitFor();
    await tab.getByText('Nobody waits for you.').waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    cli?.kill('SIGKILL');
    await killAll();
    laptop.remove();
    devbox.remove();
  });

  /** As Claude Code does: written beside it, then renamed. */
  function writeStatus(status: string, waitingFor?: string): void {
    const directory = join(devbox.projects, '..', 'sessions');
    mkdirSync(directory, { recursive: true });
    const pid = cli.pid ?? 0;
    const file = join(directory, `${pid}.json`);
    const content = { ...sample, pid, procStart: processes.startOf(pid), pidDomain: processes.pidDomain, status, statusUpdatedAt: Date.now(), waitingFor };
    writeFileSync(`${file}.tmp`, JSON.stringify(content));
    renameSync(`${file}.tmp`, file);
  }

  const rowOf = (section: string) => tab.locator(`#${section} [data-row]`).filter({ hasText: SESSION.slice(0, 8) });

  /** How long it took until the page showed it. */
  async function shownAfter(change: () => void, shown: () => Promise<void>): Promise<number> {
    const started = performance.now();
    change();
    await shown();
    return performance.now() - started;
  }

  it('goes from working to a permission, on, and to its end, each within a second', async () => {
    const took = [
      await shownAfter(() => writeStatus('busy'), () => rowOf('sessions').waitFor()),
      await shownAfter(() => writeStatus('waiting', 'permission prompt'), () => rowOf('needs-you').filter({ hasText: 'permission' }).waitFor()),
    ];
    expect(await tab.title()).toMatch(/^\(1\) tt/);
    await rowOf('sessions').waitFor({ state: 'detached' });
    took.push(await shownAfter(() => writeStatus('busy'), () => rowOf('sessions').waitFor()));
    await rowOf('needs-you').waitFor({ state: 'detached' });
    expect(await tab.title()).toMatch(/^tt/);
    took.push(await shownAfter(() => writeStatus('idle'), () => rowOf('sessions').waitFor({ state: 'detached' })));
    process.stderr.write(`on screen after ${took.map((ms) => `${Math.round(ms)} ms`).join(', ')}\n`);
    expect(took.toSorted((a, b) => a - b)[2]).toBeLessThan(ON_SCREEN_MS);
    expect(tab.problems).toEqual([]);
  });
});
