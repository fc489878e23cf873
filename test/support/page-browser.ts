/** The page as it is built, in a real browser. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import { build } from 'esbuild';
import type { Browser, Page as Tab } from 'playwright-core';

const web = fileURLToPath(new URL('../../collector/web/', import.meta.url));

/** Undefined where there is none. */
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** Compressed bytes of each file that was built. */
export async function buildPage(folder: string): Promise<Record<string, number>> {
  const result = await build({
    entryPoints: [{ in: join(web, 'main.tsx'), out: 'app' }], outdir: folder, bundle: true, format: 'esm', minify: true, write: false,
    platform: 'browser', jsx: 'automatic', jsxImportSource: 'hono/jsx/dom', charset: 'utf8', define: { TT_VERSION: '"0.1.0"' },
  });
  for (const file of result.outputFiles) writeFileSync(file.path, file.contents);
  for (const name of ['index.html', 'icon.svg', 'icon-waiting.svg']) await copyFile(join(web, name), join(folder, name));
  return Object.fromEntries(result.outputFiles.map((file) => [file.path.slice(folder.length + 1), gzipSync(file.contents).length]));
}

export type WatchedTab = Tab & { problems: string[] };

/** Signs in by the link. `problems`: what the console complained of. */
export async function openTab(browser: Browser, link: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<WatchedTab> {
  // What fades in has too little contrast until it is there.
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const tab = Object.assign(await context.newPage(), { problems: [] as string[] });
  tab.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') tab.problems.push(message.text());
  });
  tab.on('pageerror', (error) => tab.problems.push(error.message));
  await tab.goto(link);
  await tab.waitForURL(/:\d+\/$/);
  await tab.locator('h1').waitFor();
  return tab;
}

/** Into the directory SCREENSHOTS, where it is set: to be looked at. */
export async function shoot(tab: Tab, name: string): Promise<void> {
  const folder = process.env['SCREENSHOTS'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await tab.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

export async function seriousFindings(tab: Tab): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: tab }).analyze();
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).slice(0, 3).join(' | ')}`);
}
