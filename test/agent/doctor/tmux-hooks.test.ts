import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeTmuxHooks, shippedArguments, shippedHooks } from '../../../agent/doctor/tmux-hooks.ts';
import { parseHooks, readTmux, type TmuxFacts } from '../../../agent/doctor/tmux.ts';
import type { CheckState } from '../../../shared/doctor/check.ts';
import { programRunner } from '../../../shared/service/keeper.ts';

const HOOKS = fileURLToPath(new URL('../../../deploy/tmux-hooks.conf', import.meta.url));
const hasTmux = spawnSync('tmux', ['-V']).status === 0;

const loaded: TmuxFacts = {
  installed: true, running: true, focusEvents: true, arguments: shippedArguments() ?? null,
  hooks: shippedHooks().map((name) => ({ name, command: 'run-shell -b "set -- pane-focus #{E:@tt-args}; #{@tt-hook}"' })),
};
const hook = (command: string, name = 'pane-focus-in[0]') => ({ name, command });
const statesOf = (facts: TmuxFacts): [string, CheckState][] => judgeTmuxHooks(facts).map(({ id, state }) => [id, state]);

describe('the hooks of tmux', () => {
  it('are fine as shipped', () => {
    expect(shippedHooks()).toHaveLength(5);
    expect(statesOf(loaded)).toEqual([['tmux-hooks', 'ok'], ['focus-events', 'ok']]);
  });

  it.each([
    `run-shell -b "tt ingest pane-focus --pane #{pane_id} --cwd '#{pane_current_path}' --session '#{session_name}' 2>>x"`,
    `run-shell -b 'tt-agent ingest pane-focus --pane #D --cwd . --session #S'`,
    `run-shell "echo #{session_name} >> ~/.local/share/tt/events.jsonl"`,
    `run-shell -b "~/.local/share/tt/hook.sh pane-focus #{pane_id} #{pane_current_path} x"`,
  ])('fail with names from outside unquoted, whatever else is loaded: %s', (command) => {
    const [first] = judgeTmuxHooks({ ...loaded, hooks: [...loaded.hooks, hook(command)] });
    expect(first).toMatchObject({ id: 'tmux-hooks', state: 'fail', fix: expect.stringContaining("set-hook -gu 'pane-focus-in[0]'") as unknown });
  });

  it('warn where they are quoted by #{q:…} alone, and say nothing of other programs’ hooks', () => {
    const quoted = hook('run-shell "tt ingest pane-focus --pane #{pane_id} --cwd #{q:pane_current_path} --session #{q:session_name}"');
    expect(statesOf({ ...loaded, hooks: [...loaded.hooks, quoted] })[0]).toEqual(['tmux-hooks', 'warn']);
    const others = hook('run-shell "statusbar #{pane_current_path} #S"');
    expect(statesOf({ ...loaded, hooks: [...loaded.hooks, others] })[0]).toEqual(['tmux-hooks', 'ok']);
  });

  it.each<[string, Partial<TmuxFacts>, [string, CheckState][]]>([
    ['no hook at all', { hooks: [] }, [['tmux-hooks', 'warn']]],
    ['one missing', { hooks: loaded.hooks.slice(1) }, [['tmux-hooks', 'warn'], ['focus-events', 'ok']]],
    ['another version', { arguments: '#{q:pane_id}' }, [['tmux-hooks', 'warn'], ['focus-events', 'ok']]],
    ['raw arguments', { arguments: '#{pane_id} #{pane_current_path} #{session_name}' }, [['tmux-hooks', 'fail'], ['focus-events', 'ok']]],
    ['no focus events', { focusEvents: false }, [['tmux-hooks', 'ok'], ['focus-events', 'warn']]],
    ['no server', { running: false }, [['tmux-hooks', 'ok']]],
    ['no tmux', { installed: false }, [['tmux-hooks', 'ok']]],
  ])('are judged with %s', (_what, change, expected) => {
    expect(statesOf({ ...loaded, ...change })).toEqual(expected);
  });

  it('are read as tmux prints them', () => {
    expect(parseHooks('after-bind-key\npane-focus-in[71] run-shell -b "x"\nalert-bell display a b\n')).toEqual([
      { name: 'pane-focus-in[71]', command: 'run-shell -b "x"' }, { name: 'alert-bell', command: 'display a b' },
    ]);
  });
});

describe.skipIf(!hasTmux)('a tmux server', () => {
  let top: string;
  beforeEach(() => {
    top = mkdtempSync(join(tmpdir(), 'tt-doctor-'));
    mkdirSync(join(top, 'run'));
  });
  afterEach(() => {
    spawnSync('tmux', ['kill-server'], { env: environment() });
    rmSync(top, { recursive: true, force: true });
  });
  const environment = (): Record<string, string> => ({ PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: top, TMUX_TMPDIR: join(top, 'run'), TERM: 'xterm', LANG: 'C.UTF-8' });
  const read = (): Promise<TmuxFacts> => readTmux(programRunner(environment()));

  async function started(config: string): Promise<void> {
    const file = join(top, 'tmux.conf');
    writeFileSync(file, config);
    await new Promise((resolve) => spawn('tmux', ['-f', file, 'new-session', '-d', '/bin/sh'], { env: environment(), stdio: 'ignore' }).once('close', resolve));
  }

  it('that read the shipped file passes; one that does not run is no fault', async () => {
    expect(judgeTmuxHooks(await read())).toMatchObject([{ state: 'ok' }]);
    await started(`source-file ${HOOKS}\n`);
    expect(judgeTmuxHooks(await read()).map(({ id, state }) => [id, state])).toEqual([['tmux-hooks', 'ok'], ['focus-events', 'ok']]);
  });

  it('with the earlier tool’s hook fails, also beside ours', async () => {
    await started(`source-file ${HOOKS}\nset-hook -ga pane-focus-in "run-shell -b 'tt ingest pane-focus --pane #{pane_id} --cwd \\"#{pane_current_path}\\" --session \\"#{session_name}\\"'"\n`);
    expect(judgeTmuxHooks(await read())[0]).toMatchObject({ id: 'tmux-hooks', state: 'fail', summary: expect.stringContaining('pane-focus-in[0]') as unknown });
  });

  it('whose later line took the place of ours is told of', async () => {
    await started(`source-file ${HOOKS}\nset-hook -g pane-focus-in "display x"\n`);
    expect(judgeTmuxHooks(await read())[0]).toMatchObject({ id: 'tmux-hooks', state: 'warn', summary: expect.stringContaining('pane-focus-in[71]') as unknown });
  });
});
