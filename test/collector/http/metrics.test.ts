import { describe, expect, it } from 'vitest';
import { createReadiness } from '../../../collector/http/readiness.ts';
import type { WriterProblem } from '../../../collector/writer/messages.ts';
import { silentLog } from '../../../shared/log.ts';
import { createPageFixture } from '../../support/page-fixture.ts';

const noAssets = '/nowhere';

describe('/metrics', () => {
  it('tells of machines and the database; what is not known has no sample', async () => {
    await using fixture = await createPageFixture({ config: { metrics: true } });
    const [devbox] = [await fixture.enrol('devbox'), await fixture.enrol('never')];
    await fixture.store(devbox, 3, 60_000);
    const page = await fixture.open(noAssets);
    fixture.connect(devbox, { backlog_bytes: 4096, backlog_events: 9, oldest_unacked_at: Date.now() - 2000 }, 3000);
    const scrape = async (): Promise<Map<string, string>> => {
      const response = await fetch(`http://127.0.0.1:${page.port}/metrics`);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
      const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]));
    };
    const first = await scrape();
    expect(Object.fromEntries(first)).toMatchObject({
      'tt_ready': '1', 'tt_page_viewers': '0',
      'tt_machine_connected{machine="devbox"}': '1', 'tt_machine_connected{machine="never"}': '0',
      'tt_machine_backlog_bytes{machine="devbox"}': '4096', 'tt_machine_events_today{machine="never"}': '0',
      'tt_events_total{machine="devbox",verdict="refused"}': '0',
    });
    expect(Number(first.get('tt_machine_lag_seconds{machine="devbox"}'))).toBeGreaterThanOrEqual(2);
    expect(Number(first.get('tt_database_bytes'))).toBeGreaterThan(0);
    const ofNever = [...first.keys()].filter((key) => key.includes('machine="never"')).map((key) => key.replace(/\{.*/, ''));
    expect(ofNever.toSorted()).toEqual([
      'tt_events_total', 'tt_events_total', 'tt_events_total', 'tt_machine_connected', 'tt_machine_events_today', 'tt_machine_gap_bytes', 'tt_machine_gaps', 'tt_machine_info',
    ]);
    expect([first.has('tt_last_backup_timestamp_seconds'), first.has('tt_machine_tunnel_up{machine="devbox"}')]).toEqual([false, false]);
    // Renamed: not under both names.
    fixture.registry.rename('devbox', 'build-box');
    expect([...(await scrape()).keys()].filter((key) => key.includes('devbox'))).toEqual([]);
  });

  it('is not there unless it was asked for, nor under another name of the host', async () => {
    await using fixture = await createPageFixture();
    const page = await fixture.open(noAssets);
    expect((await fetch(`http://127.0.0.1:${page.port}/metrics`)).status).toBe(401);
    expect((await fetch(`http://127.0.0.1:${page.port}/readyz`)).status).toBe(200);
  });
});

describe('being ready', () => {
  const readiness = (problem: WriterProblem | null, read: () => number = () => 1, failure: Promise<never> = new Promise(() => {})) =>
    createReadiness({ writer: { problem, failure }, readDatabase: read, log: silentLog });
  const codes = (of: ReturnType<typeof readiness>): string[] => of.reasons().map(({ code }) => code);

  it.each([
    ['nothing is wrong', null, []],
    ['the disk is full', { code: 'disk_full', message: '/home/me/.local: no space' }, ['disk_full']],
    ['the database is not written', { code: 'SQLITE_READONLY', message: '/home/me/secret' }, ['not_written']],
  ])('%s', (_what, problem, expected) => {
    const of = readiness(problem);
    expect(codes(of)).toEqual(expected);
    expect(JSON.stringify(of.reasons())).not.toContain('/home');
  });

  it('the writer has ended, the database can not be read, the collector stops', async () => {
    const ended = readiness(null, () => 1, Promise.reject(new Error('gone')));
    await Promise.resolve();
    expect(codes(ended)).toEqual(['not_written']);
    const unread = readiness(null, () => {
      throw new Error('damaged');
    });
    expect(codes(unread)).toEqual(['not_read']);
    unread.close();
    expect(codes(unread)).toEqual(['stopping']);
  });
});
