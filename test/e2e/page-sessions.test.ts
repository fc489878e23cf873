// What the page shows of sessions, in a real browser: who waits, who works, a session's own page,
// and the keys. Set SCREENSHOTS to a directory to see what was looked at.
import { beforeEach, describe, expect, it } from 'vitest';
import type { MachineId } from '../../shared/ids.ts';
import { CHROMIUM, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import type { PageFixture } from '../support/page-fixture.ts';
import { playSession } from '../support/page-sessions.ts';
import { usePageStage } from '../support/page-stage.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;
const HOSTILE = '<img src=x onerror="document.title=1">';
const UUID = '6f1c2a90-0000-4000-8000-00000000000';

describe.skipIf(CHROMIUM === undefined)('sessions on the page (skipped where there is no chromium)', () => {
  const stage = usePageStage();
  let fixture: PageFixture;
  let devbox: MachineId;
  let laptop: MachineId;

  beforeEach(async () => {
    ({ fixture, devbox, laptop } = stage);
  });

  const session = (digit: number, machineId: MachineId, title: string, cwd = '/home/me/src/api') =>
    playSession({ machineId, id: `${UUID}${digit}`, title, cwd }, digit, Date.now());

  /** Three wait (a permission, a question, a finished turn), two work. */
  async function openDay(): Promise<void> {
    const asking = session(1, devbox, 'Fix the flaky upload test');
    await fixture.commit(devbox, asking.titled([
      asking.prompt(30 * MINUTE, 'Why does the upload test fail now and then?'), asking.said(28 * MINUTE, 'I look at the logs.'),
      asking.ended(27 * MINUTE), asking.prompt(20 * MINUTE, 'Then make it pass.'), asking.said(13 * MINUTE, 'The retry hides a race. May I run the whole suite?'),
      asking.uses(12 * MINUTE, 'Bash'), asking.status(12 * MINUTE, 'waiting', 'permission prompt'),
    ]));
    const done = session(2, devbox, 'Upgrade the linter', '/home/me/src/web');
    await fixture.commit(devbox, done.titled([done.prompt(9 * MINUTE, 'Upgrade the linter.'), done.said(5 * MINUTE, 'Done: two rules are new.'), done.ended(5 * MINUTE), done.status(5 * MINUTE, 'idle')]));
    const hostile = session(3, laptop, HOSTILE, '/home/me/src/\u202Eevil');
    await fixture.commit(laptop, hostile.titled([
      hostile.prompt(4 * MINUTE, '<b>bold</b>'), hostile.said(3 * MINUTE, '\u001b[31m<script>document.title=2</script>\u202E'), hostile.status(3 * MINUTE, 'waiting', 'input needed'),
    ]));
    const working = session(4, laptop, 'Write the migration');
    await fixture.commit(laptop, working.titled([working.prompt(6 * MINUTE, 'Write it.'), working.said(5 * MINUTE, 'I write it.'), working.uses(MINUTE, 'Edit'), working.status(6 * MINUTE, 'busy')]));
    const second = session(5, devbox, 'Read the paper');
    await fixture.commit(devbox, second.titled([second.prompt(2 * MINUTE, 'Read it.'), second.status(2 * MINUTE, 'busy')]));
    await stage.open();
    fixture.connect(devbox);
    fixture.connect(laptop);
  }

  const rowsOf = async (tab: WatchedTab, table: string): Promise<string[]> => {
    await tab.getByRole('table', { name: table }).waitFor();
    return (await tab.getByRole('table', { name: table }).getByRole('rowheader').allInnerTexts()).map((text) => text.split('\n')[0]!.trim());
  };
  const focusedRow = (tab: WatchedTab): Promise<string> => tab.evaluate(() => document.activeElement?.querySelector('th')?.textContent ?? '');

  it.each(['light', 'dark'] as const)('shows who waits, longest first, and who works, in %s', async (colorScheme) => {
    await openDay();
    const tab = await stage.openTab({ colorScheme, viewport: { width: 1280, height: 800 } });
    expect(await rowsOf(tab, 'Sessions that wait for you')).toEqual(['Fix the flaky upload test', 'Upgrade the linter', HOSTILE]);
    const first = tab.getByRole('row', { name: 'Fix the flaky upload test' });
    expect((await first.getByRole('cell').allInnerTexts()).slice(0, 3)).toEqual([
      'permission to use Bash', expect.stringMatching(/^12 min \d\d:\d\d$/), 'The retry hides a race. May I run the whole suite?',
    ]);
    expect(await rowsOf(tab, 'Sessions at work')).toEqual(['Write the migration', 'Read the paper']);
    expect(await tab.getByRole('row', { name: 'Write the migration' }).getByRole('cell').allInnerTexts()).toEqual(['Edit', '6 min', '60.0k', expect.stringMatching(/^\$/), '0']);
    await tab.locator('#time .today').waitFor();
    expect(await tab.title()).toMatch(/^\(3\) tt · All 2 machines live\.$/);
    expect(await tab.locator('[role=status]').innerText()).toBe('All 2 machines live. 3 sessions need you.');
    expect(await tab.locator('link[rel=icon]').getAttribute('href')).toBe('/icon-waiting.svg');
    await tab.getByRole('table', { name: 'Machines' }).getByRole('row', { name: 'devbox' }).getByText('1 at work, 2 waiting').waitFor();
    await shoot(tab, `sessions-${colorScheme}`);
    expect(await seriousFindings(tab)).toEqual([]);
    expect(tab.problems).toEqual([]);
  });

  it('is shown as text, whatever a log says, and its command is the one to paste', async () => {
    await openDay();
    const tab = await stage.openTab({ permissions: ['clipboard-read', 'clipboard-write'] });
    await rowsOf(tab, 'Sessions that wait for you');
    expect(await tab.locator('img, main script, b').count()).toBe(0);
    // eslint-disable-next-line no-control-regex -- that there is none is what is tested; between cells of a table there is a tab
    expect(await tab.locator('body').innerText()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
    await tab.locator('#needs-you').getByRole('link', { name: HOSTILE }).click();
    await tab.getByRole('heading', { name: HOSTILE }).waitFor();
    await tab.getByText('<b>bold</b>').waitFor();
    expect(await tab.locator('img, main script, b').count()).toBe(0);
    expect(await tab.title()).toContain('tt · ');
    expect(tab.problems).toEqual([]);
  });

  it('everything can be reached by keys', async () => {
    await openDay();
    const tab = await stage.openTab({ permissions: ['clipboard-read', 'clipboard-write'] });
    await rowsOf(tab, 'Sessions at work');
    const press = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await tab.keyboard.press(key);
    };
    await press('j', 'j');
    expect(await focusedRow(tab)).toContain('Upgrade the linter');
    await press('k', 'c');
    await tab.getByRole('button', { name: 'Copied the command that leads to Fix the flaky upload test' }).waitFor();
    expect(await tab.evaluate(() => navigator.clipboard.readText())).toMatch(/^ssh -t devbox 'tmux select-window -t %3 .*=work/);
    await press('g', 'm');
    await until('the first machine to have the focus', async () => (await focusedRow(tab)) === 'devbox');
    await press('g', 's');
    await until('the first session to have the focus', async () => (await focusedRow(tab)).startsWith('Write the migration'));
    await press('g', 't');
    await until('today to have the focus', async () => (await focusedRow(tab)) === 'Today');
    await press('?');
    await tab.getByRole('dialog', { name: 'Keys' }).waitFor();
    expect(await seriousFindings(tab)).toEqual([]);
    await shoot(tab, 'keys');
    await press('Escape');
    await tab.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' });
    await press('/');
    await tab.keyboard.type('linter');
    await tab.locator('#sessions').getByText('None of 2 matches the filter').waitFor();
    await until('one row to be left', async () => (await tab.locator('#needs-you [data-row]').count()) === 1);
    await press('Escape');
    await until('all rows to be back', async () => (await tab.locator('#needs-you [data-row]').count()) === 3);
    await tab.locator('body').click({ position: { x: 1, y: 1 } });
    await press('g', 'n');
    await until('who waits longest to have the focus', async () => (await focusedRow(tab)).startsWith('Fix the flaky upload test'));
    await press('Enter');
    await tab.getByRole('heading', { name: 'Fix the flaky upload test' }).waitFor();
    await press('Escape');
    await tab.getByRole('table', { name: 'Sessions at work' }).waitFor();
  });

  it('a session has a page of its own, which goes on by itself', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 1280, height: 800 } });
    await tab.goto(stage.address(`/sessions/${UUID}1@devbox`));
    await tab.getByRole('heading', { name: 'Fix the flaky upload test' }).waitFor();
    const turns = tab.locator('.rows > li');
    await turns.first().getByText('Then make it pass.').waitFor();
    expect(await turns.count()).toBe(2);
    expect(await turns.first().innerText()).toMatch(/used Bash ×1[\s\S]*waited for you: permission since/);
    await shoot(tab, 'session');
    expect(await seriousFindings(tab)).toEqual([]);
    const goesOn = playSession({ machineId: devbox, id: `${UUID}1`, title: '', cwd: '/home/me/src/api' }, 9, Date.now());
    await fixture.commit(devbox, goesOn.tell([goesOn.prompt(1000, 'Yes, all of it.')]));
    await turns.first().getByText('Yes, all of it.').waitFor();
    expect(await turns.count()).toBe(3);
    await tab.goto(stage.address('/sessions/nobody'));
    await tab.getByText('no session is called "nobody"').waitFor();
  });

  it('whose machine went away is no longer at work on its own page, though nothing arrives', async () => {
    await openDay();
    const tab = await stage.openTab();
    await tab.clock.install();
    await tab.goto(stage.address(`/sessions/${UUID}5@devbox`));
    const state = tab.locator('.session-state');
    await state.getByText('working').waitFor();
    fixture.links.disconnected(devbox, { code: 'closed', message: 'gone' });
    await tab.clock.fastForward(MINUTE);
    await until('what is known of it to be as of then', async () => /as of \d\d:\d\d: its machine is away/.test(await state.innerText()));
    // It does not go on: until then it is known.
    const known = await state.innerText();
    await tab.clock.fastForward(5 * MINUTE);
    await until('the other words to be as old as they are', async () => (await tab.locator('dl.facts').innerText()) !== '');
    expect(await state.innerText()).toBe(known);
  });

  it('of a long session the turns near the window are drawn, and scrolling brings the others', async () => {
    const long = session(7, devbox, 'Go on and on');
    await fixture.commit(devbox, long.titled(Array.from({ length: 300 }, (_, i) => long.prompt((300 - i) * MINUTE, `Step ${i + 1}.`))));
    await stage.open();
    fixture.connect(devbox);
    const tab = await stage.openTab({ viewport: { width: 1280, height: 800 } });
    await tab.goto(stage.address(`/sessions/${UUID}7`));
    const turns = tab.locator('.rows > li');
    await turns.first().getByText('Step 300.').waitFor();
    await until('what is near to be drawn', async () => (await turns.count()) > 20);
    expect(await turns.count()).toBeLessThan(200);
    await until('the first turn to be reached', async () => {
      await tab.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
      return tab.getByText('Step 1.', { exact: true }).isVisible();
    });
    expect(await turns.first().innerText()).not.toContain('Step 300.');
    expect(await turns.count()).toBeLessThan(200);
    expect(tab.problems).toEqual([]);
  });

  it('a row at work stays where it is; of a machine that is away, what waits is as of then', async () => {
    await openDay();
    const tab = await stage.openTab();
    await rowsOf(tab, 'Sessions at work');
    const more = session(6, laptop, 'Began long ago');
    await fixture.commit(laptop, more.titled([more.prompt(60 * MINUTE, 'Begin.'), more.status(60 * MINUTE, 'busy')]));
    await tab.getByRole('row', { name: 'Began long ago' }).waitFor();
    expect(await rowsOf(tab, 'Sessions at work')).toEqual(['Write the migration', 'Read the paper', 'Began long ago']);
    fixture.links.disconnected(devbox, { code: 'closed', message: 'gone' });
    await tab.getByRole('row', { name: 'Fix the flaky upload test' }).getByText(/as of \d\d:\d\d/).waitFor();
  });

  it('a phone shows who waits before all else', async () => {
    await openDay();
    const tab = await stage.openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, reducedMotion: 'reduce' });
    await rowsOf(tab, 'Sessions that wait for you');
    await tab.locator('#time .today').waitFor();
    expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await shoot(tab, 'sessions-phone');
    expect(await seriousFindings(tab)).toEqual([]);
  });
});
