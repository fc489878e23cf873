import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { COMMANDS } from '../../collector/commands/table.ts';
import { toCommandLine } from '../../collector/commands/context-flags.ts';
import { openStore } from '../../collector/writer/open-store.ts';
import { openReader } from '../../collector/store/database.ts';
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import type { JsonValue, SessionState, TtEvent } from '../../shared/event.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { runCommand, type CommandRun, type RunOptions } from './command-run.ts';
import { ManualClock } from './manual-clock.ts';
import { genOf, jobOf, refOf, START_MS, testEvent, testMachine } from './store-fixture.ts';

export const MACHINE = refOf(testMachine(1));
const MINUTE_MS = 60_000;

/** A home with a database of its own; the clock stands an hour after the first event. */
export interface StreamsHome {
  paths: Paths;
  tt(argv: readonly string[], options?: RunOptions): Promise<CommandRun>;
  json<T = Record<string, unknown>>(...argv: string[]): Promise<T>;
  store(events: readonly TtEvent[], states?: readonly SessionState[]): void;
  rows(sql: string): unknown[];
  [Symbol.dispose](): void;
}

export function openStreamsHome(): StreamsHome {
  const home = mkdtempSync(join(tmpdir(), 'tt-streams-'));
  const paths = resolvePaths({}, home);
  makePrivateDirectory(dirname(paths.database));
  const clock = new ManualClock(START_MS + 60 * MINUTE_MS);
  let gen = 1;
  const tt = (argv: readonly string[], options: RunOptions = {}): Promise<CommandRun> => runCommand(COMMANDS, toCommandLine(argv), home, { clock, ...options });
  return {
    paths,
    tt,
    async json<T>(...argv: string[]) {
      const { stdout, stderr } = await tt(argv);
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout) as T;
    },
    store(events, states = []) {
      const store = openStore(paths.database, { now: () => START_MS, monotonic: () => 0 });
      store.committer.commit([jobOf(MACHINE, { gen: genOf(gen++), events, states })]);
      store.close();
    },
    rows(sql) {
      const reader = openReader(paths.database);
      try {
        return reader.prepare(sql).all();
      } finally {
        reader.close();
      }
    },
    [Symbol.dispose]() {
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** `minute` after the start of the tests' day. */
export function at(minute: number): number {
  return START_MS + minute * MINUTE_MS;
}

export function prompt(session: string, minute: number, rest: { [key: string]: JsonValue } = {}): TtEvent {
  const uuid = `${session.padEnd(8, '0').slice(0, 8)}-0000-4000-8000-${String(minute).padStart(12, '0')}`.replaceAll(/[^0-9a-f-]/g, '0');
  return testEvent({ machineId: MACHINE.machineId, type: 'user_message', discriminator: uuid, at: at(minute) }, {
    session_id: session, cwd: '/home/a/web', kind: 'prompt', origin: 'human', text: `do ${minute}`, length: 4, has_image: false, ...rest,
  });
}

export function toolUse(session: string, minute: number, rest: { [key: string]: JsonValue } = {}): TtEvent {
  return testEvent({ machineId: MACHINE.machineId, type: 'agent_tool_use', discriminator: `toolu_${session}_${minute}`, at: at(minute) }, { session_id: session, cwd: '/home/a/web', tool: 'Bash', ...rest });
}

export function started(session: string, minute: number, rest: { [key: string]: JsonValue } = {}): TtEvent {
  return testEvent({ machineId: MACHINE.machineId, type: 'agent_session', discriminator: `${session}:started`, at: at(minute) }, { session_id: session, cwd: '/home/a/web', action: 'started', ...rest });
}

export function paneFocus(minute: number, rest: { [key: string]: JsonValue } = {}): TtEvent {
  return testEvent({ machineId: MACHINE.machineId, type: 'tmux_pane_focus', discriminator: `%${minute}`, source: 'remote.tmux', at: at(minute) }, { cwd: '/home/a/web', pane_id: '%1', tmux_session: 'dev', ...rest });
}

export function windowFocus(minute: number, rest: { [key: string]: JsonValue } = {}): TtEvent {
  return testEvent({ machineId: MACHINE.machineId, type: 'window_focus', discriminator: `app:${minute}`, source: 'local.watcher', at: at(minute) }, { window_app_id: 'firefox', window_title: 'a page', ...rest });
}
