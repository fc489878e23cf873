import { appendFileSync, cpSync, linkSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ARCHIVE_CHUNK_BYTES, ARCHIVE_TOOL_RESULT_BYTES, ARCHIVE_WINDOW_BYTES } from '../../../shared/limits.ts';
import { ArchiveStage, filesBelow, MACHINE } from '../../support/archive-stage.ts';

const SESSION = '6f1c2a90-8f0b-4f4e-9a53-2d1f0e7c9b11';
const TRANSCRIPT = `-home-me-shop/${SESSION}.jsonl`;
const line = (text: string, cwd = '/home/me/shop'): string => `${JSON.stringify({ type: 'user', cwd, text })}\n`;
const long = (bytes: number, fill = 'x'): string => `${fill.repeat(bytes - 1)}\n`;
const bytesSent = (stage: ArchiveStage): number => stage.chunks.reduce((sum, { bytes }) => sum + bytes, 0);
/** Answers how many chunks were on the way at most. */
async function untilChunks(stage: ArchiveStage, count: number): Promise<number> {
  let most = 0;
  while (stage.chunks.length < count) {
    stage.clock.advance(1);
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, stage.chunksOnTheWay);
  }
  return most;
}

describe('the mirror of sessions', () => {
  it('is byte for byte: transcripts, subagents, workflows, tool results and their meta files, empty ones too', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one') + line('é').repeat(5000));
    stage.write(`-home-me-shop/${SESSION}/subagents/agent-a1.jsonl`, line('two'));
    stage.write(`-home-me-shop/${SESSION}/subagents/agent-a1.meta.json`, '{"finished":true}');
    stage.write(`-home-me-shop/${SESSION}/subagents/workflows/r1/journal.jsonl`, '{"started":1}\n');
    stage.write(`-home-me-shop/${SESSION}/workflows/wf_1.json`, '{}');
    stage.write(`-home-me-shop/${SESSION}/tool-results/toolu_1.txt`, Buffer.from([0, 255, 10, 13, 128]));
    stage.write('-home-me-shop/agent-old.jsonl', '');
    const all = stage.source();
    stage.write('-home-me-shop/memory/notes.md', 'mine');
    stage.write('-home-me-shop/sessions-index.json', '{}');
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual(all);
    expect(stage.report()).toMatchObject({ state: 'on', files: 7, waiting_files: 0, waiting_bytes: 0, skipped_files: 0, problem: null });
  });

  it('sends a file that grows from where the archived one ends, soon after it grew', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, long(3 * ARCHIVE_CHUNK_BYTES));
    stage.connect();
    await stage.settle();
    const before = bytesSent(stage);
    appendFileSync(stage.path(TRANSCRIPT), line('more'));
    stage.write(`-home-me-shop/${SESSION}/tool-results/b.txt`, 'beside it');
    stage.mirror.grew([stage.path(TRANSCRIPT)]);
    stage.clock.advance(1000);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
    expect(bytesSent(stage) - before).toBe(line('more').length + 'beside it'.length);
  });

  it('asks again at each connect, and sends only what is missing', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, long(10 * ARCHIVE_CHUNK_BYTES));
    stage.cutAfter = 8;
    stage.connect();
    await stage.settle();
    expect(stage.isConnected).toBe(false);
    appendFileSync(stage.path(TRANSCRIPT), line('while it was away'));
    await stage.restartCollector();
    const had = stage.archived(TRANSCRIPT)?.length ?? 0;
    let before = bytesSent(stage);
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
    expect(had).toBeGreaterThan(0);
    expect(bytesSent(stage) - before).toBe(10 * ARCHIVE_CHUNK_BYTES + line('while it was away').length - had);
    stage.cut();
    before = bytesSent(stage);
    stage.connect();
    await stage.settle();
    expect(bytesSent(stage)).toBe(before);
  });

  it('keeps what was truncated there, and both when it goes on otherwise', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('kept') + line('taken back'));
    stage.connect();
    await stage.settle();
    truncateSync(stage.path(TRANSCRIPT), line('kept').length);
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('kept') + line('taken back') });
    appendFileSync(stage.path(TRANSCRIPT), line('went on, and that for longer than it was before'));
    await stage.lookAndSettle();
    const { [TRANSCRIPT]: now, ...previous } = stage.archive();
    expect(now).toBe(line('kept') + line('went on, and that for longer than it was before'));
    expect(Object.values(previous)).toEqual([line('kept') + line('taken back')]);
    expect(Object.keys(previous)).toEqual([expect.stringMatching(/\.jsonl\.before-\d{8}T\d{6}Z$/)]);
  });

  it('keeps both when a file is written anew, also with as many bytes, and each of several', async () => {
    using stage = new ArchiveStage();
    const meta = `-home-me-shop/${SESSION}/subagents/agent-a1.meta.json`;
    stage.connect();
    for (const content of ['{"n":1}', '{"n":2}', '{"n":3}']) {
      stage.write(meta, content);
      await stage.lookAndSettle();
    }
    const { [meta]: now, ...previous } = stage.archive();
    expect(now).toBe('{"n":3}');
    expect(Object.values(previous).toSorted()).toEqual(['{"n":1}', '{"n":2}']);
  });

  it('never loses what is deleted there', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('gone'));
    stage.connect();
    await stage.settle();
    rmSync(dirname(stage.path(TRANSCRIPT)), { recursive: true });
    await stage.lookAndSettle();
    stage.cut();
    stage.connect();
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('gone') });
  });

  it('finishes a file that is deleted while it is sent', async () => {
    using stage = new ArchiveStage();
    const content = long(20 * ARCHIVE_CHUNK_BYTES);
    stage.write(TRANSCRIPT, content);
    stage.connect();
    await untilChunks(stage, 3);
    rmSync(stage.path(TRANSCRIPT));
    await stage.settle();
    expect(stage.archived(TRANSCRIPT)).toBe(content);
  });

  it('goes on with what has the name when a file is replaced while it is sent, and keeps what was archived of the other', async () => {
    using stage = new ArchiveStage();
    const [content, next] = [long(20 * ARCHIVE_CHUNK_BYTES), long(30 * ARCHIVE_CHUNK_BYTES, 'y')];
    stage.write(TRANSCRIPT, content);
    stage.connect();
    await untilChunks(stage, 3);
    stage.eventsWait = true;
    await stage.settleQuietly();
    const sent = bytesSent(stage);
    stage.write('other', next);
    renameSync(stage.path('other'), stage.path(TRANSCRIPT));
    stage.clock.advance(61_000);
    await stage.settleQuietly();
    stage.eventsWait = false;
    stage.lane.pump();
    await stage.settle();
    const { [TRANSCRIPT]: now, ...previous } = stage.archive();
    expect(now).toBe(stage.source()[TRANSCRIPT]);
    expect(Object.keys(previous)).toHaveLength(1);
    expect(bytesSent(stage)).toBe(sent + next.length);
  });

  it('mirrors what was deleted before its turn came from the link that the tailer kept', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('only a link is left'));
    const at = join(stage.home, 'kept-link');
    linkSync(stage.path(TRANSCRIPT), at);
    stage.kept = [{ path: stage.path(TRANSCRIPT), at }];
    rmSync(stage.path(TRANSCRIPT));
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('only a link is left') });
  });

  it('mirrors from the link what was written between the last look and the deletion, also where it was cut off before', async () => {
    using stage = new ArchiveStage();
    const other = TRANSCRIPT.replace('9b11', '9b12');
    for (const name of [TRANSCRIPT, other]) stage.write(name, line('one') + line('two'));
    stage.kept = [TRANSCRIPT, other].map((name, index) => ({ path: stage.path(name), at: join(stage.home, `kept-${index}`) }));
    for (const { path, at } of stage.kept) linkSync(path, at);
    stage.connect();
    await stage.settle();
    appendFileSync(stage.path(TRANSCRIPT), line('three'));
    truncateSync(stage.path(other), line('one').length);
    appendFileSync(stage.path(other), line('another two') + line('another three'));
    for (const { path } of stage.kept) rmSync(path);
    stage.clock.advance(60_000);
    await stage.settle();
    const { [TRANSCRIPT]: first, [other]: second, ...previous } = stage.archive();
    expect([first, second]).toEqual([line('one') + line('two') + line('three'), line('one') + line('another two') + line('another three')]);
    expect(Object.values(previous)).toEqual([line('one') + line('two')]);
    const sent = bytesSent(stage);
    stage.clock.advance(120_000);
    await stage.settle();
    expect(bytesSent(stage)).toBe(sent);
  });

  it('follows a transcript into another project’s directory without sending it again', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, long(3 * ARCHIVE_CHUNK_BYTES));
    stage.connect();
    await stage.settle();
    const moved = TRANSCRIPT.replace('-shop', '-shop-worktree');
    mkdirSync(dirname(stage.path(moved)));
    renameSync(stage.path(TRANSCRIPT), stage.path(moved));
    appendFileSync(stage.path(moved), line('there'));
    const before = bytesSent(stage);
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual(stage.source());
    expect(bytesSent(stage) - before).toBe(line('there').length);
  });

  it('follows it soon also where its last lines were read by the name that it no longer has', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    stage.connect();
    await stage.settle();
    const moved = TRANSCRIPT.replace('-shop', '-shop-worktree');
    mkdirSync(dirname(stage.path(moved)), { recursive: true });
    renameSync(stage.path(TRANSCRIPT), stage.path(moved));
    appendFileSync(stage.path(moved), line('two'));
    stage.mirror.grew([stage.path(TRANSCRIPT)]);
    stage.clock.advance(1000);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
  });

  it('does not take the next file with a deleted one’s inode for the same', async () => {
    using stage = new ArchiveStage();
    const other = `-home-me-other/${SESSION.replace('6', '7')}.jsonl`;
    stage.write(TRANSCRIPT, line('first'));
    stage.connect();
    await stage.settle();
    rmSync(stage.path(TRANSCRIPT));
    stage.write(other, line('second'));
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('first'), [other]: line('second') });
  });

  it('carries a line that is longer than any window', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, Buffer.alloc(20 * 1024 * 1024, 'x'));
    stage.connect();
    expect(await untilChunks(stage, 320)).toBeLessThanOrEqual(ARCHIVE_WINDOW_BYTES / ARCHIVE_CHUNK_BYTES);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
  }, 60_000);

  it('leaves links, devices and large tool results where they are, and counts them', async () => {
    using stage = new ArchiveStage();
    writeFileSync(join(stage.home, 'secret'), 'not of Claude');
    stage.write(TRANSCRIPT, line('plain'));
    symlinkSync(join(stage.home, 'secret'), stage.path(`-home-me-shop/${SESSION.replace('6', '8')}.jsonl`));
    symlinkSync(stage.home, stage.path('-home-me-linked'));
    mkdirSync(stage.path(`-home-me-shop/${SESSION}/tool-results`), { recursive: true });
    symlinkSync(stage.home, stage.path(`-home-me-shop/${SESSION}/tool-results/all`));
    spawnSync('mkfifo', [stage.path(`-home-me-shop/${SESSION}/tool-results/pipe.txt`)]);
    writeFileSync(stage.path(`-home-me-shop/${SESSION}/tool-results/large.txt`), '');
    truncateSync(stage.path(`-home-me-shop/${SESSION}/tool-results/large.txt`), ARCHIVE_TOOL_RESULT_BYTES + 1);
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('plain') });
    expect(stage.report()).toMatchObject({ skipped_files: 4, files: 1 });
  });

  it('of one name in two directories of Claude Code mirrors one, and says so', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('here'));
    mkdirSync(join(stage.otherProjects, '-home-me-shop'), { recursive: true });
    writeFileSync(join(stage.otherProjects, TRANSCRIPT), line('there'));
    writeFileSync(join(stage.otherProjects, '-home-me-shop', 'agent-b.jsonl'), line('only there'));
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('here'), '-home-me-shop/agent-b.jsonl': line('only there') });
    expect(stage.report()).toMatchObject({ skipped_files: 1, problem: expect.stringContaining(join(stage.otherProjects, TRANSCRIPT)) as unknown });
  });

  it('does nothing before the collector asks for it, or where its owner did not allow it', async () => {
    using stage = new ArchiveStage({ config: { archive: false } });
    stage.write(TRANSCRIPT, line('mine'));
    stage.connect();
    await stage.settle();
    expect([stage.offers, stage.report().state]).toEqual([[], 'not_allowed']);
    using other = new ArchiveStage();
    other.on = false;
    other.write(TRANSCRIPT, line('mine'));
    other.connect();
    await other.settle();
    expect([other.offers, other.report().state]).toEqual([[], 'off']);
  });
});

