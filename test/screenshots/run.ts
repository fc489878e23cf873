// Makes the pictures of docs/images, out of a made-up day: npm run screenshots. By day, because the
// page shows today; or with a clock of its own: faketime '2026-03-12 16:20' npm run screenshots.
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Page as Tab } from 'playwright-core';
import { resolvePaths } from '../../shared/paths.ts';
import { startAnswersInProcess } from '../support/answers-in-process.ts';
import { buildPage, CHROMIUM, openTab } from '../support/page-browser.ts';
import { createPageFixture } from '../support/page-fixture.ts';
import { until } from '../support/until.ts';
import { connectionsOf, liveDay } from './day.ts';

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const LARGEST_BYTES = 200_000;
const LAPTOP = { viewport: { width: 1280, height: 800 } };
const LOW = { viewport: { width: 1280, height: 520 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, hasTouch: true, isMobile: true };

async function act(tab: Tab, method: string, body: object): Promise<void> {
  const status = await tab.evaluate(async ([name, text]) => (await fetch(`/api/v1/actions/${name}`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: text ?? '',
  })).status, [method, JSON.stringify(body)]);
  if (status !== 200) throw new Error(`${method} was answered ${status}`);
}

async function take(tab: Tab, name: string): Promise<void> {
  const path = join(folder, `${name}.png`);
  await tab.screenshot({ path });
  const { size } = statSync(path);
  if (size > LARGEST_BYTES) throw new Error(`${name}.png has ${size} bytes, more than ${LARGEST_BYTES}`);
  process.stdout.write(`${name}.png ${Math.round(size / 1000)} kB\n`);
}

if (CHROMIUM === undefined) throw new Error('there is no chromium: apt-get install chromium');
mkdirSync(folder, { recursive: true });
const assets = mkdtempSync(join(tmpdir(), 'tt-web-'));
const browser = await chromium.launch({ executablePath: CHROMIUM });
const fixture = await createPageFixture({ startAnswers: startAnswersInProcess });
try {
  await buildPage(assets);
  const { machines, streams } = await liveDay(fixture, Date.now());
  const { connectionsFile } = resolvePaths({}, fixture.home);
  mkdirSync(dirname(connectionsFile), { recursive: true });
  writeFileSync(connectionsFile, JSON.stringify(connectionsOf(machines, Date.now())));
  const page = await fixture.open(assets);
  for (const [label, machineId] of machines) {
    fixture.connect(machineId, label === 'gpu-box' ? { backlog_bytes: 1_900_000, backlog_events: 2300, oldest_unacked_at: Date.now() - 40_000 } : {});
  }
  const open = async (options: Parameters<typeof openTab>[2], address = '/'): Promise<Tab> => {
    const tab = await openTab(browser, page.signInLink().url, options);
    await tab.goto(new URL(address, tab.url()).href);
    return tab;
  };
  const laptop = await open(LAPTOP);
  for (const [cwd, stream] of streams) {
    await act(laptop, 'streams.assign', { document: { assign_by_cwd: [{ cwd, stream }] }, by: 'user', create: true, dry_run: false });
  }
  for (const [stream, tag] of [['Payments', 'client'], ['Ranking', 'research'], ['Operations', 'client']]) await act(laptop, 'streams.change', { change: 'tag', stream, tags: [tag] });

  for (const colorScheme of ['light', 'dark'] as const) {
    const tab = await open({ ...LAPTOP, colorScheme });
    await tab.locator('#time .today').waitFor();
    await until('the day', () => tab.locator('canvas, #today svg').first().isVisible());
    await take(tab, `page-${colorScheme}`);
  }
  const phone = await open(PHONE);
  await phone.locator('#time .today').waitFor();
  await take(phone, 'page-phone');
  const report = await open(LOW, '/reports/day');
  await report.getByRole('row', { name: 'Payments' }).waitFor();
  await take(report, 'report');
  const machine = await open(LOW, '/machines/devbox');
  await machine.getByRole('table', { name: 'Ledger by file' }).waitFor();
  await take(machine, 'machine');
} finally {
  await browser.close();
  await fixture[Symbol.asyncDispose]();
  rmSync(assets, { recursive: true, force: true });
}
