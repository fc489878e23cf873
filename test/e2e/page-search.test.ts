// Searching what was said and reading it whole, in a real browser, over archived files. Set SCREENSHOTS
// to a directory to see what was looked at.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexArchive } from '../../collector/search/indexer.ts';
import { openSearchWriter } from '../../collector/store/search-index.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { CHROMIUM, seriousFindings, shoot, type WatchedTab } from '../support/page-browser.ts';
import { playSession } from '../support/page-sessions.ts';
import { usePageStage } from '../support/page-stage.ts';
import { until } from '../support/until.ts';

const SESSION = '6f1c2a90-0000-4000-8000-000000000001';
const HOSTILE = '<img src=x onerror="document.title=1"> \u001b[31mred\u202E <b>bold</b>';
const HOUR = 3_600_000;
const DAY_AGO = Date.now() - 24 * HOUR;

let count = 0;
function line(type: 'user' | 'assistant', content: unknown, atMs = DAY_AGO): string {
  count += 1;
  return `${JSON.stringify({ type, uuid: `uuid-${count}`, timestamp: printTimestamp(atMs + count * 1000), cwd: '/home/me/src/shop', sessionId: SESSION, message: { role: type, content } })}\n`;
}
const user = (text: string, atMs?: number): string => line('user', text, atMs);
const says = (text: string, atMs?: number): string => line('assistant', [{ type: 'text', text }], atMs);
const uses = (id: string, input: object): string => line('assistant', [{ type: 'tool_use', id, name: 'Bash', input }]);
const gives = (id: string, text: string, isError = false): string => line('user', [{ type: 'tool_result', tool_use_id: id, content: text, is_error: isError }]);