describe('a project that restricts its words', () => {
  const SECRET = '/home/me/secret';
  const secret = `-home-me-secret/${SESSION.replace('6', '9')}`;

  it.each([
    ['none of its own', { projects: { [SECRET]: { texts: 'none' as const } } }],
    ['redacted of its own', { texts: 'full' as const, projects: { [SECRET]: { texts: 'redacted' as const } } }],
    ['archive = false alone', { projects: { [SECRET]: { archive: false } } }],
    ['archive = false', { projects: { [SECRET]: { texts: 'full' as const, archive: false } } }],
    ['the others’ alone are open', { texts: 'none' as const, projects: { '/home/me/shop': { texts: 'full' as const } } }],
  ])('stays there whole: %s', async (_what, config) => {
    using stage = new ArchiveStage({ config });
    stage.write(TRANSCRIPT, line('open'));
    stage.write(`${secret}.jsonl`, line('a').replace('"cwd"', '"x"') + line('b', `${SECRET}/src`));
    stage.write(`${secret}/subagents/agent-a.jsonl`, line('c', '/home/me/shop'));
    stage.write(`${secret}/tool-results/t.txt`, 'x');
    stage.connect();
    await stage.settle();
    expect(Object.keys(stage.archive())).toEqual([TRANSCRIPT]);
    expect(stage.offers).toEqual([TRANSCRIPT]);
    expect(stage.report()).toMatchObject({ withheld_sessions: 1, skipped_files: 0, waiting_files: 0 });
  });

  it('stays there also where a session only goes into it later, far behind its start, and escapes the name', async () => {
    using stage = new ArchiveStage({ config: { projects: { [SECRET]: { texts: 'none' } } } });
    stage.write(TRANSCRIPT, line('open') + long(3_000_000) + line('later', SECRET).replace('/home', String.raw`\u002fhome`));
    stage.connect();
    await stage.settle();
    expect(stage.archive()).toEqual({});
  });

  it('leaves no more of a session that goes into it after it was mirrored', async () => {
    using stage = new ArchiveStage({ config: { projects: { [SECRET]: { texts: 'none' } } } });
    stage.write(TRANSCRIPT, line('open'));
    stage.connect();
    await stage.settle();
    appendFileSync(stage.path(TRANSCRIPT), line('hidden', SECRET));
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual({ [TRANSCRIPT]: line('open') });
    expect(stage.report().withheld_sessions).toBe(1);
  });

  it('stays there also where a mirrored file is written anew in place, as long as it was, and is in it now', async () => {
    using stage = new ArchiveStage({ config: { projects: { [SECRET]: { texts: 'none' } } } });
    stage.write(TRANSCRIPT, line('open') + long(100_000) + long(100, 'y'));
    stage.connect();
    await stage.settle();
    const before = stage.archive();
    const now = line('hidden', SECRET);
    stage.write(TRANSCRIPT, now + long(100_000 + line('open').length - now.length) + long(100, 'z'));
    await stage.lookAndSettle();
    expect(stage.archive()).toEqual(before);
    expect(stage.report().withheld_sessions).toBe(1);
  });

  it('may say that its sessions are mirrored all the same, and a session of which no directory is known is not', async () => {
    using stage = new ArchiveStage({ config: { texts: 'none', projects: { [SECRET]: { texts: 'none', archive: true } } } });
    stage.write(`${secret}.jsonl`, line('b', SECRET));
    stage.write(TRANSCRIPT, '{"type":"mode"}\n');
    stage.connect();
    await stage.settle();
    expect(Object.keys(stage.archive())).toEqual([`${secret}.jsonl`]);
  });

  it('is mirrored by nobody where no project may be', async () => {
    using stage = new ArchiveStage({ config: { texts: 'none' } });
    stage.write(TRANSCRIPT, line('b'));
    stage.connect();
    await stage.settle();
    expect(stage.report().state).toBe('not_allowed');
  });
});

