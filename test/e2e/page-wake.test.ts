// A laptop that sleeps for an hour with the page open: real agent, real collector, real browser.
// Asleep: the collector is stopped, connections are cut, and all clocks have moved on.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLAUDE_VERSIONS } from '../support/claude-lines.ts';
import { createClaudeWriter, type SessionWriter } from '../support/claude-writer.ts';
import { enrol, startAgent, startCollector, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import { CHROMIUM, openTab, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import { ensureExecutables, killAll, runCommand } from '../support/processes.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { openWireTap, type WireTap } from '../support/wire-tap.ts';
import { until } from '../support/until.ts';

const LIBRARY = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
  .map((libraries) => join(libraries, 'faketime', 'libfaketimeMT.so.1')).find((path) => existsSync(path));
const HOUR_MS = 3_600_000;

describe.skipIf(CHROMIUM === undefined || LIBRARY === undefined)('an hour asleep (skipped without chromium or libfaketime)', () => {
  let folder: string;
  let laptop: MachineHome;
  let devbox: MachineHome;
  let collector: RunningCollector;
  let tap: WireTap;
  let session: SessionWriter;
  let browser: Browser;
  let tab: WatchedTab;

  beforeAll(async () => {
    ensureExecutables();
    folder = mkdtempSync(join(tmpdir(), 'tt-wake-'));
    const clock = join(folder, 'clock');
    writeFileSync(clock, '+0');
    const faked = {
      LD_PRELOAD: LIBRARY ?? '', FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1',
    };
    [laptop, devbox] = [createMachineHome('laptop', faked), createMachineHome('devbox', faked)];
    collector = await startCollector(laptop);
    tap = await openWireTap(collector.ingestPort);
    await collector.stop();
    laptop.environment['TT_INGEST_URLS'] = tap.url;
    collector = await startCollector(laptop);
    await enrol(laptop, devbox, 'devbox', tap.url);
    session = createClaudeWriter({ projects: devbox.projects, random: seededRandom(1) }).session({ version: CLAUDE_VERSIONS[0], cwd: '/home/me/api' });
    await startAgent(devbox);
    browser = await chromium.launch({ executablePath: CHROMIUM! });
    const { stdout } = await runCommand(laptop, 'tt', ['open', '--print']);
    tab = await openTab(browser, stdout.trim());
    await tab.clock.install({ time: Date.now() });
    await tab.reload();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await tap?.close();
    await killAll();
    for (const home of [laptop, devbox]) home?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const verdict = (): Promise<string> => tab.locator('h1').innerText();

  it('the page says what it does not know, and is right again by itself', { timeout: 120_000 }, async () => {
    session.burst(10);
    const stored = (): Promise<number> => tab.evaluate(async () => ((await (await fetch('/api/v1/events?machine=devbox&limit=1000')).json()) as { events: unknown[] }).events.length);
    const isRight = async (least: number): Promise<boolean> => {
      const [count, sentence] = [await stored(), await verdict()];
      if (count > least && /^1 machine, live\..* Complete to/.test(sentence)) return true;
      throw new Error(`${count} events; ${sentence}`);
    };
    await until('what was written to be on the page', () => isRight(0), { timeoutMs: 30_000 });
    const before = await stored();
    // Every sentence that was to be read, in order.
    await tab.evaluate(() => {
      const told: string[] = [];
      Object.assign(window, { told });
      const heading = document.querySelector('h1')!;
      new MutationObserver(() => told.push(heading.textContent ?? '')).observe(heading, { subtree: true, childList: true, characterData: true });
    });

    collector.signal('SIGSTOP');
    tap.cut();
    // The remote goes on working while the laptop sleeps.
    session.burst(20);
    writeFileSync(join(folder, 'clock'), '+3600');
    await tab.clock.fastForward(HOUR_MS);
    await until('the page to say that it hears nothing', async () => /^The collector is away\. Trying again\. What is shown is as of \d/.test(await verdict()), { timeoutMs: 20_000 });
    expect(await tab.locator('main').getAttribute('class')).toBe('stale');
    await shoot(tab, 'asleep');
    expect(await seriousFindings(tab)).toEqual([]);
    const sleepMs = await tab.evaluate(() => Date.now());

    collector.signal('SIGCONT');
    await until('the page to be right again', () => isRight(before), { timeoutMs: 60_000 });
    expect(await tab.locator('main').getAttribute('class')).toBe('');
    const told = await tab.evaluate(() => (window as unknown as { told: string[] }).told);
    const awake = told.slice(told.findIndex((sentence) => sentence.startsWith('The collector is away')));
    // Between the two: the machine is not there, or not up to date, and that is what it says.
    expect(awake.some((sentence) => /^devbox (missing since|catching up)/.test(sentence))).toBe(true);
    expect(sleepMs).toBeGreaterThan(Date.now() + HOUR_MS / 2);
    expect(tab.problems.filter((problem) => !/Failed to load resource|ERR_/.test(problem))).toEqual([]);
  });
});
