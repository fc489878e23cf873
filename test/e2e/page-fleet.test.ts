// Fifty machines on the page, in a real browser, some behind tunnels. Set SCREENSHOTS to a directory
// to see what was looked at.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Page } from '../../collector/collector.ts';
import type { TunnelInfo } from '../../collector/tunnel/tunnel.ts';
import type { MachineId } from '../../shared/ids.ts';
import { CHROMIUM, openTab as openTabAt, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import { noTunnels } from '../support/no-tunnels.ts';
import { createPageFixture, type PageFixture } from '../support/page-fixture.ts';
import { useBuiltPage, type TabOptions } from '../support/page-stage.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;
const MACHINES = 50;

describe.skipIf(CHROMIUM === undefined)('fifty machines on the page (skipped where there is no chromium)', () => {
  const built = useBuiltPage();
  let fixture: PageFixture;
  let page: Page;
  const tunnels = new Map<MachineId, TunnelInfo>();
  const machines: MachineId[] = [];
  let tellTunnels = (): void => {};

  beforeAll(async () => {
    fixture = await createPageFixture({
      tunnels: {
        ...noTunnels, state: (machineId) => tunnels.get(machineId),
        onChange(listener) {
          tellTunnels = listener;
          return () => {};
        },
      },
    });
    for (let i = 1; i <= MACHINES; i++) machines.push(await fixture.enrol(`dev-${String(i).padStart(2, '0')}`));
    await fixture.store(machines[6]!, 40, 1000);
    await fixture.store(machines[7]!, 90, 9000);
    page = await fixture.open(built.assets);
    machines.forEach((machineId, index) => {
      fixture.connect(machineId, index === 30 ? { backlog_bytes: 9_000_000, oldest_unacked_at: Date.now() - 5 * MINUTE } : {});
      const isDown = index === 41;
      tunnels.set(machineId, {
        host: `dev${index + 1}`, mode: 'always', phase: isDown ? 'down' : 'up', sinceMs: Date.now() - MINUTE, warning: null,
        problem: isDown ? { code: 'refused', message: 'dev42 refused the key', hint: 'ssh dev42 must work without a password', isPermanent: false } : null,
      } as TunnelInfo);
    });
    for (const index of [3, 17]) fixture.links.disconnected(machines[index]!, { code: 'closed', message: 'gone' });
  }, 60_000);
  afterAll(async () => {
    await fixture[Symbol.asyncDispose]();
  });

  const openTab = (options: TabOptions = {}): Promise<WatchedTab> => openTabAt(built.browser, page.signInLink().url, options);
  const labels = async (tab: WatchedTab): Promise<string[]> => (await tab.locator('#machines [data-row] th').allInnerTexts()).map((text) => text.trim());

  it('those that need a person come first and alone; all of them by a key, sorted as one likes, filtered', async () => {
    const tab = await openTab({ viewport: { width: 1366, height: 768 } });
    await tab.locator('#machines [data-row]').first().waitFor();
    const first = await labels(tab);
    expect([first.slice(0, 4), first.length]).toEqual([['dev-04', 'dev-18', 'dev-31', 'dev-42'], 12]);
    expect(await tab.locator('#machines-title').innerText()).toBe('Machines 50: 47 live, 2 away, 1 catching up');
    expect(await tab.locator('h1').innerText()).toMatch(/^dev-04 missing since [\d: -]+; dev-18 missing since [\d: -]+; dev-31 catching up\. Otherwise complete to/);
    await shoot(tab, 'fifty');
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme });
      expect(await seriousFindings(tab)).toEqual([]);
    }
    await tab.keyboard.press('o');
    await until('all of them', async () => (await labels(tab)).length === MACHINES);
    // By today's events: most first, then fewest.
    const today = tab.locator('#machines').getByRole('button', { name: 'Today' });
    await today.focus();
    await tab.keyboard.press('Enter');
    await until('most first', async () => (await labels(tab)).slice(0, 2).join() === 'dev-08,dev-07');
    expect(await tab.locator('#machines th[aria-sort=descending]').innerText()).toMatch(/^Today/);
    await tab.keyboard.press('Enter');
    await until('fewest first', async () => (await labels(tab)).at(-1) === 'dev-08');
    expect(await today.evaluate((element) => element === document.activeElement)).toBe(true);
    await tab.keyboard.press('/');
    await tab.keyboard.type('dev-4');
    await until('those that match', async () => (await labels(tab)).toSorted().join() === Array.from({ length: 10 }, (_, i) => `dev-4${i}`).join());
    await tab.keyboard.press('Escape');
    await until('all of them', async () => (await labels(tab)).length === MACHINES);
    await tab.keyboard.press('o');
    await until('few of them', async () => (await labels(tab)).length === 12);
    expect(tab.problems).toEqual([]);
  });

  it('the tunnel of each has its word, its problem the next step, and changes by itself', async () => {
    const tab = await openTab();
    const row = tab.locator('#machines [data-row]').filter({ hasText: 'dev-42' });
    const cell = row.locator('td[data-title="Tunnel"]');
    await cell.filter({ hasText: '○ down' }).waitFor();
    expect(await tab.locator('#machines .problems').innerText()).toContain('tunnel to dev-42: dev42 refused the key; ssh dev42 must work without a password');
    await row.getByRole('link').click();
    await tab.getByRole('heading', { name: 'dev-42', exact: true }).waitFor();
    expect(await tab.locator('dl.facts').innerText()).toMatch(/○ down to dev42, since/);
    const machineId = machines[41]!;
    tunnels.set(machineId, { ...tunnels.get(machineId)!, phase: 'connecting' });
    tellTunnels();
    await tab.locator('dl.facts').getByText('◐ connecting').waitFor();
    tunnels.set(machineId, { ...tunnels.get(machineId)!, phase: 'up', problem: null });
    tellTunnels();
    await tab.locator('dl.facts').getByText('● up').waitFor();
    expect(await tab.locator('.problems').count()).toBe(0);
  });

  it('is drawn with little work however fast they change', async () => {
    const tab = await openTab({ viewport: { width: 1366, height: 768 } });
    await tab.locator('#machines [data-row]').first().waitFor();
    await tab.keyboard.press('o');
    await until('all of them', async () => (await labels(tab)).length === MACHINES);
    await fixture.store(machines[6]!, 1, 0);
    fixture.connect(machines[6]!);
    const work = await tab.evaluate(() => new Promise<number>((resolve) => {
      let changes = 0;
      const ages = new Set<string>();
      const observer = new MutationObserver((records) => {
        changes += records.length;
        // The age of one machine's last event: four of them are three seconds.
        ages.add([...document.querySelectorAll('#machines [data-row]')].find((row) => row.textContent?.startsWith('dev-07'))?.querySelector('td[data-title="Last event"]')?.textContent ?? '');
        if (ages.size < 4) return;
        observer.disconnect();
        resolve(changes);
      });
      observer.observe(document.querySelector('#machines')!, { subtree: true, childList: true, characterData: true, attributes: true });
    }));
    expect(work).toBeLessThan(3 * MACHINES * 4);
  });

  it('fits a phone', async () => {
    const tab = await openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await tab.locator('#machines [data-row]').first().waitFor();
    expect([await tab.evaluate(() => document.documentElement.scrollWidth), (await labels(tab)).length]).toEqual([390, 12]);
    expect(await seriousFindings(tab)).toEqual([]);
  });
});
