// The day, what comes in, recent events and the database on the page, in a real browser.
// Set SCREENSHOTS to a directory to see what was looked at.
import { beforeEach, describe, expect, it } from 'vitest';
import type { MachineId } from '../../shared/ids.ts';
import { CHROMIUM, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import type { PageFixture } from '../support/page-fixture.ts';
import { playSession } from '../support/page-sessions.ts';
import { usePageStage } from '../support/page-stage.ts';
import { until } from '../support/until.ts';

const HOSTILE = '<img src=x onerror="document.title=1">\u202E';
const HOUR = 3_600_000;
const UUID = '6f1c2a90-0000-4000-8000-00000000000';

describe.skipIf(CHROMIUM === undefined)('the day on the page (skipped where there is no chromium)', () => {
  const stage = usePageStage({ viewport: { width: 1280, height: 900 } });
  let fixture: PageFixture;
  let devbox: MachineId;
  let laptop: MachineId;
  /** Since midnight: a test in the first minutes of a day has a short one. */
  let today: number;

  beforeEach(async () => {
    ({ fixture, devbox, laptop } = stage);
    today = Date.now() - new Date().setHours(0, 0, 0, 0);
  });

  /** So long ago as a share of the day so far: a fiftieth of a whole day is less than the half hour that ends a turn. */
  const ago = (share: number): number => Math.floor(today * share);

  /** Two machines, of which one is behind; work early and late, a wait, attention that goes to and fro. */
  async function openDay(): Promise<void> {
    const play = (digit: number, machineId: MachineId, title: string, cwd = '/home/me/src/api') => playSession({ machineId, id: `${UUID}${digit}`, title, cwd }, digit, Date.now());
    const early = play(1, devbox, 'Fix the flaky upload test');
    await fixture.commit(devbox, early.titled([
      early.prompt(ago(0.9), 'Why?'), early.said(ago(0.89), 'So.'), early.said(ago(0.88), 'And so.'), early.status(ago(0.88), 'waiting', 'permission prompt'),
      early.status(ago(0.87), 'busy'), early.said(ago(0.86), 'Done.'), early.ended(ago(0.86)), early.status(ago(0.86), 'idle'),
    ]));
    const late = play(2, laptop, HOSTILE, '/home/me/src/web');
    await fixture.commit(laptop, late.titled([late.prompt(ago(0.2), 'Now.'), late.said(ago(0.19), 'I do.'), late.uses(ago(0.18), 'Edit'), late.status(ago(0.2), 'busy')]));
    const beside = play(3, laptop, 'Upgrade the linter', '/home/me/src/web');
    await fixture.commit(laptop, beside.titled([beside.prompt(ago(0.195), 'Upgrade.'), beside.uses(ago(0.183), 'Read'), beside.said(ago(0.17), 'Two rules are new.'), beside.ended(ago(0.17)), beside.status(ago(0.17), 'idle')]));
    await stage.open();
    fixture.connect(devbox, { backlog_bytes: 1000, oldest_unacked_at: Date.now() - ago(0.4), drained_at: Date.now() - ago(0.4) });
    fixture.connect(laptop);
  }

  const day = (tab: WatchedTab) => tab.locator('#today');
  const tableRows = async (tab: WatchedTab): Promise<string[]> => {
    const rows = day(tab).getByRole('table', { name: 'The day in rows' }).getByRole('row');
    await rows.nth(1).waitFor();
    return (await rows.allInnerTexts()).slice(1).map((text) => text.replace(/\s+/g, ' '));
  };

  it.each(['light', 'dark'] as const)('is a picture with a lane for each session, hatched where something is missing, in %s', async (colorScheme) => {
    await openDay();
    const tab = await stage.openTab({ colorScheme });
    const svg = day(tab).locator('svg.timeline');
    await svg.waitFor();
    expect(await day(tab).locator('.lane-names p').allInnerTexts()).toEqual(['You', 'devbox', 'Fix the flaky upload test', 'laptop', '<img src=x onerror="document.title=1">', 'Upgrade the linter']);
    expect([await svg.locator('.delegated').count(), await svg.locator('.waiting').count(), await svg.locator('.missing').count()]).toEqual([4, 1, 1]);
    expect(await svg.locator('.missing title').textContent()).toMatch(/not captured, it has not told yet/);
    expect(await svg.locator('.idle').count()).toBeGreaterThan(0);
    await tab.locator('#flow table').waitFor();
    await tab.locator('#store dl').waitFor();
    await tab.locator('#events table').waitFor();
    await shoot(tab, `day-${colorScheme}`);
    expect(await seriousFindings(tab)).toEqual([]);
    expect(await tab.locator('img, main script').count()).toBe(0);
    expect(tab.problems).toEqual([]);
  });

  it('says the same in rows, and adds up to what the numbers say', async () => {
    await openDay();
    const tab = await stage.openTab();
    await day(tab).locator('svg.timeline').waitFor();
    await tab.keyboard.press('v');
    const rows = await tableRows(tab);
    expect(rows.filter((row) => row.includes('at work'))).toHaveLength(4);
    expect(rows.filter((row) => row.includes('waited for you'))).toHaveLength(1);
    expect(rows.filter((row) => row.includes('not captured: it has not told yet'))).toHaveLength(1);
    expect(rows.filter((row) => row.includes('had your attention')).length).toBeGreaterThanOrEqual(3);
    // Each is asked for by itself, so between two minutes one may be ahead of the other.
    await until('the numbers and the day to say the same', async () => {
      const numbers = (await tab.locator('#time .today').getByRole('cell').allInnerTexts()).map((text) => text.replace(/\s*[●◐].*/s, ''));
      return (await day(tab).locator('h2 .quiet').innerText()).trim() === `${numbers[0]} direct, ${numbers[1]} delegated, ${numbers[3]?.replace('≥ ', '')} waited for you`;
    });
    await shoot(tab, 'day-table');
    expect(await seriousFindings(tab)).toEqual([]);
  });

  it('of yesterday shows what arrives late', async () => {
    await stage.open();
    fixture.connect(devbox);
    const tab = await stage.openTab();
    await tab.clock.install();
    await tab.goto(stage.address('/'));
    const nothing = day(tab).getByText(/^Nothing (happened on|is known of) this day/);
    await nothing.waitFor();
    await tab.keyboard.press('[');
    await until('yesterday', async () => !(await day(tab).locator('h2').innerText()).startsWith('Today'));
    await nothing.waitFor();
    const late = playSession({ machineId: devbox, id: `${UUID}4`, title: 'Late', cwd: '/home/me/src/api' }, 4, Date.now() - today - HOUR);
    await fixture.commit(devbox, late.titled([late.prompt(HOUR, 'Why?'), late.said(HOUR - 60_000, 'So.'), late.ended(HOUR - 120_000)]));
    await tab.clock.fastForward(10_000);
    await day(tab).locator('.lane-names').getByText('Late').waitFor();
    expect(await day(tab).locator('.delegated').count()).toBeGreaterThan(0);
  });

  it('is walked through by keys: closer, idle time, another day and back, and to a session', async () => {
    await openDay();
    const tab = await stage.openTab();
    const svg = day(tab).locator('svg.timeline');
    await svg.waitFor();
    const width = async (): Promise<number> => Number(await svg.getAttribute('width'));
    const before = await width();
    await tab.keyboard.press('+');
    await until('the day to be twice as wide', async () => (await width()) === 2 * before);
    await tab.keyboard.press('0');
    await until('the day to be whole', async () => (await width()) === before);
    await tab.keyboard.press('f');
    await svg.locator('.idle').first().waitFor({ state: 'detached' });
    await tab.keyboard.press('[');
    await day(tab).getByText('Nothing happened on this day.').or(day(tab).getByText('Nothing is known of this day')).waitFor();
    expect(await day(tab).locator('h2').innerText()).not.toMatch(/^Today/);
    await tab.keyboard.press(']');
    await svg.waitFor();
    expect(await day(tab).getByRole('button', { name: 'Day after' }).isDisabled()).toBe(true);
    await tab.keyboard.press('g');
    await tab.keyboard.press('d');
    await until('the first lane to have the focus', () => tab.evaluate(() => document.activeElement?.textContent === 'Fix the flaky upload test'));
    await tab.keyboard.press('Enter');
    await tab.getByRole('heading', { name: 'Fix the flaky upload test' }).waitFor();
    await tab.goBack();
    await svg.locator(`a[href*="${UUID}3"] .delegated`).first().click();
    await tab.getByRole('heading', { name: 'Upgrade the linter' }).waitFor();
    expect(tab.problems).toEqual([]);
  });

  it('recent events come by themselves, stand still under the pointer and by a key, and go on', async () => {
    await openDay();
    const tab = await stage.openTab();
    const rows = tab.locator('#events tbody tr');
    await rows.first().waitFor();
    let said = 0;
    const arrive = async (): Promise<void> => {
      const more = playSession({ machineId: laptop, id: `${UUID}4`, title: 'More', cwd: '/x' }, 40 + said, Date.now());
      await fixture.commit(laptop, more.tell([more.prompt(1000, `word ${++said}`)]));
    };
    await arrive();
    await rows.first().getByText('word 1').waitFor();
    await tab.locator('#events table').hover();
    await arrive();
    await tab.locator('#events h2').getByText('held, 1 new').waitFor();
    expect(await rows.first().innerText()).toContain('word 1');
    await tab.mouse.move(1, 1);
    await rows.first().getByText('word 2').waitFor();
    await tab.keyboard.press('.');
    await arrive();
    await tab.getByRole('button', { name: 'Go on: 1 new' }).waitFor();
    expect(await rows.first().innerText()).toContain('word 2');
    await tab.keyboard.press('.');
    await rows.first().getByText('word 3').waitFor();
    await tab.locator('#flow .last-minute').getByText(/events in the last minute/).waitFor();
  });

  it('with nothing to tell says so; what cannot be told leaves what was there', async () => {
    await stage.open();
    const tab = await stage.openTab();
    await tab.getByText('Nothing is known of this day, and not all of it was captured.').or(tab.getByText('Nothing happened on this day.')).waitFor();
    await tab.getByText('Nothing has arrived yet.').waitFor();
    await tab.getByText('no event in the last minute').waitFor();
    await tab.getByText('none was made: tt collector backup FILE').waitFor();
    await tab.getByText('nobody has looked: tt doctor').waitFor();
    await shoot(tab, 'day-empty');
    await tab.route('**/api/v1/timeline*', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: JSON.stringify({ error: { code: 'busy', message: 'too many questions', hint: 'ask again' } }) }));
    await tab.keyboard.press('[');
    await day(tab).getByText('too many questions').waitFor();
    await shoot(tab, 'day-error');
    expect(await seriousFindings(tab)).toEqual([]);
  });

  it('a tab that nobody saw asks once when it is looked at again, however much came meanwhile', async () => {
    await stage.open();
    fixture.connect(laptop);
    const tab = await stage.openTab();
    // All of it within a minute: the next is asked about by itself.
    await tab.clock.install({ time: Date.now() - (Date.now() % 60_000) });
    let asked = 0;
    tab.on('request', (request) => void (request.url().includes('/timeline') && asked++));
    await tab.goto(stage.address('/'));
    await day(tab).getByText(/^Nothing (happened on|is known of) this day/).waitFor();
    // A browser gives no frames to a tab that nobody sees.
    await tab.evaluate(() => {
      const see = (visibilityState: string): void => {
        Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState });
        document.dispatchEvent(new Event('visibilitychange'));
      };
      const { requestAnimationFrame } = window;
      const frames: FrameRequestCallback[] = [];
      window.requestAnimationFrame = (frame) => frames.push(frame);
      Object.assign(window, { show() {
        window.requestAnimationFrame = requestAnimationFrame;
        see('visible');
        for (const frame of frames) frame(performance.now());
      } });
      see('hidden');
    });
    for (const digit of [1, 2, 3]) {
      const session = playSession({ machineId: laptop, id: `${UUID}${digit}`, title: `Session ${digit}`, cwd: '/home/me/src/api' }, digit, Date.now());
      await fixture.commit(laptop, session.titled([session.prompt(3000, 'Now.'), session.uses(2000, 'Edit'), session.status(3000, 'busy')]));
      await tab.locator('#sessions').getByText(`Session ${digit}`).waitFor();
    }
    await tab.clock.fastForward(10_000);
    expect(asked).toBe(1);
    await tab.evaluate(() => (window as unknown as { show(): void }).show());
    await day(tab).locator('.lane-names').getByText('Session 3').waitFor();
    const drawn = (): Promise<void> => tab.evaluate(() => new Promise((resolve) => {
      requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
    }));
    await drawn();
    await tab.clock.fastForward(10_000);
    await drawn();
    expect(asked).toBe(2);
  });

  it('is folded on a phone, and fits it', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await day(tab).getByRole('button', { name: 'Show Today' }).tap();
    await day(tab).locator('svg.timeline').waitFor();
    await tab.locator('#events').getByRole('button', { name: 'Show' }).tap();
    await tab.locator('#flow').getByRole('button', { name: 'Show' }).tap();
    await tab.locator('#store').getByRole('button', { name: 'Show' }).tap();
    await tab.locator('#events table').waitFor();
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await shoot(tab, 'day-phone');
    expect(await seriousFindings(tab)).toEqual([]);
  });
});
