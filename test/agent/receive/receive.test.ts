import { appendFileSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { forkOf } from '../../../shared/session-file/fork.ts';
import { projectDirectoryName } from '../../../shared/session-file/project-directory.ts';
import { chain, HandedMachine, isValidChain, NOW, SESSION, text } from '../../support/handed-session.ts';

const REMOTE = 'git@example.org:me/shop.git';
let a: HandedMachine;
let b: HandedMachine;
let [shopA, shopB] = ['', ''];

beforeEach(() => {
  [a, b] = [new HandedMachine('alpha'), new HandedMachine('beta')];
  [shopA, shopB] = [a.repository('work/shop', REMOTE), b.repository('src/deep/shop', 'https://example.org/me/shop')];
  // Used there once, so that it is known where repositories lie.
  const other = b.repository('src/deep/other');
  b.write(b.fileOf(other, 'other'), text(chain([], 1, { name: 'other', cwd: other, session: 'other' })));
});

/** What the archive of a collector has of a machine. */
function archiveOf(machine: HandedMachine): string {
  const archiveDir = mkdtempSync(join(tmpdir(), 'tt-archive-'));
  cpSync(machine.projects, join(archiveDir, machine.name, 'projects'), { recursive: true });
  return archiveDir;
}

const leftovers = (machine: HandedMachine): string[] => readdirSync(machine.projects, { recursive: true }).map(String).filter((name) => /\.part|tt-receive/.test(name));

describe('a session that goes from machine to machine', () => {
  it('goes on under another home and path, and comes back with every entry once, in a valid chain', async () => {
    const atA = chain([], 4, { name: 'a', cwd: shopA });
    const sub = join(shopA, 'web');
    mkdirSync(join(shopB, 'web'));
    const inWeb = chain(atA, 2, { name: 'w', cwd: sub });
    a.write(a.fileOf(shopA), text([...inWeb, '{"type":"cost-state","total":1}']));
    a.write(join(a.projects, projectDirectoryName(shopA), SESSION, 'subagents/agent-1.jsonl'), text(chain([], 2, { name: 's', cwd: shopA })));
    a.write(join(a.projects, projectDirectoryName(shopA), SESSION, 'tool-results/x.txt'), 'big');

    expect(await b.receive(a.request(SESSION, { archiveDir: archiveOf(a) }))).toMatchObject({ ok: true, result: 'new', directory: shopB, files_written: 3, replaced: null });
    const there = b.fileOf(shopB);
    expect(b.lines(there).map(({ cwd }) => cwd)).toEqual([shopB, shopB, shopB, shopB, join(shopB, 'web'), join(shopB, 'web'), undefined]);
    expect(readFileSync(join(dirname(there), SESSION, 'tool-results/x.txt'), 'utf8')).toBe('big');
    expect(lstatSync(there).mode & 0o777).toBe(0o600);

    const atB = chain(readFileSync(there, 'utf8').trimEnd().split('\n'), 3, { name: 'b', cwd: shopB });
    b.write(there, text(atB));
    expect(await a.receive(b.request(SESSION, { archiveDir: archiveOf(b) }))).toMatchObject({ ok: true, result: 'longer', directory: shopA, other: null });
    const back = a.lines(a.fileOf(shopA));
    expect(back.map(({ uuid }) => uuid)).toEqual(['a-0', 'a-1', 'a-2', 'a-3', 'w-0', 'w-1', undefined, 'b-0', 'b-1', 'b-2']);
    expect(isValidChain(back)).toBe(true);
    expect(back.slice(0, 6).map((line) => JSON.stringify(line))).toEqual(inWeb);
    expect(new Set(back.flatMap(({ cwd }) => cwd ?? []))).toEqual(new Set([shopA, sub]));
    expect(await b.receive(a.request())).toMatchObject({ result: 'kept', files_written: 0 });
    expect([...leftovers(a), ...leftovers(b)]).toEqual([]);
  });

  it('keeps for 30 days what it replaces', async () => {
    const base = chain([], 2, { name: 'a', cwd: shopA });
    a.write(a.fileOf(shopA), text(chain(base, 1, { name: 'more', cwd: shopA })));
    const before = text(chain([], 2, { name: 'a', cwd: shopB }));
    b.write(b.fileOf(shopB), before);
    for (const name of [`${NOW - 31 * 86_400_000}-old`, `${NOW - 29 * 86_400_000}-young`, 'somebody']) b.write(join(b.home, 'replaced', name, 'x'), '');
    b.write(join(b.projects, projectDirectoryName(shopB), `.tt-receive-${NOW - 2 * 86_400_000}-killed`, '0.part'), 'half');
    const answer = await b.receive(a.request());
    expect(leftovers(b)).toEqual([]);
    const kept = join(String('replaced' in answer ? answer.replaced : ''), projectDirectoryName(shopB), `${SESSION}.jsonl`);
    expect(readFileSync(kept, 'utf8')).toBe(before);
    expect(readdirSync(join(b.home, 'replaced')).filter((name) => /old|young|somebody/.test(name))).toEqual([`${NOW - 29 * 86_400_000}-young`, 'somebody']);
  });

  it('takes over what was written to the old file at the last moment', async () => {
    const base = chain([], 2, { name: 'a', cwd: shopB });
    const path = b.write(b.fileOf(shopB), text(base));
    a.write(a.fileOf(shopA), text(chain(chain([], 2, { name: 'a', cwd: shopA }), 1, { name: 'more', cwd: shopA })));
    const late = chain(base, 2, { name: 'late', cwd: shopB }).slice(2);
    const answer = await b.receive(a.request(), {
      rename: (from, to) => {
        appendFileSync(to, text(late));
        renameSync(from, to);
      },
    });
    expect(answer).toMatchObject({ result: 'longer', late_lines: 2 });
    const lines = b.lines(path);
    expect(lines.map(({ uuid }) => uuid)).toEqual(['a-0', 'a-1', 'more-0', 'late-0', 'late-1']);
    expect(isValidChain(lines)).toBe(true);
  });

  it('loses no last line that lacks its newline', async () => {
    const state = '{"type":"cost-state","total":1}';
    const base = chain([], 2, { name: 'a', cwd: shopB });
    b.write(b.fileOf(shopB), text(base) + state);
    a.write(a.fileOf(shopA), text(chain(chain([], 2, { name: 'a', cwd: shopA }), 1, { name: 'more', cwd: shopA })));
    // Somebody ends the line at the last moment, and goes on.
    const [, , late = ''] = chain(base, 1, { name: 'late', cwd: shopB });
    const rename = (from: string, to: string): void => {
      appendFileSync(to, `\n${late}`);
      renameSync(from, to);
    };
    expect(await b.receive(a.request(), { rename })).toMatchObject({ result: 'longer', late_lines: 1 });
    expect(readFileSync(b.fileOf(shopB), 'utf8').endsWith(`\n${late}\n`)).toBe(true);
    expect(b.lines(b.fileOf(shopB)).map(({ uuid, type }) => uuid ?? type)).toEqual(['a-0', 'a-1', 'cost-state', 'more-0', 'late-0']);
  });

  it('carries no half of a last line', async () => {
    const base = chain([], 2, { name: 'a', cwd: shopB });
    b.write(b.fileOf(shopB), text(base) + text(chain(base, 1, { name: 'late', cwd: shopB }).slice(2)).slice(0, -10));
    a.write(a.fileOf(shopA), text(chain(chain([], 2, { name: 'a', cwd: shopA }), 1, { name: 'more', cwd: shopA })));
    expect(await b.receive(a.request())).toMatchObject({ result: 'longer', late_lines: 0 });
    expect(b.lines(b.fileOf(shopB)).map(({ uuid }) => uuid)).toEqual(['a-0', 'a-1', 'more-0']);
  });
});

describe('both sides went on', () => {
  const both = (held: number, offered: number): void => {
    b.write(b.fileOf(shopB), text(chain(chain([], 2, { name: 'a', cwd: shopB }), 2, { name: 'b', cwd: shopB, atMs: held })));
    a.write(a.fileOf(shopA), text([...chain(chain([], 2, { name: 'a', cwd: shopA }), 3, { name: 'o', cwd: shopA, atMs: offered }), '{"type":"cost-state"}']));
  };
  const uuids = (session: string): (string | undefined)[] => b.lines(b.fileOf(shopB, session)).flatMap(({ uuid }) => uuid ?? []);

  it('what came keeps the name where it is newer; what was here is a session of its own that says where it comes from', async () => {
    both(NOW - 8_000_000, NOW - 4_000_000);
    b.write(join(dirname(b.fileOf(shopB)), SESSION, 'subagents/agent-b.jsonl'), text(chain([], 1, { name: 'sb', cwd: shopB })));
    const fork = forkOf(SESSION, 'b-0');
    expect(await b.receive(a.request())).toMatchObject({ result: 'diverged', other: { session: fork, whose: 'held', entries: 2 } });
    expect(uuids(SESSION)).toEqual(['a-0', 'a-1', 'o-0', 'o-1', 'o-2']);
    expect(uuids(fork)).toEqual(['a-0', 'a-1', 'b-0', 'b-1']);
    const lines = b.lines(b.fileOf(shopB, fork));
    expect(lines.every(({ sessionId }) => sessionId === fork)).toBe(true);
    expect(lines[3]?.forkedFrom).toEqual({ sessionId: SESSION, messageUuid: 'b-1' });
    expect(existsSync(join(dirname(b.fileOf(shopB)), fork, 'subagents/agent-b.jsonl'))).toBe(true);
  });

  it('a last entry that lacks its newline went on, too, and files that are no lines stay as they are', async () => {
    b.write(b.fileOf(shopB), text(chain(chain([], 2, { name: 'a', cwd: shopB }), 1, { name: 'b', cwd: shopB, atMs: NOW - 8_000_000 })).trimEnd());
    b.write(join(dirname(b.fileOf(shopB)), SESSION, 'subagents/agent-b.meta.json'), '{"finished":true}');
    a.write(a.fileOf(shopA), text(chain(chain([], 2, { name: 'a', cwd: shopA }), 1, { name: 'o', cwd: shopA, atMs: NOW - 4_000_000 })));
    const fork = forkOf(SESSION, 'b-0');
    expect(await b.receive(a.request())).toMatchObject({ result: 'diverged', other: { session: fork, whose: 'held', entries: 1 } });
    expect(uuids(fork)).toEqual(['a-0', 'a-1', 'b-0']);
    expect(readFileSync(join(dirname(b.fileOf(shopB)), fork, 'subagents/agent-b.meta.json'), 'utf8')).toBe('{"finished":true}');
  });

  it('one uuid that says two things is two entries: neither is written over', async () => {
    const base = (cwd: string, said: string): string => text(chain([], 2, { name: 'a', cwd })).replace('a 1 in', said);
    b.write(b.fileOf(shopB), base(shopB, 'what was said here'));
    a.write(a.fileOf(shopA), base(shopA, 'what was said there'));
    const answer = await b.receive(a.request());
    expect(answer).toMatchObject({ result: 'diverged', other: { whose: 'offered', entries: 1 }, replaced: null });
    const fork = 'other' in answer ? (answer.other?.session ?? '') : '';
    expect([SESSION, fork].map((session) => /what was said (here|there)/.exec(readFileSync(b.fileOf(shopB, session), 'utf8'))?.[1])).toEqual(['here', 'there']);
    utimesSync(b.fileOf(shopB, fork), NOW / 1000 - 3600, NOW / 1000 - 3600);
    expect(await b.receive(a.request())).toMatchObject({ result: 'diverged', other: { session: fork } });
    expect(readdirSync(dirname(b.fileOf(shopB))).filter((name) => name.endsWith('.jsonl'))).toHaveLength(2);
  });

  it('what is here keeps the name where it is newer, and handing over again makes no third', async () => {
    both(NOW - 4_000_000, NOW - 8_000_000);
    const before = readFileSync(b.fileOf(shopB), 'utf8');
    const fork = forkOf(SESSION, 'o-0');
    expect(await b.receive(a.request())).toMatchObject({ result: 'diverged', other: { session: fork, whose: 'offered', entries: 3 }, replaced: null });
    expect(readFileSync(b.fileOf(shopB), 'utf8')).toBe(before);
    expect(uuids(fork)).toEqual(['a-0', 'a-1', 'o-0', 'o-1', 'o-2']);

    a.write(a.fileOf(shopA), text(chain(readFileSync(a.fileOf(shopA), 'utf8').trimEnd().split('\n'), 2, { name: 'p', cwd: shopA, atMs: NOW - 7_000_000 })));
    utimesSync(b.fileOf(shopB, fork), NOW / 1000 - 3600, NOW / 1000 - 3600);
    expect(await b.receive(a.request())).toMatchObject({ result: 'diverged', other: { session: fork } });
    expect(uuids(fork)).toEqual(['a-0', 'a-1', 'o-0', 'o-1', 'o-2', 'p-0', 'p-1']);
    expect(readdirSync(dirname(b.fileOf(shopB))).filter((name) => name.endsWith('.jsonl'))).toHaveLength(2);
  });
});

describe('a receiving machine', () => {
  const offer = (cwd = shopA): void => void a.write(a.fileOf(cwd), text(chain([], 2, { name: 'a', cwd })));

  it('takes nothing until its owner allows it, except on its own behalf', async () => {
    offer();
    await expect(b.receive(a.request(), { isAllowed: false })).rejects.toMatchObject({ code: 'not_allowed', exitCode: 5 });
    const { request, content } = a.request();
    expect(await b.receive({ request: { ...request, is_own: true }, content }, { isAllowed: false })).toMatchObject({ ok: true });
  });

  it('refuses while Claude runs the session or in its directory, and while the file is being written', async () => {
    offer();
    const registry = b.write(join(b.home, '.claude/sessions/77.json'), JSON.stringify({ pid: 77, sessionId: 'another', cwd: shopB, procStart: '5' }));
    const running = { processes: { isAlive: () => true, isRunning: (pid: number, start: string) => pid === 77 && start === '5', pidDomain: null } };
    await expect(b.receive(a.request(), running)).rejects.toMatchObject({ code: 'session_in_use', message: expect.stringContaining(`in ${shopB}`) as string });
    writeFileSync(registry, JSON.stringify({ pid: 77, sessionId: SESSION, cwd: '/elsewhere' }));
    await expect(b.receive(a.request(), running)).rejects.toMatchObject({ code: 'session_in_use', message: expect.stringContaining('this session') as string });
    writeFileSync(registry, JSON.stringify({ pid: 77, sessionId: 'another', cwd: '/elsewhere' }));
    expect(await b.receive(a.request(), running)).toMatchObject({ result: 'new' });
    utimesSync(b.fileOf(shopB), NOW / 1000 - 30, NOW / 1000 - 30);
    await expect(b.receive(a.request(), running)).rejects.toMatchObject({ code: 'just_changed' });
  });

  it('refuses while a process of which nothing can be told runs there', async () => {
    offer();
    const registry = b.write(join(b.home, '.claude/sessions/77.json'), '{"pid":77,"sessi');
    const processes = { isAlive: (pid: number) => pid === 77, isRunning: () => null, pidDomain: null };
    await expect(b.receive(a.request(), { processes })).rejects.toMatchObject({ code: 'session_in_use', retryable: true });
    renameSync(registry, join(dirname(registry), '78.json'));
    expect(await b.receive(a.request(), { processes })).toMatchObject({ result: 'new' });
  });

  it('replaces no file of a session of which another was written to just now', async () => {
    const beside = (machine: HandedMachine, cwd: string, name: string, content: string): string => machine.write(join(machine.projects, projectDirectoryName(cwd), SESSION, name), content);
    const lines = chain([], 2, { name: 'a', cwd: shopA });
    a.write(a.fileOf(shopA), text(chain(lines, 2, { name: 'more', cwd: shopA })));
    b.write(b.fileOf(shopB), text(lines));
    for (const name of ['tool-results/one.txt', 'tool-results/two.txt']) beside(a, shopA, name, 'newer');
    const [one, two] = ['tool-results/one.txt', 'tool-results/two.txt'].map((name) => beside(b, shopB, name, 'older'));
    utimesSync(two ?? '', NOW / 1000 - 20, NOW / 1000 - 20);
    await expect(b.receive(a.request())).rejects.toMatchObject({ code: 'just_changed', hint: expect.stringContaining('nothing was changed') as string });
    expect([one, two].map((path) => readFileSync(path ?? '', 'utf8'))).toEqual(['older', 'older']);
    expect(b.lines(b.fileOf(shopB))).toHaveLength(2);
    expect(existsSync(join(b.home, 'replaced'))).toBe(false);
  });

  it('says what is done already where somebody writes at the last moment', async () => {
    a.write(a.fileOf(shopA), text(chain([], 4, { name: 'a', cwd: shopA })));
    a.write(join(a.projects, projectDirectoryName(shopA), SESSION, 'tool-results/x.txt'), 'newer');
    const there = b.write(b.fileOf(shopB), text(chain([], 2, { name: 'a', cwd: shopA })));
    b.write(join(b.projects, projectDirectoryName(shopB), SESSION, 'tool-results/x.txt'), 'older');
    const rename = (from: string, to: string): void => {
      renameSync(from, to);
      appendFileSync(there, '{"type":"late"}\n');
    };
    await expect(b.receive(a.request(), { rename })).rejects.toMatchObject({ code: 'just_changed', hint: expect.stringContaining(join(b.home, 'replaced')) as string });
    expect(readFileSync(there, 'utf8')).toContain('late');
  });

  it('asks where it could be several directories, and takes the one that was said', async () => {
    const elsewhere = a.repository('work/tool');
    offer(elsewhere);
    await expect(b.receive(a.request())).rejects.toMatchObject({ code: 'directory_missing' });
    const [one, two] = [b.repository('src/deep/tool'), b.repository('projects/tool')];
    b.repository('projects/my-tool');
    await expect(b.receive(a.request())).rejects.toMatchObject({ code: 'directory_ambiguous', candidates: expect.arrayContaining([one, two]) as string[] });
    expect(await b.receive(a.request(SESSION, { to: two }))).toMatchObject({ directory: two, project_directory: join(b.projects, projectDirectoryName(two)) });
    await expect(b.receive(a.request(SESSION, { to: one }))).rejects.toMatchObject({ code: 'held_elsewhere' });
  });

  it('says what it would do, and writes nothing', async () => {
    offer();
    const before = readdirSync(b.home, { recursive: true }).length;
    const { request, content } = a.request();
    expect(await b.receive({ request: { ...request, action: 'plan', files: [] }, content })).toEqual({ schema: 1, ok: true, action: 'plan', directory: shopB, project_directory: dirname(b.fileOf(shopB)), is_held: false });
    expect(readdirSync(b.home, { recursive: true })).toHaveLength(before);
  });

  it('changes nothing where what was sent is cut off or damaged', async () => {
    offer();
    const { request, content } = a.request();
    await expect(b.receive({ request, content: () => Readable.from([Buffer.from('half')], { objectMode: false }) })).rejects.toMatchObject({ code: 'cut_off' });
    await expect(b.receive({ request: { ...request, files: request.files.map((file) => ({ ...file, sha256: '0'.repeat(64) })) }, content })).rejects.toMatchObject({ code: 'damaged' });
    expect(existsSync(b.fileOf(shopB))).toBe(false);
    expect(leftovers(b)).toEqual([]);
  });

  it('writes nowhere through a link', async () => {
    offer();
    const outside = mkdtempSync(join(tmpdir(), 'tt-outside-'));
    symlinkSync(outside, dirname(b.fileOf(shopB)));
    await expect(b.receive(a.request())).rejects.toMatchObject({ code: 'not_a_file' });
    expect(readdirSync(outside)).toEqual([]);
    const second = new HandedMachine('gamma');
    const shop = second.repository('shop', REMOTE);
    second.write(join(outside, 'x.jsonl'), 'x');
    mkdirSync(dirname(second.fileOf(shop)), { recursive: true });
    symlinkSync(join(outside, 'x.jsonl'), second.fileOf(shop));
    await expect(second.receive(a.request())).rejects.toMatchObject({ code: 'not_a_file' });
    expect(readFileSync(join(outside, 'x.jsonl'), 'utf8')).toBe('x');
  });

  it.each([
    '../x.jsonl', '/etc/passwd', `${SESSION}/../../x.jsonl`, `${SESSION}/subagents/../../../x`, `${SESSION}/hooks/x`, `${SESSION}.jsonl/x`, 'other.jsonl', `${SESSION}/subagents/a\0b`, `${SESSION}//subagents/x`, `${SESSION}\\x.jsonl`,
  ])('refuses the name %j', async (name) => {
    offer();
    const { request, content } = a.request();
    await expect(b.receive({ request: { ...request, files: [...request.files, { name, bytes: 1, sha256: '0'.repeat(64) }] }, content })).rejects.toMatchObject({ code: 'request_invalid' });
  });

  it('refuses what is no session, is too much, or names one thing twice', async () => {
    offer();
    const { request, content } = a.request();
    const [file] = request.files;
    const many = Array.from({ length: 10_001 }, (_, n) => ({ name: `${SESSION}/subagents/${n}`, bytes: 0, sha256: '0'.repeat(64) }));
    for (const bad of [
      { ...request, session: '../x' }, { ...request, session: '' }, { ...request, files: [] }, { ...request, files: [file, file] }, { ...request, files: many },
      { ...request, files: [{ ...file, bytes: 17 * 1024 ** 3 }] }, { ...request, from: { ...request.from, cwd: 'relative' } }, { ...request, to: '/a/../b' }, { ...request, schema: 2 }, 'x', null,
    ]) await expect(b.receive({ request: bad, content })).rejects.toMatchObject({ code: 'request_invalid' });
    expect(existsSync(b.fileOf(shopB))).toBe(false);
  });
});
