// What can be done on the page, in a real browser and by keys alone: machines, reports, adding a
// machine. Set SCREENSHOTS to a directory to see what was looked at.
import { beforeEach, describe, expect, it } from 'vitest';
import type { MachineId } from '../../shared/ids.ts';
import { CHROMIUM, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import type { PageFixture } from '../support/page-fixture.ts';
import { playSession } from '../support/page-sessions.ts';
import { usePageStage } from '../support/page-stage.ts';
import { genOf, testEvent } from '../support/store-fixture.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;
const UUID = '6f1c2a90-0000-4000-8000-00000000000';

describe.skipIf(CHROMIUM === undefined)('what the page can do (skipped where there is no chromium)', () => {
  const stage = usePageStage();
  let fixture: PageFixture;
  let devbox: MachineId;
  let laptop: MachineId;

  beforeEach(async () => {
    ({ fixture, devbox, laptop } = stage);
    await stage.open();
  });


  /** By its keys: `g` and the letter of a page, or to an address. */
  const press = async (tab: WatchedTab, ...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await tab.keyboard.press(key);
  };
  const machineRow = (tab: WatchedTab, label: string) => tab.locator('#machines [data-row]').filter({ hasText: label });
  const said = (tab: WatchedTab, words: string | RegExp) => tab.locator('.said-last').filter({ hasText: words }).waitFor();

  const bothThemes = async (tab: WatchedTab, name: string): Promise<void> => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await tab.emulateMedia({ colorScheme });
      await shoot(tab, `${name}-${colorScheme}`);
      expect([colorScheme, await seriousFindings(tab)]).toEqual([colorScheme, []]);
    }
  };

  /** Two sessions today, some time each, and what is wrong with devbox. */
  async function openDay(): Promise<void> {
    const now = Date.now();
    const uploads = playSession({ machineId: devbox, id: `${UUID}1`, title: 'Fix the flaky upload test', cwd: '/home/me/src/api' }, 1, now);
    await fixture.commit(devbox, uploads.titled([uploads.prompt(30 * MINUTE, 'Why?'), uploads.said(20 * MINUTE, 'I look.'), uploads.ended(19 * MINUTE)]));
    const migration = playSession({ machineId: laptop, id: `${UUID}2`, title: 'Write the migration', cwd: '/home/me/src/web' }, 2, now);
    await fixture.commit(laptop, migration.titled([migration.prompt(15 * MINUTE, 'Write.'), migration.said(10 * MINUTE, 'Done.'), migration.ended(9 * MINUTE)]));
    // Of another machine: refused.
    const foreign = testEvent({ machineId: laptop, type: 'user_message', discriminator: 'x', at: now });
    await fixture.commit(devbox, { gen: genOf(7), from: 0, to: 90, tail: 'x', events: [foreign] });
    await fixture.lose(devbox, { gen: genOf(1), path: '/home/me/.claude/projects/api/1.jsonl', from: 100, to: 5100, t_from: '', t_to: '', reason: 'truncated' });
    fixture.connect(laptop);
    fixture.connect(devbox);
  }

  it('a machine has a page: its day, files, gaps, refusals', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 1280, height: 800 } });
    await tab.getByRole('link', { name: 'devbox' }).first().click();
    await tab.getByRole('heading', { name: 'devbox', exact: true }).waitFor();
    expect(new URL(tab.url()).pathname).toBe('/machines/devbox');
    await tab.getByRole('img', { name: /^Connection of devbox in the last 24 hours: connected \d+ s, away \d+ s, not known 23 h$/ }).waitFor();
    const cellsOf = async (table: string): Promise<string[][]> => Promise.all((await tab.getByRole('table', { name: table }).locator('tbody tr').all()).map(async (row) => (await row.locator('th, td').allInnerTexts()).map((text) => text.trim())));
    expect(await cellsOf('Gaps')).toMatchObject([[expect.stringContaining('1.jsonl'), '5 kB', '– and –', 'truncated before it was read', expect.stringMatching(/^no/)]]);
    expect(await cellsOf('Refused events')).toMatchObject([[expect.any(String), 'foreign_machine', '1', expect.any(String), expect.any(String)]]);
    expect(await cellsOf('Ledger by file')).toHaveLength(2);
    expect(await tab.locator('article').innerText()).toMatch(/devbox has 1 open gap of 5 kB/);
    await bothThemes(tab, 'machine');
    expect(tab.problems).toEqual([]);
    // What its agent says is said once: as to be mended only where it holds the machine back.
    const facts = tab.locator('dl.facts').first();
    expect(await facts.innerText()).toMatch(/It says\s+all is well/);
    const problems = ['cannot read /data: EACCES; chmod it'];
    fixture.connect(devbox, { problems });
    await facts.getByText('cannot read /data').waitFor();
    expect(await tab.getByText('cannot read /data').count()).toBe(1);
    fixture.connect(devbox, { problems, drained_at: null });
    await tab.getByRole('list', { name: 'To mend' }).getByText('cannot read /data').waitFor();
    expect([await tab.getByText('cannot read /data').count(), (await facts.innerText()).includes('It says')]).toEqual([1, false]);
  });

  it('everything about a machine is done by keys, and grave things ask first', async () => {
    await openDay();
    const tab = await stage.openTab();
    await machineRow(tab, 'laptop').waitFor();
    await press(tab, 'g', 'm');
    expect(await tab.evaluate(() => document.activeElement?.querySelector('th')?.textContent)).toBe('devbox');
    await press(tab, 'Enter');
    await tab.getByRole('heading', { name: 'devbox', exact: true }).waitFor();
    // Rename.
    await press(tab, 'e');
    await tab.getByRole('dialog', { name: 'Rename devbox' }).waitFor();
    await press(tab, 'Control+A');
    await tab.keyboard.type('build-box');
    await press(tab, 'Enter');
    await tab.getByRole('heading', { name: 'build-box', exact: true }).waitFor();
    await said(tab, 'devbox is build-box now.');
    expect([new URL(tab.url()).pathname, fixture.registry.byLabel('build-box')?.machineId]).toEqual(['/machines/build-box', devbox]);
    // A name that can not be: said, nothing done.
    await press(tab, 'e');
    await tab.getByRole('dialog', { name: 'Rename build-box' }).waitFor();
    await press(tab, 'Control+A');
    await tab.keyboard.type('No Name');
    await press(tab, 'Enter');
    await tab.locator('.said-last.problem').waitFor();
    // Rewind, with its box ticked.
    await press(tab, 'w');
    const rewind = tab.getByRole('dialog', { name: 'Read the files of build-box again' });
    await rewind.waitFor();
    await rewind.getByRole('checkbox').focus();
    await press(tab, 'Space', 'Tab', 'Tab', 'Enter');
    await said(tab, /^build-box sends \d files? again, when it connects next\.$/);
    // A gap is accepted, and taken back, by its row; by no key while none has the focus.
    await tab.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    await press(tab, 'x');
    expect(await tab.getByRole('button', { name: /^Accept gap/ }).isEnabled()).toBe(true);
    expect(await tab.locator('#gaps .said-last').innerText()).toBe('');
    await tab.getByRole('row', { name: '1.jsonl' }).first().focus();
    await press(tab, 'x');
    await said(tab, 'is accepted');
    await tab.getByRole('button', { name: /^Take back gap/ }).waitFor();
    await press(tab, 'x');
    await said(tab, 'is open again');
    // Esc and the first answer leave all as it was.
    await press(tab, 'v');
    await tab.getByRole('dialog', { name: 'Revoke build-box' }).waitFor();
    expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    await shoot(tab, 'revoke');
    expect(await seriousFindings(tab)).toEqual([]);
    await press(tab, 'Enter');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
    await press(tab, 'v');
    await tab.getByRole('dialog', { name: 'Revoke build-box' }).waitFor();
    await press(tab, 'Escape');
    await tab.getByRole('dialog').waitFor({ state: 'detached' });
    expect(fixture.registry.byLabel('build-box')?.revokedAt).toBeNull();
    // Revoke, and let it join again.
    await press(tab, 'v');
    await tab.getByRole('dialog', { name: 'Revoke build-box' }).waitFor();
    await press(tab, 'Tab', 'Enter');
    await tab.locator('article.revoked').waitFor();
    expect(fixture.registry.byLabel('build-box')?.revokedAt).not.toBeNull();
    await tab.getByRole('link', { name: 'Let it join again' }).focus();
    await press(tab, 'Enter');
    await until('the page that adds', () => new URL(tab.url()).pathname === '/add/build-box');
    await tab.getByRole('heading', { name: 'Add a machine' }).waitFor();
    // Retire the other one.
    await press(tab, 'g', 'm');
    await machineRow(tab, 'laptop').waitFor();
    await press(tab, 'k', 'j', 'j', 'j', 'j');
    await until('the row of laptop', async () => {
      await press(tab, 'k');
      return (await tab.evaluate(() => document.activeElement?.querySelector('th')?.textContent)) === 'laptop';
    });
    await press(tab, 'Enter');
    await tab.getByRole('heading', { name: 'laptop', exact: true }).waitFor();
    await press(tab, 'r');
    await tab.getByRole('dialog', { name: 'Retire laptop' }).waitFor();
    await press(tab, 'Tab', 'Enter');
    await tab.locator('article.retired').waitFor();
    expect(fixture.registry.byLabel('laptop')?.retiredAt).not.toBeNull();
    await press(tab, 'Escape');
    await machineRow(tab, 'laptop').waitFor();
    // What could not be was refused by the collector, and so the console says.
    expect(tab.problems.filter((problem) => !problem.includes('400'))).toEqual([]);
  });

  it('a machine is added: the command, and what of it has come true', async () => {
    const tab = await stage.openTab({ permissions: ['clipboard-read', 'clipboard-write'] });
    await machineRow(tab, 'laptop').waitFor();
    await press(tab, 'g', 'a');
    const name = tab.getByRole('textbox', { name: 'Its name' });
    await name.focus();
    await tab.keyboard.type('gpu-box');
    await press(tab, 'Enter');
    await tab.getByText('tt deploy gpu-box').waitFor();
    const command = await tab.locator('code').filter({ hasText: 'tt-agent join' }).innerText();
    expect(command).toMatch(/^tt-agent join http:\/\/127\.0\.0\.1:7071 --code \S{20,}$/);
    await tab.getByText('Waiting: 0 of 6 are there.').waitFor();
    await tab.getByText(/^The code works once, for (9|10) min more\.$/).waitFor();
    await bothThemes(tab, 'add');
    const gpu = await fixture.enrol('gpu-box');
    await tab.getByText('Waiting: 1 of 6 are there.').waitFor();
    const missing = (): Promise<string[]> => tab.locator('.steps li:not(.done)').allInnerTexts();
    expect((await missing()).map((text) => text.replace(/\s+/g, ' ').replace(' :', ':').split(' – ')[0]!.trim())).toEqual([
      '○ its agent is connected: not yet', '○ its history is read: not yet', '○ sessions of Claude Code arrive: not yet', '○ tmux tells where you look: not yet', '○ it is live: not yet',
    ]);
    fixture.connect(gpu);
    await tab.getByText('Waiting: 4 of 6 are there.').waitFor();
    await fixture.store(gpu, 3, 1000);
    const session = playSession({ machineId: gpu, id: `${UUID}9`, title: 'First', cwd: '/srv/gpu' }, 9, Date.now());
    await fixture.commit(gpu, session.tell([session.prompt(MINUTE, 'Hello')]));
    await tab.getByText('Everything is there.').waitFor();
    await tab.getByRole('link', { name: 'The page of gpu-box' }).click();
    await tab.getByRole('heading', { name: 'gpu-box', exact: true }).waitFor();
    expect(tab.problems).toEqual([]);
  });

  it('a report has an address, a mark at each number, and no zero for what is not known', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 1280, height: 800 } });
    await tab.getByRole('link', { name: 'Reports' }).click();
    await tab.getByRole('table', { name: /^Week of .*, by stream$/ }).waitFor();
    await tab.getByRole('link', { name: 'project', exact: true }).click();
    await tab.getByRole('link', { name: 'day', exact: true }).first().click();
    await until('the address', () => /^\/reports\/day\/\d{4}-\d\d-\d\d\/project$/.test(new URL(tab.url()).pathname));
    const address = tab.url();
    const table = tab.getByRole('table', { name: /, by project$/ });
    await table.waitFor();
    const cells = await table.locator('tbody td.number').allInnerTexts();
    expect(cells.length).toBeGreaterThan(9);
    expect(cells.filter((text) => !/^(\d+h )?\d+m? [●◐]$|^– [●◐]$/.test(text.trim()))).toEqual([]);
    // Neither session has a registry: nobody knows whether it waited.
    expect(await table.getByRole('row', { name: /^All/ }).locator('td[data-title="Waited for you"]').innerText()).toMatch(/^– /);
    await bothThemes(tab, 'report');
    await tab.goto(address);
    await table.waitFor();
    await press(tab, '[');
    await until('the day before', () => tab.url() !== address);
    await press(tab, ']');
    await until('this day', () => tab.url() === address);
    expect(tab.problems).toEqual([]);
  });

  it('the present report is that of the collector\'s calendar, and is asked for again where it could not be told', async () => {
    await openDay();
    // There it is another day already, or still.
    const timezoneId = new Date().getHours() >= 12 ? 'Pacific/Kiritimati' : 'Etc/GMT+12';
    const tab = await stage.openTab({ timezoneId });
    let failures = 0;
    await tab.route('**/api/v1/report?*', (route) => (failures++ === 0 ? route.abort() : route.continue()));
    await tab.clock.install();
    await tab.goto(stage.address('/reports/day'));
    await tab.getByText('Failed to fetch').waitFor();
    await tab.clock.fastForward(5000);
    await tab.getByRole('table', { name: /, by stream$/ }).waitFor();
    expect(await tab.getByText('Failed to fetch').count()).toBe(0);
    const { period } = await tab.evaluate(async () => (await (await fetch('/api/v1/report?period=day')).json()) as { period: { start: string } });
    expect(await tab.getByRole('link', { name: 'project', exact: true }).getAttribute('href')).toBe(`/reports/day/${period.start}/project`);
  });

  it('a report is put right by keys: assign, rename, tag, untag, merge, take back', async () => {
    await openDay();
    const tab = await stage.openTab();
    await machineRow(tab, 'laptop').waitFor();
    await press(tab, 'g', 'r');
    await tab.getByRole('table', { name: /by stream$/ }).waitFor();
    const by = async (group: string): Promise<void> => {
      await tab.getByRole('navigation', { name: 'Which report' }).getByRole('link', { name: group, exact: true }).last().focus();
      await press(tab, 'Enter');
      await tab.getByRole('table', { name: new RegExp(`by ${group}$`) }).waitFor();
    };
    const rows = async (): Promise<string[]> => (await tab.locator('#report tbody th > :first-child').allInnerTexts()).map((text) => text.trim());
    const assignNew = async (row: RegExp, name: string): Promise<void> => {
      await tab.getByRole('row', { name: row }).focus();
      await press(tab, 's');
      const dialog = tab.getByRole('dialog');
      await dialog.getByRole('combobox', { name: 'Stream' }).focus();
      await tab.keyboard.type('a new');
      await dialog.getByRole('textbox', { name: 'Name of a new one' }).focus();
      await tab.keyboard.type(name);
      await press(tab, 'Enter');
      await said(tab, /events? changed; u takes it back\.$/);
      // The next key is meant for the same row.
      expect(await tab.evaluate(() => document.activeElement?.querySelector('th')?.textContent)).toMatch(row);
    };
    await by('session');
    await assignNew(/^Fix the flaky/, 'Uploads');
    await by('project');
    await assignNew(/^\/home\/me\/src\/web|^web/, 'Website');
    await by('stream');
    await until('both streams', async () => (await rows()).slice(0, 2).toSorted().join() === 'Uploads,Website');
    // Inline: the row has the focus before and after.
    await tab.getByRole('row', { name: /^Uploads/ }).focus();
    await press(tab, 'e');
    await until('the field', () => tab.evaluate(() => document.activeElement?.getAttribute('aria-label') === 'New name of Uploads'));
    await tab.keyboard.type('Upload');
    await press(tab, 'Escape');
    expect(await rows()).toContain('Uploads');
    await press(tab, 'e');
    await tab.getByRole('textbox', { name: 'New name of Uploads' }).waitFor();
    await tab.keyboard.type('Billing');
    await press(tab, 'Enter');
    await said(tab, 'Uploads is Billing now.');
    await tab.getByRole('row', { name: /^Billing/ }).waitFor();
    // A name that is taken stays in its field, with the reason.
    await tab.getByRole('row', { name: /^Billing/ }).focus();
    await press(tab, 'e');
    await tab.getByRole('textbox', { name: 'New name of Billing' }).waitFor();
    await tab.keyboard.type('Website');
    await press(tab, 'Enter');
    await tab.locator('.said-last.problem').waitFor();
    await press(tab, 'Escape');
    await press(tab, 't');
    await tab.getByRole('textbox', { name: 'Tag for Billing' }).waitFor();
    await tab.keyboard.type('client');
    await press(tab, 'Enter');
    await tab.locator('.tag', { hasText: 'client' }).waitFor();
    await shoot(tab, 'report-streams');
    expect(await seriousFindings(tab)).toEqual([]);
    await tab.getByRole('button', { name: 'Remove the tag client of Billing' }).focus();
    await press(tab, 'Enter');
    await tab.locator('.tag').waitFor({ state: 'detached' });
    // Merge asks.
    await tab.getByRole('row', { name: /^Billing/ }).focus();
    await press(tab, 'm');
    await tab.getByRole('combobox', { name: 'Stream' }).waitFor();
    await tab.getByRole('button', { name: 'Merge', exact: true }).focus();
    await press(tab, 'Enter');
    await until('one stream', async () => (await rows())[0] === 'Website' && !(await rows()).includes('Billing'));
    // A key that is held down does nothing; to take back asks, and its first answer is no.
    await tab.evaluate(() => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'u', repeat: true })));
    expect(await tab.getByRole('dialog').count()).toBe(0);
    const takeBack = tab.getByRole('dialog', { name: 'Take the last assignment back' });
    await press(tab, 'u');
    await takeBack.waitFor();
    expect(await tab.evaluate(() => document.activeElement?.textContent)).toBe('Cancel');
    await press(tab, 'Enter');
    await takeBack.waitFor({ state: 'detached' });
    expect(await tab.locator('#report .said-last').innerText()).not.toContain('Taken back');
    await press(tab, 'u');
    await takeBack.waitFor();
    await press(tab, 'Tab', 'Enter');
    await said(tab, /^Taken back: 1 assignment by user of \d\d:\d\d:\d\d; /);
    expect(tab.problems.filter((problem) => !problem.includes('400'))).toEqual([]);
  });

  it('fits a phone', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await machineRow(tab, 'laptop').waitFor();
    for (const [name, link] of [['machine', 'devbox'], ['reports', 'Reports'], ['add', 'Add a machine']] as const) {
      if (name === 'machine') await tab.getByRole('link', { name: link }).first().tap();
      else await tab.getByRole('link', { name: link, exact: true }).tap();
      await tab.locator('article table, form input').first().waitFor();
      expect([name, await tab.evaluate(() => document.documentElement.scrollWidth)]).toEqual([name, 390]);
      await shoot(tab, `phone-${name}`);
      expect(await seriousFindings(tab)).toEqual([]);
    }
  });
});
