import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCollector } from '../../../collector/collector.ts';
import { openPage } from '../../../collector/http/page.ts';
import { openStore } from '../../../collector/writer/open-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { configSchema } from '../../../shared/config.ts';
import { silentLog } from '../../../shared/log.ts';
import { noTunnelling } from '../../support/no-tunnels.ts';
import { openStreamsHome, paneFocus, prompt, started, toolUse, type StreamsHome } from '../../support/streams-home.ts';
import { openWriterChannel } from '../../support/writer-in-process.ts';

const FIRST = 'aaaa1111-0000-4000-8000-000000000001';
const SECOND = 'bbbb2222-0000-4000-8000-000000000002';

let home: StreamsHome;
beforeEach(() => {
  home = openStreamsHome();
  home.store([started(FIRST, 0), prompt(FIRST, 1), toolUse(FIRST, 3), paneFocus(10), started(SECOND, 20, { cwd: '/home/a/api' }), prompt(SECOND, 21, { cwd: '/home/a/api' })]);
});
afterEach(() => home[Symbol.dispose]());

const tt = (...argv: string[]) => home.tt(argv);
interface Listed {
  streams: { id: string; id_short: string; name: string; tags: string[]; time_direct_ms: number; time_delegated_ms: number; first_event_at: string | null; last_event_at: string | null }[];
  unassigned: { time_direct_ms: number; time_delegated_ms: number };
}
const listed = (...argv: string[]) => home.json<Listed>('streams', '--json', ...argv);
const idOf = async (name: string): Promise<string> => (await listed('--all')).streams.find((stream) => stream.name === name)?.id ?? '';

describe('tt streams', () => {
  it('lists a stream with its times as soon as events belong to it; its first and last time are never missing then', async () => {
    expect((await tt('streams', 'create', 'web')).stdout).toMatch(/^[0-9a-f-]{36}\n$/);
    expect((await listed()).streams).toMatchObject([{ name: 'web', first_event_at: null, time_direct_ms: 0 }]);
    const before = (await listed()).unassigned;
    await tt('assign', 'web', '--session', FIRST);
    const { streams, unassigned } = await listed();
    expect(streams).toMatchObject([{ name: 'web', first_event_at: '2026-05-01T09:00:00.000Z', last_event_at: '2026-05-01T09:03:00.000Z' }]);
    expect(streams[0]!.time_direct_ms).toBeGreaterThan(0);
    expect(streams[0]!.time_direct_ms + unassigned.time_direct_ms).toBe(before.time_direct_ms);
    expect(streams[0]!.time_delegated_ms + unassigned.time_delegated_ms).toBe(before.time_delegated_ms);
    await tt('recompute', '--force');
    expect((await listed()).streams).toEqual(streams);
  });

  it('shows totals that move when everything is assigned anew, and are zero where nothing is left', async () => {
    await tt('assign', 'web', '--session', FIRST, '--create');
    const { time_direct_ms: direct } = (await listed()).streams[0]!;
    await tt('assign', 'other', '--session', FIRST, '--create');
    await tt('recompute');
    expect((await listed()).streams.map(({ name, time_direct_ms, first_event_at }) => [name, time_direct_ms, first_event_at])).toEqual([
      ['other', direct, '2026-05-01T09:00:00.000Z'], ['web', 0, null],
    ]);
  });

  it('prints a next step that works as it stands', async () => {
    await tt('streams', 'create', 'web');
    const step = /^next: tt (tag) ([0-9a-f]{6,}) PROJECT$/m.exec((await tt('streams')).stdout);
    expect(await tt(step![1]!, step![2]!, 'acme')).toMatchObject({ code: 0, stdout: `${step![2]} web: acme\n` });
  });

  it('hides what had no event for a week, and says so', async () => {
    await tt('streams', 'create', 'web');
    const later = { clock: { ...systemClock, now: () => Date.UTC(2026, 5, 1) } };
    expect((await home.tt(['streams'], later)).stdout).toContain('1 older stream: tt streams --all');
    expect((await home.tt(['streams', '--all'], later)).stdout).toContain('  web ');
  });

  it('renames, merges with tags, and deletes; events of a deleted stream are unassigned again', async () => {
    await tt('streams', 'create', 'web', '--tag', 'acme');
    await tt('streams', 'create', 'shop', '--tag', 'b');
    await tt('assign', 'web', '--session', 'aaaa');
    const id = await idOf('web');
    expect((await tt('streams', 'rename', 'web', 'checkout')).stdout).toBe(`${id.slice(0, 6)} checkout\n`);
    await tt('streams', 'merge', 'checkout', 'shop');
    expect((await listed()).streams).toMatchObject([{ name: 'shop', tags: ['acme', 'b'], first_event_at: '2026-05-01T09:00:00.000Z' }]);
    expect(await tt('streams', 'delete', 'shop')).toMatchObject({ code: 2 });
    expect(await tt('streams', 'delete', 'shop', '--yes')).toMatchObject({ code: 0 });
    expect(home.rows('SELECT DISTINCT stream_id FROM events')).toEqual([{ stream_id: null }]);
  });

  it('refuses a name that is taken, empty or has control characters, and a stream merged with itself', async () => {
    await tt('streams', 'create', 'web');
    for (const argv of [['streams', 'create', 'web'], ['streams', 'create', ' '], ['streams', 'create', 'a\u001bb'], ['streams', 'merge', 'web', 'web'], ['streams', 'rename', 'nobody', 'x']]) {
      expect(await tt(...argv)).toMatchObject({ code: 2, stderr: expect.stringContaining('next: ') as string });
    }
  });

  it('knows a stream by name, ID, short ID and what only it begins with; and asks where it could be two', async () => {
    await tt('streams', 'create', 'Checkout fixes');
    await tt('streams', 'create', 'checkout');
    const id = await idOf('Checkout fixes');
    for (const name of ['Checkout fixes', id, id.slice(0, 6), 'checkout f']) expect(await tt('tag', name, 'x')).toMatchObject({ code: 0 });
    expect((await tt('tag', 'checkout', 'whole')).stdout).toMatch(/ checkout: whole\n$/);
    expect(await tt('tag', 'check', 'x')).toMatchObject({ code: 2, stderr: expect.stringContaining('could be') as string });
  });

  it('takes tags away, and says which there are where it is another', async () => {
    await tt('streams', 'create', 'web', '--tag', 'acme');
    expect(await tt('untag', 'web', 'acne')).toMatchObject({ code: 2, stderr: expect.stringContaining('it has acme') as string });
    expect((await tt('untag', 'web', 'acme')).stdout).toMatch(/web: no tags\n$/);
  });
});