describe.skipIf(CHROMIUM === undefined)('search and transcripts on the page (skipped where there is no chromium)', () => {
  const stage = usePageStage({ viewport: { width: 1280, height: 900 } });

  function archive(name: string, ...lines: string[]): string {
    const path = join(resolvePaths({}, stage.fixture.home).archiveDir, stage.devbox, 'projects', '-home-me-src-shop', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, lines.join(''));
    return path;
  }
  function bringIndexUpToDate(): void {
    const { archiveDir, searchDatabase } = resolvePaths({}, stage.fixture.home);
    using index = openSearchWriter(searchDatabase);
    for (const _progress of indexArchive({ archiveDir, index, onUnreadable: (name) => expect.fail(name) }));
  }
  async function openShop(): Promise<void> {
    archive(`${SESSION}.jsonl`,
      `${JSON.stringify({ type: 'ai-title', aiTitle: 'Repair the upload', sessionId: SESSION })}\n`,
      user('Please find why the upload is refused'), line('assistant', [{ type: 'thinking', thinking: 'Perhaps the quota.' }]),
      uses('toolu_1', { command: 'npm test -- upload', description: 'Run the tests' }), gives('toolu_1', `refused: ${'x'.repeat(9000)} END`, true),
      says('The quota was refused twice.'), user(HOSTILE), says('line one\n\tindented\nline three'));
    archive(`${SESSION}/subagents/agent-a1.jsonl`, user('Look at the quota code'), says('The quota of the subagent is fine.'));
    const played = playSession({ machineId: stage.devbox, id: SESSION, title: 'Repair the upload', cwd: '/home/me/src/shop' }, 1, Date.now());
    await stage.fixture.commit(stage.devbox, played.titled([played.prompt(HOUR, 'Please find why the upload is refused'), played.said(HOUR, 'The quota was refused twice.'), played.ended(HOUR)]));
    await stage.open();
    stage.fixture.connect(stage.devbox);
    stage.fixture.connect(stage.laptop);
  }
  const hits = (tab: WatchedTab): Promise<string[]> => tab.locator('#found .hits .words').allInnerTexts();
  const press = async (tab: WatchedTab, ...keys: string[]): Promise<void> => {
    for (const key of keys) await tab.keyboard.press(key);
  };

  it.each(['light', 'dark'] as const)('finds what was said while it is typed, by keys alone, and leads to its place, in %s', async (colorScheme) => {
    await openShop();
    bringIndexUpToDate();
    const tab = await stage.openTab({ colorScheme });
    await tab.locator('#machines [data-row]').first().waitFor();
    await press(tab, 'q');
    await tab.keyboard.type('refused');
    await until('all that holds the word', async () => (await hits(tab)).length === 3);
    expect(new URL(tab.url()).search).toBe('?query=refused');
    expect(await tab.locator('#found mark').allInnerTexts()).toEqual(['refused', 'refused', 'refused']);
    await shoot(tab, `search-${colorScheme}`);
    expect(await seriousFindings(tab)).toEqual([]);
    // Enter before the new words are asked for opens nothing that was found for the old ones.
    await tab.locator('#filter').evaluate((field: HTMLInputElement) => {
      field.value = 'quota';
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    });
    await until('what holds the new word', async () => (await tab.locator('#found:not(.older) mark').first().innerText()) === 'quota');
    expect(tab.url()).toBe(stage.address('/search?query=quota'));
    await tab.locator('#filter').fill('refused');
    await until('all that holds the first word again', async () => (await tab.locator('#found:not(.older) mark').allInnerTexts()).join() === 'refused,refused,refused');
    await tab.getByLabel('Said by').selectOption({ label: 'Claude' });
    await until('only what Claude said', async () => (await hits(tab)).join() === 'The quota was refused twice.');
    await press(tab, '/', 'ArrowDown', 'Enter');
    await tab.getByRole('heading', { name: 'Repair the upload' }).waitFor();
    await until('the place to have the focus', async () => (await tab.evaluate(() => document.activeElement?.textContent ?? '')).includes('The quota was refused twice.'));
    expect(await seriousFindings(tab)).toEqual([]);
    await shoot(tab, `transcript-${colorScheme}`);
    await press(tab, 'Escape');
    await until('to be back at what was found', async () => (await hits(tab)).length === 1);
    expect(new URL(tab.url()).search).toBe('?query=refused&role=assistant');
    expect(tab.problems).toEqual([]);
  });

  it('a session is read whole: tools folded, long texts cut until they are asked for, nothing of it ever a tag', async () => {
    await openShop();
    const tab = await stage.openTab();
    await tab.goto(stage.address(`/sessions/${SESSION}@devbox`));
    await tab.getByRole('heading', { name: 'Repair the upload' }).waitFor();
    await press(tab, 'w');
    const said = tab.locator('#said .rows > li');
    await said.first().waitFor();
    expect(await said.count()).toBe(6);
    expect(await said.nth(2).locator('pre').count()).toBe(0);
    await press(tab, 'j', 'j', 'j', 'Enter');
    await said.nth(2).getByText('npm test -- upload', { exact: true }).waitFor();
    expect(await said.nth(2).innerText()).toMatch(/failed, 9,013 characters[\s\S]*it failed/);
    expect(await said.nth(2).innerText()).not.toContain('END');
    await said.nth(2).getByRole('button', { name: /Show all of it/ }).click();
    await said.nth(2).getByText(/x END/).waitFor();
    expect(await tab.locator('img, main script, main b').count()).toBe(0);
    expect(await said.nth(4).innerText()).toContain('<b>bold</b>');
    // eslint-disable-next-line no-control-regex -- that there is none is what is tested; tabs and line ends are layout
    expect(await tab.locator('body').innerText()).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202a-\u202e]/);
    expect(await said.nth(5).locator('.words').innerText()).toBe('line one\n\tindented\nline three');
    expect(await seriousFindings(tab)).toEqual([]);
    await shoot(tab, 'transcript-open');
    await tab.getByText('1 subagent').click();
    await tab.getByRole('link', { name: 'a1' }).click();
    await tab.getByText('The quota of the subagent is fine.').waitFor();
    expect(tab.problems).toEqual([]);
  });

  it('a tool that was opened while it ran shows what it gave', async () => {
    const path = archive(`${SESSION}.jsonl`, user('Run it.'), uses('toolu_1', { command: 'npm test' }));
    await stage.open();
    stage.fixture.connect(stage.devbox);
    const tab = await stage.openTab();
    await tab.goto(stage.address(`/sessions/${SESSION}@devbox/transcript`));
    const tool = tab.locator('#said .said-tool');
    const fetched = tab.waitForResponse(/\/transcript\/2$/);
    await tool.locator('summary').click();
    await tool.getByText('no result').waitFor();
    await fetched;
    appendFileSync(path, gives('toolu_1', 'All 3 tests pass.'));
    stage.fixture.archived();
    await tool.getByText('All 3 tests pass.').waitFor();
    expect(tab.problems).toEqual([]);
  });

  it('rows that could not be told say why, and come by themselves', async () => {
    archive(`${SESSION}.jsonl`, ...Array.from({ length: 400 }, (_, at) => says(`Step ${at + 1}.`, Date.now() - 60_000)));
    await stage.open();
    const tab = await stage.openTab();
    let isCut = true;
    await tab.route(/\/transcript\?.*before=/, (route) => (isCut ? route.abort() : route.continue()));
    await tab.clock.install();
    await tab.goto(stage.address(`/sessions/${SESSION}@devbox/transcript`));
    await tab.locator('.row-room').getByText('Failed to fetch').first().waitFor();
    isCut = false;
    await tab.clock.fastForward(5000);
    await tab.getByText('Step 340.', { exact: true }).waitFor({ state: 'attached' });
    await until('no room without rows near the window', async () => (await tab.locator('.row-room .problem').count()) === 0);
    expect(await tab.locator('#said').innerText()).not.toContain('Failed to fetch');
    // Rows that nobody looks at any more hold no connection of the few that a browser has.
    await tab.route(/\/transcript\?.*before=/, () => {});
    const wanted = tab.waitForRequest(/\/transcript\?.*before=/);
    await tab.evaluate(() => window.scrollTo(0, 0));
    await wanted;
    const left = tab.waitForEvent('requestfailed', (request) => request.url().includes('before='));
    await tab.getByRole('link', { name: 'Now' }).click();
    await left;
  });

  it('goes on by itself, and stays at the end for who reads there', async () => {
    const lately = Date.now() - 60_000;
    const path = archive(`${SESSION}.jsonl`, ...Array.from({ length: 400 }, (_, at) => says(`Step ${at + 1}.`, lately)));
    await stage.open();
    stage.fixture.connect(stage.devbox);
    const tab = await stage.openTab();
    await tab.goto(stage.address(`/sessions/${SESSION}@devbox/transcript`));
    await tab.getByText('Step 400.').waitFor();
    expect(await tab.locator('#said .rows > li').count()).toBeLessThan(300);
    appendFileSync(path, says('And one more.', lately));
    stage.fixture.archived();
    await tab.getByText('And one more.').waitFor();
    await until('it to be in the window', () => tab.evaluate(() => window.scrollY + window.innerHeight >= document.documentElement.scrollHeight - 60));
    await until('the first to be reached', async () => {
      await tab.evaluate(() => window.scrollTo(0, 0));
      return tab.getByText('Step 1.', { exact: true }).isVisible();
    });
    expect(await tab.locator('#said .rows > li').count()).toBeLessThan(300);
    expect(tab.problems).toEqual([]);
  });

  it('says how session files are kept where they are not, and on a machine how far that is', async () => {
    const played = playSession({ machineId: stage.laptop, id: SESSION, title: 'Not kept', cwd: '/home/me/src/shop' }, 1, Date.now());
    await stage.fixture.commit(stage.laptop, played.titled([played.prompt(HOUR, 'Hello.')]));
    await stage.open();
    stage.fixture.connect(stage.laptop);
    const tab = await stage.openTab();
    await tab.goto(stage.address(`/sessions/${SESSION}@laptop/transcript`));
    await tab.getByText('tt archive on laptop').waitFor();
    await shoot(tab, 'transcript-not-kept');
    expect(await seriousFindings(tab)).toEqual([]);
    await tab.goto(stage.address('/search?query=anything'));
    await tab.getByText('No session is archived yet.').waitFor();
    // What is no longer sought holds no connection of the few that a browser has.
    await tab.route('**/api/v1/search?query=slow*', () => {});
    const sought = tab.waitForRequest(/query=slow/);
    await tab.locator('#filter').fill('slow');
    await sought;
    const given = tab.waitForEvent('requestfailed', (request) => request.url().includes('query=slow'));
    await tab.locator('#filter').fill('quick');
    await given;
    await tab.locator('#found:not(.older)').waitFor();
    // Nor what is no longer looked at.
    const soughtAgain = tab.waitForRequest(/query=slow/);
    await tab.locator('#filter').fill('slow');
    await soughtAgain;
    const left = tab.waitForEvent('requestfailed', (request) => request.url().includes('query=slow'));
    await tab.getByRole('link', { name: 'Now' }).click();
    await left;
    await tab.goto(stage.address('/machines/laptop'));
    await tab.locator('#archive').getByText('tt archive on laptop').waitFor();
    expect(await tab.locator('#archive').innerText()).toMatch(/Archive\s+off\s+Kept here\s+nothing/);
    await shoot(tab, 'machine-archive');
    expect(await seriousFindings(tab)).toEqual([]);
  });

  it('on a phone nothing is wider than the screen', async () => {
    await openShop();
    bringIndexUpToDate();
    const tab = await stage.openTab({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    for (const [path, name] of [['/search?query=refused', 'search-phone'], [`/sessions/${SESSION}@devbox/transcript`, 'transcript-phone']] as const) {
      await tab.goto(stage.address(path));
      await tab.locator('.rows > li').first().waitFor();
      expect(await tab.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      await shoot(tab, name);
      expect(await seriousFindings(tab)).toEqual([]);
    }
  });
});
