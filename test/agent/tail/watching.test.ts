import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileStat } from '../../../agent/tail/file-access.ts';
import { createChokidarWatch } from '../../../agent/tail/chokidar-watch.ts';
import { createDirectoryWatch } from '../../../agent/tail/directory-watch.ts';
import { createTail, type Tail } from '../../../agent/tail/tail.ts';
import { createWatch } from '../../../agent/tail/watch.ts';
import type { DirectoryWatcher, WatchEvents } from '../../../agent/tail/watcher.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { LIMITS, linesOf, refuse, TailFixture, ToldWatcher } from '../support/tail-fixture.ts';
import { lineSource } from '../support/line-source.ts';

/** Real files, real watchers. Without the rescan: what arrives, arrived by a hint. */
class Watched {
  readonly top = mkdtempSync(join(tmpdir(), 'tt-watch-'));
  readonly root = join(this.top, 'root');
  readonly tail: Tail;
  readonly lines: string[] = [];
  #waiting: { count: number; resolve: () => void } | undefined;

  constructor(engine: 'chokidar' | 'plain' | 'both', rescan: 'no rescan' | 'rescan' = 'no rescan') {
    mkdirSync(this.root);
    const clock: Clock = rescan === 'rescan' ? systemClock : { ...systemClock, every: () => () => {} };
    this.tail = createTail({
      clock, log: silentLog, sources: [lineSource([this.root])],
      checkpointDir: join(this.top, 'checkpoints'), badDir: join(this.top, 'bad'), keptDir: join(this.top, 'kept'),
      watchers: {
        chokidar: engine === 'plain' ? null : createChokidarWatch,
        plain: engine === 'chokidar' ? null : createDirectoryWatch,
      },
    });
    this.tail.onWork(() => this.#take());
  }

  #take(): void {
    for (const lane of ['live', 'backfill'] as const) {
      for (let slice = this.tail.read(lane, LIMITS); slice !== undefined; slice = this.tail.read(lane, LIMITS)) {
        this.lines.push(...linesOf([slice]));
        this.tail.acknowledge(slice.receipt);
      }
    }
    if (this.#waiting !== undefined && this.lines.length >= this.#waiting.count) this.#waiting.resolve();
  }

  async got(count: number): Promise<string[]> {
    if (this.lines.length < count) await new Promise<void>((resolve) => (this.#waiting = { count, resolve }));
    return this.lines;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tail.close();
    rmSync(this.top, { recursive: true, force: true });
  }
}

/** Resolves at the first hint about `name`. */
function hint(create: (events: WatchEvents) => DirectoryWatcher): { watcher: DirectoryWatcher; about(name: string): Promise<void> } {
  const waiting = new Map<string, () => void>();
  const watcher = create({
    changed: (_directory, name) => waiting.get(name ?? '')?.(),
    failed: (_directory, error) => {
      throw error;
    },
  });
  return { watcher, about: (name) => new Promise((resolve) => waiting.set(name, resolve)) };
}

describe('watching with the real engines', () => {
  it('finds all of 20,000 lines whose hints ran over while the loop stood still', async () => {
    await using watched = new Watched('plain', 'rescan');
    const paths = Array.from({ length: 200 }, (_, index) => join(watched.root, `${index}.jsonl`));
    for (const path of paths) writeFileSync(path, '');
    await watched.tail.start();
    // In turns: hints about the same file one after the other would be taken together.
    for (let round = 0; round < 100; round += 1) {
      for (const [index, path] of paths.entries()) appendFileSync(path, `${index} ${round}\n`);
    }
    expect(new Set(await watched.got(20_000)).size).toBe(20_000);
  }, 20_000);

  it.each(['plain', 'both'] as const)('delivers the last line of every burst by hints alone (%s)', async (engine) => {
    await using watched = new Watched(engine);
    writeFileSync(join(watched.root, 'a.jsonl'), '');
    await watched.tail.start();
    for (let burst = 1; burst <= 20; burst += 1) {
      for (let line = 0; line < 5; line += 1) appendFileSync(join(watched.root, 'a.jsonl'), `line ${burst} ${line}\n`);
      expect((await watched.got(burst * 5)).at(-1)).toBe(`line ${burst} 4`);
    }
  });

  it('finds files in new nested directories by hints alone', async () => {
    await using watched = new Watched('both');
    await watched.tail.start();
    for (let count = 1; count <= 100; count += 1) {
      mkdirSync(join(watched.root, `x${count}`, 'y', 'z'), { recursive: true });
      writeFileSync(join(watched.root, `x${count}`, 'y', 'z', 'a.jsonl'), `line ${count}\n`);
    }
    expect(new Set(await watched.got(100)).size).toBe(100);
  });

  it('hears again in a directory that was removed and made anew at once', async () => {
    await using watched = new Watched('plain');
    mkdirSync(join(watched.root, 'x'));
    writeFileSync(join(watched.root, 'x', 'a.jsonl'), 'before\n');
    await watched.tail.start();
    await watched.got(1);
    for (let round = 2; round < 12; round += 2) {
      rmSync(join(watched.root, 'x'), { recursive: true });
      mkdirSync(join(watched.root, 'x'));
      writeFileSync(join(watched.root, 'x', 'a.jsonl'), `anew ${round}\n`);
      expect((await watched.got(round)).at(-1)).toBe(`anew ${round}`);
      appendFileSync(join(watched.root, 'x', 'a.jsonl'), `more ${round}\n`);
      expect((await watched.got(round + 1)).at(-1)).toBe(`more ${round}`);
    }
  });

  it('hears a root that appears after the start', async () => {
    await using watched = new Watched('both');
    rmSync(watched.root, { recursive: true });
    await watched.tail.start();
    mkdirSync(join(watched.root, 'x'), { recursive: true });
    writeFileSync(join(watched.root, 'x', 'a.jsonl'), 'line\n');
    expect(await watched.got(1)).toEqual(['line']);
  });

  it.each([['chokidar', createChokidarWatch], ['fs.watch', createDirectoryWatch]] as const)(
    '%s names what changed in a directory it was given, and nothing below', async (_name, create) => {
      const top = mkdtempSync(join(tmpdir(), 'tt-hint-'));
      mkdirSync(join(top, 'below'));
      const { watcher, about } = hint(create);
      watcher.add(top);
      // chokidar watches some time after it was asked to: write until it says so.
      let writes = 0;
      const heard = about('a.jsonl');
      const stop = systemClock.every(5, () => appendFileSync(join(top, 'a.jsonl'), `${(writes += 1)}\n`));
      await heard;
      stop();
      const below = about('b.jsonl').then(() => 'below' as const);
      const again = about('c.jsonl').then(() => 'again' as const);
      writeFileSync(join(top, 'below', 'b.jsonl'), '');
      writeFileSync(join(top, 'c.jsonl'), '');
      expect(await Promise.race([below, again])).toBe('again');
      await watcher.close();
      rmSync(top, { recursive: true });
    },
  );
});

describe('which engine watches a directory', () => {
  function twoEngines(): { watch: ReturnType<typeof createWatch>; chokidar: ToldWatcher; plain: ToldWatcher } {
    let chokidar: ToldWatcher | undefined;
    let plain: ToldWatcher | undefined;
    const watch = createWatch({
      monotonic: () => 0,
      chokidar: (events) => (chokidar = new ToldWatcher(events)),
      plain: (events) => (plain = new ToldWatcher(events)),
    }, { changed: () => {}, failed: () => {} });
    return { watch, chokidar: chokidar!, plain: plain! };
  }

  it('gives chokidar 64 active ones, and the rest, the old and the large to fs.watch', () => {
    const { watch, chokidar, plain } = twoEngines();
    for (let index = 0; index < 100; index += 1) watch.add(`/active${index}`, { isActive: true, entries: 3 });
    watch.add('/old', { isActive: false, entries: 3 });
    expect(chokidar.directories.size).toBe(64);
    expect(plain.directories.size).toBe(37);
    watch.add('/active0', { isActive: true, entries: 51 });
    expect(chokidar.directories.has('/active0')).toBe(false);
    expect(plain.directories.has('/active0')).toBe(true);
  });

  it.each([[3, 51], [50, 41]])('hands a busy directory of %d entries over to fs.watch at the %dth change in 5 s', (entries, changes) => {
    const { watch, chokidar, plain } = twoEngines();
    watch.add('/busy', { isActive: true, entries });
    for (let count = 1; count < changes; count += 1) chokidar.tell('/busy/a.jsonl');
    expect(plain.directories.has('/busy')).toBe(false);
    chokidar.tell('/busy/a.jsonl');
    expect(plain.directories.has('/busy')).toBe(true);
    expect(chokidar.directories.has('/busy')).toBe(false);
  });
});

describe('looking without hints', () => {
  it('looks every 5 s and says so while a directory is not watched, and every 15 s again afterwards', async () => {
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    await fixture.open();
    fixture.clock.advance(2_000);
    fixture.drain();
    fixture.watcher?.fail(fixture.path('x'), 'ENOSPC');
    expect(fixture.tail.status().problems).toEqual(['watch limit reached: rescanning every 5 s']);
    fixture.clock.advance(1_100);
    // The engine took it when it was asked again.
    expect(fixture.tail.status().problems).toEqual([]);
    fixture.watcher?.fail(fixture.path('x'), 'ENOSPC');
    fixture.append('x/a.jsonl', 'two\n');
    fixture.clock.advance(5_100);
    expect(linesOf(fixture.readAll())).toEqual(['two']);
  });

  it('looks every 30 s after a minute without a change, and every 15 s again from the first one on', async () => {
    await using fixture = new TailFixture();
    fixture.write('a.jsonl', 'one\n');
    const looks: number[] = [];
    const { files } = fixture;
    const stat = (path: string): FileStat => {
      if (path === fixture.root) looks.push(fixture.clock.monotonic());
      return files.stat(path);
    };
    await fixture.open({ files: { ...files, stat } });
    const pauses = (ms: number): number[] => {
      looks.length = 0;
      fixture.clock.advance(ms);
      return looks.slice(1).map((at, before) => Math.round((at - (looks[before] ?? 0)) / 1000));
    };
    expect(pauses(160_000)).toEqual([15, 15, 15, 30, 30, 30]);
    fixture.append('a.jsonl', 'two\n');
    expect(pauses(150_000)).toEqual([15, 15, 15, 15, 30, 30]);
    expect(linesOf(fixture.readAll())).toEqual(['one', 'two']);
  });

  it('is over for a directory that could not be listed when it was met, as soon as it can be', async () => {
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    const { files } = fixture;
    let isListable = false;
    const readDirectory: typeof files.readDirectory = (path) => (path === fixture.path('x') && !isListable ? refuse('EMFILE') : files.readDirectory(path));
    await fixture.open({ files: { ...files, readDirectory } });
    expect(fixture.watcher?.directories).toEqual(new Set([fixture.root]));
    isListable = true;
    fixture.look();
    expect(fixture.watcher?.directories).toEqual(new Set([fixture.root, fixture.path('x')]));
  });

  it('survives an engine that refuses every directory', async () => {
    class Refusing extends ToldWatcher {
      override add(directory: string): void {
        this.fail(directory, 'EMFILE');
      }
    }
    await using fixture = new TailFixture();
    fixture.write('x/a.jsonl', 'one\n');
    await fixture.open({ watchers: { chokidar: null, plain: (events) => new Refusing(events) } });
    for (let round = 0; round < 3; round += 1) {
      fixture.append('x/a.jsonl', `more ${round}\n`);
      fixture.clock.advance(5_200);
      expect(linesOf(fixture.readAll())).toContain(`more ${round}`);
      expect(fixture.tail.status().problems).toEqual(['watch limit reached: rescanning every 5 s']);
    }
  });

  it('looks at once after the event loop stood still or the clock jumped', async () => {
    class Standing extends ManualClock {
      lag = 0;
      override monotonic(): number {
        return super.monotonic() + this.lag;
      }
    }
    const clock = new Standing(Date.now());
    await using fixture = new TailFixture();
    await fixture.open({ clock });
    clock.advance(2_000);
    fixture.write('a.jsonl', 'one\n');
    clock.lag += 250;
    clock.advance(100);
    expect(linesOf(fixture.readAll())).toEqual(['one']);
    clock.advance(2_000);
    fixture.append('a.jsonl', 'two\n');
    clock.jump(3_600_000);
    clock.advance(100);
    expect(linesOf(fixture.readAll())).toEqual(['two']);
    clock.advance(2_000);
    fixture.append('a.jsonl', 'three\n');
    clock.jump(-3_600_000);
    clock.advance(100);
    expect(linesOf(fixture.readAll())).toEqual(['three']);
  });

  it('looks again 60 ms after a hint, and goes on while the file grows', async () => {
    await using fixture = new TailFixture();
    const path = fixture.write('a.jsonl', '');
    await fixture.open();
    fixture.clock.advance(200);
    fixture.append('a.jsonl', 'one\n');
    fixture.watcher?.tell(path);
    expect(linesOf(fixture.readAll())).toEqual(['one']);
    for (const line of ['two', 'three', 'four']) {
      fixture.append('a.jsonl', `${line}\n`);
      fixture.clock.advance(60);
      expect(linesOf(fixture.readAll())).toEqual([line]);
    }
    fixture.clock.advance(200);
    expect(fixture.files.stats).toBeLessThan(60);
  });

  it('does the same work for an append, however many files lie beside it', async () => {
    const works: unknown[] = [];
    for (const beside of [10, 2_000]) {
      await using fixture = new TailFixture();
      for (let index = 0; index < beside; index += 1) fixture.write(`${index}.jsonl`, '');
      const path = fixture.write('hot.jsonl', 'zero\n');
      let listed = 0;
      const { files } = fixture;
      await fixture.open({ files: { ...files, readDirectory: (each) => ((listed += 1), files.readDirectory(each)) } });
      fixture.drain();
      fixture.clock.advance(5_000);
      Object.assign(files, { stats: 0, bytesRead: 0, opened: 0 });
      listed = 0;
      for (let append = 0; append < 20; append += 1) {
        fixture.append('hot.jsonl', `line ${append % 10}\n`);
        fixture.watcher?.tell(path);
        fixture.acknowledgeAll(fixture.readAll());
        fixture.clock.advance(100);
      }
      works.push({ stats: files.stats, bytesRead: files.bytesRead, opened: files.opened, listed });
    }
    expect(works[1]).toEqual(works[0]);
    // A look at once and one again for each.
    expect(works[0]).toMatchObject({ stats: 40, listed: 0 });
  });

  it('reads names only where they may have changed', async () => {
    await using fixture = new TailFixture();
    for (let index = 0; index < 20; index += 1) fixture.write(`d${index}/a.jsonl`, 'x\n');
    let listed = 0;
    const { files } = fixture;
    await fixture.open({ files: { ...files, readDirectory: (path) => ((listed += 1), files.readDirectory(path)) } });
    fixture.clock.advance(30_000);
    fixture.acknowledgeAll(fixture.readAll());
    listed = 0;
    fixture.write('d3/b.jsonl', 'new\n');
    fixture.append('d4/a.jsonl', 'more\n');
    fixture.clock.advance(15_000);
    expect(listed).toBe(1);
    expect(new Set(linesOf(fixture.readAll()))).toEqual(new Set(['new', 'more']));
  });
});