describe('the lane of the archive', () => {
  it('sends nothing while events wait, and goes on when they are gone', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, long(20 * ARCHIVE_CHUNK_BYTES));
    stage.eventsWait = true;
    stage.connect();
    await stage.settleQuietly();
    expect([stage.offers.length, stage.chunks.length]).toEqual([0, 0]);
    stage.eventsWait = false;
    stage.lane.pump();
    await untilChunks(stage, 3);
    stage.eventsWait = true;
    const sent = stage.chunks.length;
    await stage.settleQuietly();
    // What was on its way, and not one chunk more.
    expect(stage.chunks.length).toBeLessThanOrEqual(sent + 8);
    const paused = stage.chunks.length;
    await stage.settleQuietly();
    expect(stage.chunks.length).toBe(paused);
    stage.eventsWait = false;
    stage.lane.pump();
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
  });

  it('has one chunk on the way while live lines come', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, long(20 * ARCHIVE_CHUNK_BYTES));
    stage.isLiveBusy = true;
    stage.connect();
    expect(await untilChunks(stage, 20)).toBe(1);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
  });

  it('asks about 10,000 sessions by 100 at a time, sends what is missing alone, and has a bounded number of chunks on the way', async () => {
    using stage = new ArchiveStage();
    const names = Array.from({ length: 10_000 }, (_each, at) => `-home-me-${at % 50}/${at}.jsonl`);
    for (const name of names) stage.write(name, '{"n":1}\n');
    cpSync(stage.projects, join(stage.archiveDir, MACHINE, 'projects'), { recursive: true });
    stage.connect();
    await stage.settle();
    expect([stage.offerFrames, stage.offers.length, stage.chunks.length, stage.report().waiting_files]).toEqual([100, 10_000, 0, 0]);
    // Many of them grow while events go first.
    stage.eventsWait = true;
    for (const name of names.slice(0, 300)) appendFileSync(stage.path(name), '{}\n');
    stage.clock.advance(61_000);
    await stage.settleQuietly();
    stage.eventsWait = false;
    stage.lane.pump();
    expect(await untilChunks(stage, 300)).toBeLessThanOrEqual(ARCHIVE_WINDOW_BYTES / 4096);
    await stage.settle();
    expect([stage.offerFrames, stage.chunks.length, bytesSent(stage), stage.report().waiting_files]).toEqual([100, 300, 900, 0]);
  }, 120_000);

  it('waits when the collector has no room, says so, and goes on when there is some', async () => {
    using stage = new ArchiveStage({ reserveBytes: Number.MAX_SAFE_INTEGER });
    stage.write(TRANSCRIPT, line('one'));
    stage.connect();
    await stage.settleQuietly();
    expect(stage.archive()).toEqual({});
    expect(stage.report()).toMatchObject({ waiting_files: 1, problem: expect.stringContaining('no room') as unknown });
    expect(stage.desk.problem(MACHINE)).toContain('nearly full');
    const asked = stage.chunks.length;
    stage.clock.advance(30_000);
    await stage.settleQuietly();
    expect(stage.chunks.length).toBe(asked);
    stage.reserveBytes = 0;
    stage.clock.advance(61_000);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
    expect([stage.desk.problem(MACHINE), stage.report().problem]).toEqual([null, null]);
  });
});