describe('tt assign', () => {
  const streamsOf = () => home.rows("SELECT substr(timestamp, 12, 5) AS at, s.name FROM events e LEFT JOIN streams s ON s.id = e.stream_id ORDER BY e.timestamp");

  it('assigns sessions, directories, events and the focus of a time, and takes the last back', async () => {
    await tt('streams', 'create', 'web');
    expect((await tt('assign', 'web', '--from', '2026-05-01T09:00:00Z', '--to', '2026-05-01T10:00:00Z')).stdout).toMatch(/^1 of 1 event changes\n/);
    expect(streamsOf()).toEqual([{ at: '09:00', name: null }, { at: '09:01', name: null }, { at: '09:03', name: null }, { at: '09:10', name: 'web' }, { at: '09:20', name: null }, { at: '09:21', name: null }]);
    const [{ id }] = home.rows("SELECT id FROM events WHERE type = 'agent_tool_use'") as [{ id: string }];
    expect((await tt('assign', 'other', '--create', '--event', id)).stdout).toContain('other: +1 event (new)');
    expect((await tt('assign', 'web', '--cwd', '/home/a/web/')).stdout).toMatch(/1 event stays where a person put it/);
    expect(streamsOf()).toMatchObject([{ name: 'web' }, { name: 'web' }, { name: 'other' }, { name: 'web' }, { name: null }, { name: null }]);
    expect((await tt('assign', '--undo')).stdout).toMatch(/^taken back: 1 assignment by user/);
    expect(streamsOf()).toMatchObject([{ name: null }, { name: null }, { name: 'other' }, { name: 'web' }, { name: null }, { name: null }]);
  });

  it('only counts in a dry run, and says nothing twice', async () => {
    await tt('streams', 'create', 'web');
    const dry = await home.json('assign', 'web', '--session', 'aaaa', '--dry-run', '--json');
    expect(dry).toMatchObject({ schema: 1, dry_run: true, changed: 3, streams: [{ name: 'web', gained: 3, lost: 0 }, { id: null, lost: 3 }] });
    expect(home.rows('SELECT * FROM assignment')).toEqual([]);
    await tt('assign', 'web', '--session', 'aaaa');
    expect((await tt('assign', 'web', '--session', 'aaaa')).stdout).toBe('nothing new: it was all said before\n');
    expect(home.rows('SELECT count(*) AS count FROM assignment')).toEqual([{ count: 1 }]);
  });

  it.each([
    [['assign'], 'to which stream'],
    [['assign', 'web'], 'what belongs to it'],
    [['assign', 'web', '--session', 'nobody'], 'no session'],
    [['assign', 'nobody', '--session', 'aaaa'], '--create'],
    [['assign', 'web', '--from', 'today'], 'what belongs to it'],
    [['assign', 'web', '--from', '2026-05-01T10:00:00Z', '--to', '2026-05-01T09:00:00Z'], 'is not after'],
    [['assign', 'web', '--event', 'x'], 'no event'],
    [['assign', 'web', '--cwd', 'relative'], 'absolute path'],
    [['assign', 'web', '--none', '--session', 'aaaa'], 'exclude each other'],
  ])('explains what is wrong with tt %j', async (argv, words) => {
    await tt('streams', 'create', 'web');
    expect(await tt(...argv)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(words) as string });
    expect(home.rows('SELECT * FROM assignment')).toEqual([]);
  });

  it('works the same through a running collector, which refuses with the same exit code', async () => {
    const collector = await openCollector({ paths: home.paths, config: configSchema.parse({ ingest_port: 0, ui_port: 0 }) }, {
      clock: systemClock, log: silentLog, openPage, startWriter: (database) => openWriterChannel(systemClock, () => openStore(database, systemClock)), tunnelling: noTunnelling,
    });
    try {
      expect(await tt('streams', 'create', 'web')).toMatchObject({ code: 0 });
      expect(await tt('streams', 'create', 'web')).toMatchObject({ code: 2 });
      expect((await tt('assign', 'web', '--session', 'aaaa')).stdout).toMatch(/^3 of 3 events change\n/);
      expect(await tt('assign', 'web', '--session', 'nobody')).toMatchObject({ code: 2 });
      expect((await listed()).streams).toMatchObject([{ name: 'web', first_event_at: '2026-05-01T09:00:00.000Z' }]);
      expect((await tt('assign', '--undo')).stdout).toMatch(/^taken back/);
    } finally {
      await collector.close();
    }
  });
});
