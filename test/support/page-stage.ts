import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { Page } from '../../collector/collector.ts';
import type { MachineId } from '../../shared/ids.ts';
import { buildPage, CHROMIUM, openTab, type WatchedTab } from './page-browser.ts';
import { createPageFixture, type PageFixture } from './page-fixture.ts';

export type TabOptions = NonNullable<Parameters<Browser['newContext']>[0]>;

/** What the tests of one file share: the page as it is built, and a browser. */
export interface BuiltPage {
  readonly assets: string;
  readonly browser: Browser;
  /** Compressed bytes of each of its files. */
  readonly sizes: Record<string, number>;
}

/** A zone in which it is past two in the afternoon: what happened an hour ago was today, whenever the tests run. */
function afternoonZone(): string {
  const hours = 14 - new Date().getUTCHours();
  return `Etc/GMT${hours > 0 ? '-' : '+'}${Math.abs(hours)}`;
}

/** Call it where the tests are described. */
export function useBuiltPage(): BuiltPage {
  let built: BuiltPage | undefined;
  beforeAll(async () => {
    // The collector's and, from here, the browser's.
    process.env['TZ'] = afternoonZone();
    const assets = mkdtempSync(join(tmpdir(), 'tt-web-'));
    const sizes = await buildPage(assets);
    built = { assets, sizes, browser: await chromium.launch({ executablePath: CHROMIUM! }) };
  });
  afterAll(async () => {
    if (!built) return;
    await built.browser.close();
    rmSync(built.assets, { recursive: true, force: true });
  });
  const present = (): BuiltPage => built ?? absent('the page is built before the first test');
  return {
    get assets() {
      return present().assets;
    },
    get browser() {
      return present().browser;
    },
    get sizes() {
      return present().sizes;
    },
  };
}

/** And what each test has of its own: a database with two machines, and a page over it once it is opened. */
export interface PageStage {
  readonly built: BuiltPage;
  readonly fixture: PageFixture;
  readonly devbox: MachineId;
  readonly laptop: MachineId;
  /** The page that was opened last. */
  readonly page: Page;
  open(): Promise<Page>;
  /** Signed in. */
  openTab(options?: TabOptions): Promise<WatchedTab>;
  /** Of the page that was opened last. */
  address(path: string): string;
}

export function usePageStage(tabOptions: TabOptions = {}): PageStage {
  const built = useBuiltPage();
  let own: { fixture: PageFixture; devbox: MachineId; laptop: MachineId } | undefined;
  let opened: Page | undefined;
  const present = (): NonNullable<typeof own> => own ?? absent('a test has its fixture while it runs');
  const page = (): Page => opened ?? absent('open() comes first');
  beforeEach(async () => {
    const fixture = await createPageFixture();
    own = { fixture, devbox: await fixture.enrol('devbox'), laptop: await fixture.enrol('laptop') };
  });
  afterEach(async () => {
    await own?.fixture[Symbol.asyncDispose]();
    own = opened = undefined;
  });
  return {
    built,
    get fixture() {
      return present().fixture;
    },
    get devbox() {
      return present().devbox;
    },
    get laptop() {
      return present().laptop;
    },
    get page() {
      return page();
    },
    open: async () => (opened = await present().fixture.open(built.assets)),
    openTab: (options = {}) => openTab(built.browser, page().signInLink().url, { ...tabOptions, ...options }),
    address: (path) => `http://127.0.0.1:${page().port}${path}`,
  };
}

function absent(why: string): never {
  throw new Error(why);
}
