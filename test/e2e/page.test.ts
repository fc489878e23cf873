// The page in a real browser, over the real app and a real database. Set SCREENSHOTS to a
// directory to see what was looked at.
import type { Page as Tab } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Page } from '../../collector/collector.ts';
import { CHROMIUM, openTab as openTabAt, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import { createPageFixture, type PageFixture } from '../support/page-fixture.ts';
import { useBuiltPage, type TabOptions } from '../support/page-stage.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;

let fixture: PageFixture;
let page: Page;

describe.skipIf(CHROMIUM === undefined)('the page in a browser (skipped where there is no chromium)', () => {
  const built = useBuiltPage();
  beforeEach(async () => {
    fixture = await createPageFixture();
  });
  afterEach(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  /** One machine in every state. */
  async function openFleet(): Promise<void> {
    const { registry, links } = fixture;
    const [laptop, devbox, gpu] = [await fixture.enrol('laptop'), await fixture.enrol('devbox'), await fixture.enrol('gpu-box')];
    const [old, lost] = [await fixture.enrol('old-server'), await fixture.enrol('lost-phone')];
    await fixture.enrol('not-yet');
    await fixture.store(laptop, 40, 2000);
    await fixture.store(devbox, 30, 90 * MINUTE);
    await fixture.store(gpu, 20, 5 * MINUTE);
    await fixture.store(old, 5, 48 * 60 * MINUTE);
    page = await fixture.open(built.assets);
    fixture.connect(laptop);
    fixture.connect(devbox);
    links.disconnected(devbox, { code: 'closed', message: 'gone' });
    fixture.connect(gpu, { backlog_bytes: 7_340_032, backlog_events: 12_345, oldest_unacked_at: Date.now() - 3 * MINUTE }, 3500);
    registry.retire('old-server', Date.now());
    registry.revoke('lost-phone', Date.now());
    fixture.connect(lost);
    links.disconnected(lost, null);
  }

  const openTab = (options: TabOptions = {}): Promise<WatchedTab> => openTabAt(built.browser, page.signInLink().url, options);

  const machineRows = (tab: WatchedTab) => tab.getByRole('table', { name: 'Machines' }).getByRole('row');

  const see = (tab: Tab, state: 'visible' | 'hidden'): Promise<void> => tab.evaluate((visibilityState) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  /** After it was hidden for so long. */
  const rests = async (tab: Tab): Promise<void> => {
    await tab.clock.fastForward(30_000);
    await tab.locator('main.stale').waitFor();
  };

  it('is small', () => {
    expect(Object.keys(built.sizes).toSorted()).toEqual(['app.css', 'app.js']);
    expect(Object.values(built.sizes).reduce((sum, size) => sum + size, 0)).toBeLessThan(60_000);
  });

  it.each(['light', 'dark'] as const)('shows every machine in words, in %s', async (colorScheme) => {
    await openFleet();
    const tab = await openTab({ colorScheme, viewport: { width: 1200, height: 640 } });
    await machineRows(tab).filter({ hasText: 'laptop' }).waitFor();
    await tab.getByText('Nobody waits for you.').waitFor();
    await tab.getByText('No session is at work.').waitFor();
    await tab.locator('#time .today').waitFor();
    const rowOf = async (label: string) => (await machineRows(tab).filter({ hasText: label }).getByRole('cell').allInnerTexts()).map((text) => text.trim());
    expect((await rowOf('laptop'))[0]).toBe('● live');
    expect(await rowOf('devbox')).toMatchObject(['○ away', 'none', '1 h ago', expect.stringMatching(/^\d/), '–', '–', '30', '0', '0', '0.1.0']);
    expect(await rowOf('gpu-box')).toMatchObject(['◐ catching up · clock 3 s ahead', 'none', '5 min ago', expect.any(String), '3 min', '7.0 MB, about 12,345 events', '20', '0', '0', '0.1.0']);
    expect((await rowOf('not-yet')).slice(0, 6)).toEqual(['◌ never seen', 'none', '–', '–', '–', '–']);
    expect((await rowOf('old-server'))[0]).toBe('– retired');
    expect((await rowOf('lost-phone'))[0]).toBe('✕ revoked');
    const verdict = await tab.locator('h1').innerText();
    expect(verdict).toMatch(/^devbox missing since [\d: -]+; gpu-box catching up; not-yet never seen\. Otherwise complete to [\d: -]+\.$/);
    expect(await tab.title()).toMatch(/^tt · devbox missing since .*; not-yet never seen\.$/);
    await shoot(tab, colorScheme);
    expect(await seriousFindings(tab)).toEqual([]);
    expect(tab.problems).toEqual([]);
  });

  it('changes by itself, keeps the focus, and speaks only the verdict', async () => {
    await openFleet();
    const tab = await openTab();
    const region = tab.getByRole('group', { name: 'Machines' });
    await region.focus();
    const isFocused = (): Promise<boolean> => region.evaluate((element) => element === document.activeElement);
    expect(await isFocused()).toBe(true);
    expect(await region.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe('solid');
    fixture.connect(fixture.registry.byLabel('not-yet')!.machineId);
    await tab.getByRole('row', { name: 'not-yet' }).getByText('live').waitFor();
    expect(await isFocused()).toBe(true);
    expect(await tab.locator('[aria-live], [role=status], [role=alert]').count()).toBe(1);
    expect(await tab.locator('[role=status]').innerText()).toMatch(/^devbox missing since .*; gpu-box catching up\./);
  });

  it('keeps what it knew when the collector goes, says so, and comes back', async () => {
    await openFleet();
    const tab = await openTab();
    await tab.getByRole('row', { name: 'laptop' }).waitFor();
    const { port } = page;
    await page.close();
    await tab.getByText('The collector is away.').waitFor();
    expect(await tab.locator('h1').innerText()).toMatch(/^The collector is away\. Trying again\. What is shown is as of \d\d:\d\d:\d\d\.$/);
    expect(await machineRows(tab).count()).toBe(7);
    expect(await tab.locator('main').getAttribute('class')).toBe('stale');
    await shoot(tab, 'away');
    expect(await seriousFindings(tab)).toEqual([]);
    page = await fixture.open(built.assets, port);
    await until('the page to come back', async () => (await tab.locator('main').getAttribute('class')) === '');
    expect(await tab.locator('h1').innerText()).toMatch(/^devbox missing since /);
  });

  it('in seven tabs of one browser loads and is live: those that nobody sees rest, but for one that tells who waits', async () => {
    page = await fixture.open(built.assets);
    fixture.connect(await fixture.enrol('laptop'));
    const first = await openTab();
    const tabs: Tab[] = [first];
    while (tabs.length < 7) {
      // A browser without windows shows all of its tabs.
      await see(tabs.at(-1)!, 'hidden');
      const next = await first.context().newPage();
      await next.clock.install();
      await next.goto(`http://127.0.0.1:${page.port}/`);
      await next.getByText('1 machine, live').waitFor();
      tabs.push(next);
      if (tabs.length > 2) await rests(tabs.at(-2)!);
    }
    const links = (): Promise<(string | null)[]> => Promise.all(tabs.map((tab) => tab.locator('main').getAttribute('class')));
    // Clocks that jump while this computer is busy make a tab look again.
    await until('the first and the last to be live', async () => (await links()).join() === ',stale,stale,stale,stale,stale,');
    expect(await first.locator('h1').innerText()).toContain('1 machine, live');
    // The one that is told goes: another takes its place.
    await first.close();
    tabs.shift();
    await until('another hidden tab to be live', async () => (await links()).join() === ',stale,stale,stale,stale,');
    await see(tabs[3]!, 'visible');
    await until('the tab that is seen again to be live', async () => (await links()).join() === ',stale,stale,,stale,');
  });

  it('a tab that rested and is looked at again does not say that the collector is away', async () => {
    page = await fixture.open(built.assets);
    fixture.connect(await fixture.enrol('laptop'));
    const first = await openTab();
    await see(first, 'hidden');
    const tab = await first.context().newPage();
    await tab.clock.install();
    await tab.goto(`http://127.0.0.1:${page.port}/`);
    await tab.getByText('1 machine, live').waitFor();
    await see(tab, 'hidden');
    await rests(tab);
    // Shortly before it would have looked by itself.
    await tab.clock.fastForward(50_000);
    let answer: () => void = () => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    await tab.route('**/api/v1/live*', async (route) => {
      await held;
      await route.continue();
    });
    await see(tab, 'visible');
    await tab.clock.fastForward(2000);
    expect(await tab.locator('h1').innerText()).not.toContain('away');
    answer();
    await until('it to be live', async () => (await tab.locator('main').getAttribute('class')) === '');
  });

  it('fits a phone, as a table still', async () => {
    await openFleet();
    const tab = await openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await tab.getByRole('row', { name: 'gpu-box' }).waitFor();
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(await machineRows(tab).count()).toBe(7);
    await shoot(tab, 'phone');
    expect(await seriousFindings(tab)).toEqual([]);
  });

  it('with no machine shows how to add one, and the row when it is there', async () => {
    page = await fixture.open(built.assets);
    const tab = await openTab({ permissions: ['clipboard-read', 'clipboard-write'] });
    await tab.getByRole('textbox', { name: 'Its name' }).focus();
    await tab.keyboard.type('first');
    await tab.keyboard.press('Enter');
    await tab.getByText('tt deploy first').waitFor();
    await tab.getByRole('button', { name: 'Show the command' }).or(tab.getByRole('button', { name: 'A fresh code' })).focus();
    await tab.keyboard.press('c');
    await tab.getByRole('button', { name: 'Copied the command that does everything' }).waitFor();
    expect(await tab.evaluate(() => navigator.clipboard.readText())).toBe('tt deploy first');
    await shoot(tab, 'empty');
    expect(await seriousFindings(tab)).toEqual([]);
    await fixture.enrol('first');
    await tab.getByRole('row', { name: 'first' }).waitFor();
  });

  it('of a browser without the cookie is a sentence', async () => {
    page = await fixture.open(built.assets);
    const tab = await (await built.browser.newContext()).newPage();
    await tab.goto(`http://127.0.0.1:${page.port}/`);
    expect(await tab.locator('main').innerText()).toContain('run tt open');
    expect(await seriousFindings(tab)).toEqual([]);
    await shoot(tab, 'signed-out');
  });
});