describe('a collector that is not what it should be', () => {
  it('learns nothing of files that are none of a session, whatever name it asks for', async () => {
    using stage = new ArchiveStage();
    writeFileSync(join(stage.home, 'secret'), 'x');
    stage.write(TRANSCRIPT, line('one'));
    stage.write('-home-me-shop/memory/notes.md', 'mine');
    symlinkSync(join(stage.home, 'secret'), stage.path('-home-me-shop/link.jsonl'));
    stage.connect();
    await stage.settle();
    const names = ['../../secret', `${stage.home}/secret`, '-home-me-shop/../../../secret', '-home-me-shop/link.jsonl', '-home-me-shop/memory/notes.md', '-home-me-shop/a\0.jsonl', '', '.'];
    expect(await stage.mirror.audit(names.map((name) => ({ name, size: 1 })))).toEqual(names.map(() => null));
    expect(await stage.mirror.audit([{ name: TRANSCRIPT, size: 1 }])).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it.each([
    ['has more than any file', [{ size: Number.MAX_SAFE_INTEGER, at: Number.MAX_SAFE_INTEGER, mark: '0'.repeat(64) }]],
    ['compared something else', [{ size: 3, at: 2, mark: '0'.repeat(64) }]],
    ['answers about more than it was offered', [{ size: 5, at: 4, mark: '0'.repeat(64) }, { size: 0, at: 0, mark: '0'.repeat(64) }, { code: 'off' as const }]],
  ])('and says that it %s is not asked for ever, and gets nothing', async (_what, files) => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    stage.mirror.begin({ on: true });
    let offers = 0;
    for (let round = 0; round < 100; round += 1) {
      stage.clock.advance(1);
      if (stage.mirror.nextOffer() === undefined) continue;
      offers += 1;
      stage.mirror.offered({ files });
      expect(stage.mirror.nextChunk(1000)).toBeUndefined();
    }
    expect(offers).toBeLessThanOrEqual(8);
    expect(stage.report()).toMatchObject({ waiting_files: 0, skipped_files: 1 });
  });
});

describe('what cannot be read or written', () => {
  it('is offered again after a minute, and not at the speed of the wire', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    mkdirSync(join(stage.home, 'elsewhere'), { recursive: true });
    mkdirSync(stage.archiveDir, { recursive: true });
    symlinkSync(join(stage.home, 'elsewhere'), join(stage.archiveDir, MACHINE));
    stage.connect();
    await stage.settleQuietly();
    expect(stage.offers).toHaveLength(1);
    expect(stage.report()).toMatchObject({ waiting_files: 1, problem: expect.stringContaining('paused') as unknown });
    rmSync(join(stage.archiveDir, MACHINE));
    stage.clock.advance(61_000);
    await stage.settle();
    expect(stage.archive()).toEqual(stage.source());
  });

  it('of a session keeps the rest of that session here where directories decide, and stops nothing else', async () => {
    using stage = new ArchiveStage({ config: { projects: { '/home/me/secret': { texts: 'redacted', archive: false } } } });
    const other = '11111111-8f0b-4f4e-9a53-2d1f0e7c9b11';
    stage.write(TRANSCRIPT, line('one'));
    stage.write(`-home-me-shop/${SESSION}/subagents/agent-a1.jsonl`, line('two'));
    stage.write(`-home-me-shop/${other}.jsonl`, line('three'));
    stage.eventsWait = true;
    stage.connect();
    await stage.settleQuietly();
    // There, but nothing that may be opened: what directories it names nobody can tell.
    rmSync(stage.path(TRANSCRIPT));
    symlinkSync('/etc/hostname', stage.path(TRANSCRIPT));
    stage.eventsWait = false;
    stage.lane.pump();
    await stage.settleQuietly();
    expect(Object.keys(stage.archive())).toEqual([`-home-me-shop/${other}.jsonl`]);
    expect(stage.report()).toMatchObject({ waiting_files: 0, problem: null });
  });

  it('because it lies behind a link is not there, also where only that session is looked at', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    stage.write('-home-me-secret/tool-results/hidden.txt', 'hidden');
    stage.connect();
    await stage.settle();
    symlinkSync(stage.path('-home-me-secret'), stage.path(`-home-me-shop/${SESSION}`));
    appendFileSync(stage.path(TRANSCRIPT), line('more'));
    stage.mirror.grew([stage.path(TRANSCRIPT)]);
    stage.clock.advance(1000);
    await stage.settle();
    expect(Object.keys(stage.archive())).toEqual([TRANSCRIPT]);
  });
});

describe('the archive of a machine', () => {
  it('has the times of the files, and nobody else may read it', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    utimesSync(stage.path(TRANSCRIPT), 1_700_000_000, 1_700_000_000);
    stage.connect();
    await stage.settle();
    const at = join(stage.archiveDir, MACHINE, 'projects', TRANSCRIPT);
    expect(statSync(at).mtimeMs).toBe(1_700_000_000_000);
    for (const [path, mode] of [[at, 0o600], [dirname(at), 0o700], [stage.archiveDir, 0o700]] as const) expect(statSync(path).mode & 0o777).toBe(mode);
  });

  it('is filled again when it is deleted, and leaves alone what it has when the other end starts anew', async () => {
    using stage = new ArchiveStage();
    stage.write(TRANSCRIPT, line('one'));
    stage.connect();
    await stage.settle();
    stage.cut();
    rmSync(stage.archiveDir, { recursive: true });
    stage.connect();
    await stage.settle();
    expect(filesBelow(join(stage.archiveDir, MACHINE, 'projects'))).toEqual(stage.source());
  });
});
