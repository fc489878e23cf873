import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseEventId } from '../../shared/event-id.ts';
import { toEventId } from '../../shared/ids.ts';
import { HOOK_LINE_BYTES } from '../../shared/limits.ts';

const HOOK = fileURLToPath(new URL('../../deploy/hook.sh', import.meta.url));
const MACHINE = '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const hasProgram = (name: string): boolean => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
/** Shells that stand behind /bin/sh somewhere. */
const SHELLS = [['sh'], ['dash'], ['bash', '--posix'], ['busybox', 'ash'], ['mksh']].filter(([name]) => hasProgram(name ?? ''));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-hook-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const dataDir = (): string => join(home, '.local/share/tt');
const eventLog = (): string => join(dataDir(), 'events.jsonl');
const hookLog = (): string => readFileSync(join(home, '.local/state/tt/log/hook.log'), 'utf8');

function enrol(text = `{\n  "machine_id": "${MACHINE}",\n  "label": "devbox"\n}`): void {
  mkdirSync(dataDir(), { recursive: true });
  writeFileSync(join(dataDir(), 'machine.json'), text);
}

function environment(more: Record<string, string> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: home, ...more };
}

function hook(args: string[], { shell = ['sh'], env = {} }: { shell?: string[]; env?: Record<string, string> } = {}) {
  const [program = 'sh', ...options] = shell;
  const { status, stdout, stderr } = spawnSync(program, [...options, HOOK, ...args], { encoding: 'utf8', env: environment(env) });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
}

function lines(file = eventLog()): string[] {
  const text = readFileSync(file, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

function parsed(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? '') as Record<string, unknown>;
}

describe('the hook', () => {
  it('writes a line that is byte for byte the event of the type table', () => {
    enrol();
    const before = Date.now();
    hook(['pane-focus', '%3', '/home/user/project', 'dev', '1']);
    const [line = ''] = lines();
    const at = String(parsed(line)['timestamp']);
    expect(line).toBe(
      `{"id":"${MACHINE}:remote.tmux:tmux_pane_focus:${at}:%3","timestamp":"${at}","source":"remote.tmux",` +
        '"type":"tmux_pane_focus","cwd":"/home/user/project","pane_id":"%3","tmux_session":"dev","window_index":1}',
    );
    expect(parseEventId(toEventId(String(parsed(line)['id'])))).toMatchObject({ discriminator: '%3' });
    expect(Math.abs(Date.parse(at) - before)).toBeLessThan(10_000);
  });

  it('records scrolling, and leaves out a window it was not told', () => {
    enrol();
    hook(['scroll', '%0', '/p', 'dev']);
    hook(['scroll', '%0', '/p', 'dev', '']);
    hook(['scroll', '%0', '/p', 'dev', 'x']);
    for (const line of lines()) {
      expect(Object.keys(parsed(line))).toEqual(['id', 'timestamp', 'source', 'type', 'cwd', 'pane_id', 'tmux_session']);
    }
  });

  const controls = Array.from({ length: 31 }, (_, i) => String.fromCharCode(i + 1)).join('');
  const nasty = [
    '/a "b" \\c\\', "/it's $(touch pwned) `touch pwned`", '/line\nbreak\n', `/all${controls}\u007f`, '/é/日本/😀', '*', '-n %s %%', '',
    '/\\u0041', '~', '/tab\tand\rreturn',
  ];
  it.each(SHELLS.map((shell) => [shell.join(' '), shell]))('keeps every character of a directory and a session, in %s', (_name, shell) => {
    enrol();
    for (const text of nasty) hook(['pane-focus', '%1', text, text === '' ? 'x' : text, '0'], { shell: shell });
    expect(lines().map((line) => parsed(line)['cwd'])).toEqual(nasty);
    expect(lines().map((line) => parsed(line)['tmux_session'])).toEqual(nasty.map((text) => (text === '' ? 'x' : text)));
    expect(existsSync(join(home, 'pwned'))).toBe(false);
  });

  it('prints JSON exactly as JSON.stringify does', () => {
    enrol();
    for (const text of nasty) hook(['pane-focus', '%1', text, 'dev']);
    for (const line of lines()) expect(line).toBe(JSON.stringify(JSON.parse(line)));
  });

  it.each([
    ['compact', `{"machine_id":"${MACHINE}","label":"x"}`], ['in another order', `{"label":"x",\n"machine_id" : "${MACHINE}" }\n`],
  ])('finds the identity in a machine.json that is %s', (_what, text) => {
    enrol(text);
    hook(['pane-focus', '%1', '/p', 'dev']);
    expect(parsed(lines()[0])['id']).toMatch(new RegExp(`^${MACHINE}:remote\\.tmux:`));
  });

  it.each([['no', undefined], ['an empty', ''], ['a broken', '{"machine_id": "not-a-uuid"}']])(
    'records without a prefix when there is %s machine.json: the agent adds it', (_what, text) => {
      if (text !== undefined) enrol(text);
      hook(['pane-focus', '%1', '/p', 'dev']);
      expect(parsed(lines()[0])['id']).toMatch(/^remote\.tmux:tmux_pane_focus:[^ ]+Z:%1$/);
    },
  );

  it('makes its directory and file for their owner only', () => {
    hook(['pane-focus', '%1', '/p', 'dev']);
    expect(statSync(dataDir()).mode & 0o777).toBe(0o700);
    expect(statSync(eventLog()).mode & 0o777).toBe(0o600);
  });

  it('follows XDG_DATA_HOME, unless it is relative', () => {
    hook(['pane-focus', '%1', '/p', 'dev'], { env: { XDG_DATA_HOME: join(home, 'data here') } });
    expect(lines(join(home, 'data here/tt/events.jsonl'))).toHaveLength(1);
    hook(['pane-focus', '%1', '/p', 'dev'], { env: { XDG_DATA_HOME: 'relative' } });
    expect(lines()).toHaveLength(1);
  });

  it('takes whole seconds where `date` knows no milliseconds', () => {
    const bin = join(home, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'date'), '#!/bin/sh\necho 2026-01-05T10:00:00.3NZ\n');
    chmodSync(join(bin, 'date'), 0o755);
    hook(['pane-focus', '%1', '/p', 'dev'], { env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
    expect(parsed(lines()[0])['timestamp']).toBe('2026-01-05T10:00:00.000Z');
  });
});

describe('a line that would not fit', () => {
  it('keeps the whole directory at the cost of the session', () => {
    enrol();
    const cwd = `/${'deep/'.repeat(150)}end`;
    hook(['pane-focus', '%1', cwd, 'é'.repeat(2000), '1']);
    const [line = ''] = lines();
    expect(Buffer.byteLength(line) + 1).toBeLessThanOrEqual(HOOK_LINE_BYTES);
    expect(parsed(line)['cwd']).toBe(cwd);
    expect(String(parsed(line)['tmux_session'])).toMatch(/^é*…$/);
  });

  it.each(SHELLS.map((shell) => [shell.join(' '), shell]))('cuts the directory at a slash and marks the cut, in %s', (_name, shell) => {
    enrol();
    const cwd = `/${`dépôt "x"\n${'y'.repeat(100)}/`.repeat(40)}end`;
    hook(['pane-focus', '%1', cwd, `dev ${'s'.repeat(1000)}`, '1'], { shell: shell });
    const [line = '', ...more] = lines();
    expect(more).toEqual([]);
    expect(Buffer.byteLength(line) + 1).toBeLessThanOrEqual(HOOK_LINE_BYTES);
    const kept = String(parsed(line)['cwd']);
    expect(kept.endsWith('/…')).toBe(true);
    expect(cwd.startsWith(kept.slice(0, -1))).toBe(true);
    expect(kept.length).toBeGreaterThan(2500);
  });
});

describe('two hundred hooks at once', () => {
  it('leave two hundred whole lines', async () => {
    enrol();
    const run = promisify(execFile);
    const cwd = `/${'long directory "name"/'.repeat(100)}`;
    const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => run('sh', [HOOK, 'pane-focus', '%1', cwd, name], { env: environment() })));
    expect(lines().map((line) => String(parsed(line)['tmux_session'])).toSorted()).toEqual(names.toSorted());
  });
});

