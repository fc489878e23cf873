import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';

const deploy = (name: string): string => fileURLToPath(new URL(`../../deploy/${name}`, import.meta.url));
const hasTmux = spawnSync('tmux', ['-V']).status === 0;

/** Everything a shell or tmux itself could take for more than a name. */
const HOSTILE = '$(touch pwned) "x" \'y\' é\ntouch pwned\t#(touch pwned) #{pid} {a,b} `touch pwned` \\ ~ ; touch pwned';

let top: string;
let directory: string;
let client: ChildProcess | undefined;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'tt-tmux-'));
  // `#{q:…}` alone would run this path: it leaves a newline as it is, and a path needs no spaces.
  directory = `${join(top, HOSTILE)}\n${join(top, 'evil')}`;
  for (const path of [directory, join(top, 'run'), join(top, '.local/share/tt')]) mkdirSync(path, { recursive: true });
  writeFileSync(join(top, 'evil'), `#!/bin/sh\ntouch ${join(top, 'pwned')}\n`, { mode: 0o755 });
  copyFileSync(deploy('hook.sh'), join(top, '.local/share/tt/hook.sh'));
});

afterEach(() => {
  tmux(['kill-server']);
  client?.kill();
  rmSync(top, { recursive: true, force: true });
});

const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: top, TMUX_TMPDIR: join(top, 'run'), TERM: 'xterm-256color', LANG: 'C.UTF-8',
});

function tmux(args: string[], cwd = top): string {
  const { stdout, stderr } = spawnSync('tmux', ['-L', 'tt', ...args], { encoding: 'utf8', env: environment(), cwd });
  return stdout + stderr;
}

/** A server whose first pane is in `cwd`, with a client attached: without one nothing has the focus. */
async function startServer(cwd: string, session = 'dev'): Promise<void> {
  expect(tmux(['-f', deploy('tmux-hooks.conf'), 'new-session', '-d', '-s', session, '-x', '120', '-y', '40', '/bin/sh'], cwd)).toBe('');
  client = spawn('tmux', ['-L', 'tt', '-C', 'attach'], { stdio: ['pipe', 'ignore', 'ignore'], env: environment() });
  await until('the attached client’s focus', () => recorded().length > 0);
}

interface Line {
  type: string;
  cwd: string;
  pane_id: string;
  tmux_session: string;
  window_index: number;
}

function recorded(): Line[] {
  const file = join(top, '.local/share/tt/events.jsonl');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

/** Lines that `act` brought: at least one that `wanted` accepts. */
async function linesAfter(act: () => void, what: string, wanted: (line: Line) => boolean): Promise<Line[]> {
  const before = recorded().length;
  act();
  return until(what, () => {
    const fresh = recorded().slice(before);
    return fresh.some(wanted) && fresh;
  });
}

describe.skipIf(!hasTmux)('tmux with our hooks (needs tmux)', () => {
  it('records attaching, selecting panes and windows, changing sessions, and copy mode', async () => {
    await startServer(top);
    expect(recorded()[0]).toMatchObject({ type: 'tmux_pane_focus', pane_id: '%0', cwd: top, tmux_session: 'dev', window_index: 0 });

    await linesAfter(() => tmux(['split-window', '/bin/sh']), 'the focus of a new pane', (line) => line.pane_id === '%1');
    await linesAfter(() => tmux(['select-pane', '-t', '%0']), 'the focus of a selected pane', (line) => line.pane_id === '%0');
    await linesAfter(() => tmux(['new-window', '/bin/sh']), 'the focus of a new window',
      (line) => line.pane_id === '%2' && line.window_index === 1);
    tmux(['new-session', '-d', '-s', 'other', '/bin/sh']);
    await linesAfter(() => tmux(['switch-client', '-t', 'other']), 'the focus of another session', (line) => line.tmux_session === 'other');

    const scrolled = await linesAfter(() => tmux(['copy-mode', '-t', '%2']), 'scrolling', (line) => line.type === 'tmux_scroll');
    expect(scrolled.filter((line) => line.type === 'tmux_scroll')).toMatchObject([{ pane_id: '%2' }]);
    tmux(['send-keys', '-t', '%2', '-X', 'cancel']);
    await linesAfter(() => tmux(['switch-client', '-t', 'dev']), 'one more focus', (line) => line.tmux_session === 'dev');
    expect(recorded().filter((line) => line.type === 'tmux_scroll')).toHaveLength(1);
  });

  it('runs nothing that a directory or a session is called, and records both as they are', async () => {
    const session = "it's $(touch pwned) {a,b} `touch pwned`";
    await startServer(directory, session);
    tmux(['split-window', '/bin/sh'], directory);
    await linesAfter(() => tmux(['select-pane', '-t', '%0']), 'a focus', (line) => line.pane_id === '%0');
    await linesAfter(() => tmux(['copy-mode', '-t', '%0']), 'a scroll', (line) => line.type === 'tmux_scroll');
    // A pane that has only just started has no directory yet.
    const settled = recorded().filter((line) => line.cwd !== '');
    expect(settled.length).toBeGreaterThanOrEqual(3);
    for (const line of settled) expect(line).toMatchObject({ cwd: directory, tmux_session: session, window_index: 0 });
    const made = [process.cwd(), top, directory].flatMap((place) => readdirSync(place)).filter((name) => name.startsWith('pwned'));
    expect(made).toEqual([]);
  });

  it('keeps hooks that were there before, and may be read twice', async () => {
    await startServer(top);
    tmux(['set-hook', '-g', 'after-select-pane[3]', 'set -g @mine yes']);
    tmux(['source-file', deploy('tmux-hooks.conf')]);
    expect(tmux(['show-hooks', '-g']).split('\n').filter((line) => line.startsWith('after-select-pane'))).toHaveLength(2);
    await linesAfter(() => tmux(['split-window', '/bin/sh']), 'a new pane', (line) => line.pane_id === '%1');
    tmux(['select-pane', '-t', '%0']);
    expect(tmux(['show-options', '-gv', '@mine'])).toBe('yes\n');
  });

  it.each([['off', '0'], ['on', '1']])('notes once that focus-events were %s, however often it is read', (before, noted) => {
    tmux(['-f', '/dev/null', 'new-session', '-d', '-s', 'dev', '/bin/sh']);
    tmux(['set-option', '-g', 'focus-events', before]);
    for (let time = 0; time < 3; time += 1) {
      expect(tmux(['source-file', deploy('tmux-hooks.conf')])).toBe('');
      expect(tmux(['show-options', '-gv', '@tt-focus-before'])).toBe(`${noted}\n`);
      expect(tmux(['show-options', '-gv', 'focus-events'])).toBe('on\n');
    }
  });

  it('shows nothing in the pane when the hook script is gone', async () => {
    await startServer(top);
    rmSync(join(top, '.local/share/tt/hook.sh'));
    tmux(['split-window', '/bin/sh']);
    tmux(['select-pane', '-t', '%0']);
    // `wait-for` returns after a command that tmux started behind the hooks' ones.
    tmux(['run-shell', 'true']);
    expect(tmux(['display-message', '-p', '-t', '%0', '#{pane_in_mode}'])).toBe('0\n');
  });
});