describe('a hook that cannot do its work', () => {
  it.each([
    ['an unknown event', ['jump', '%1', '/p', 'dev']], ['no event', []], ['no pane', ['pane-focus', '', '/p', 'dev']],
    ['no session', ['pane-focus', '%1', '/p', '']],
  ])('exits 0 and logs %s', (_what, args) => {
    hook(args);
    expect(hookLog()).toMatch(/^\S+Z hook\.sh: .+\n$/);
    expect(existsSync(eventLog())).toBe(false);
  });

  it('exits 0 and logs when it cannot write', () => {
    mkdirSync(eventLog(), { recursive: true });
    hook(['pane-focus', '%1', '/p', 'dev']);
    expect(hookLog()).toContain('events.jsonl');
  });

  it('exits 0 even when it cannot log', () => {
    writeFileSync(join(home, '.local'), 'a file');
    hook(['pane-focus', '%1', '/p', 'dev']);
    expect(readFileSync(join(home, '.local'), 'utf8')).toBe('a file');
  });

  it('does not let its log grow without end', () => {
    mkdirSync(join(home, '.local/state/tt/log'), { recursive: true });
    writeFileSync(join(home, '.local/state/tt/log/hook.log'), 'x'.repeat(300_000));
    hook(['jump']);
    expect(hookLog().length).toBeLessThan(1000);
  });
});

describe('the script', () => {
  it.skipIf(!hasProgram('dash'))('is POSIX shell to dash', () => {
    const { status, stderr } = spawnSync('dash', ['-n', HOOK], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(!hasProgram('shellcheck'))('has nothing that shellcheck warns about', () => {
    expect(spawnSync('shellcheck', ['-s', 'sh', HOOK], { encoding: 'utf8' }).stdout).toBe('');
  });

  it('starts no program but date, when nothing needs escaping', () => {
    enrol();
    const bin = join(home, 'bin');
    mkdirSync(bin);
    const date = spawnSync('sh', ['-c', 'command -v date'], { encoding: 'utf8' }).stdout.trim();
    cpSync(date, join(bin, 'date'));
    hook(['pane-focus', '%1', '/p', 'dev', '1'], { shell: ['/bin/sh'], env: { PATH: bin } });
    expect(lines()).toHaveLength(1);
  });
});
