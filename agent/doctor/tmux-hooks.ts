/** Are the hooks loaded that tell which pane has the focus, and can a directory's name run a command through them? */
import { readFileSync } from 'node:fs';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import type { TmuxFacts, TmuxHook } from './tmux.ts';

const SHIPPED = readFileSync(new URL('../../deploy/tmux-hooks.conf', import.meta.url), 'utf8');
const LOAD = 'put `source-file ~/.local/share/tt/tmux-hooks.conf` at the end of ~/.tmux.conf, then: tmux source ~/.tmux.conf';

/** What comes from outside: names of directories, sessions and windows, titles of panes; with the short forms. */
const FOREIGN = /#\{(?:pane_current_path|pane_path|session_name|window_name|pane_title|pane_current_command|client_name)\}|#[SWT]\b/;
/** Quoted by tmux, which leaves line breaks as they are. */
const QUOTED = /#\{q:(?:pane_current_path|session_name|window_name|pane_title)\}/;
/** A hook that writes for us, of this version or of the earlier tool. */
const OURS = /@tt-|hook\.sh|events\.jsonl|\btt(?:-agent|-hook)?\b[^|;&]*\bingest\b/;

/** Names of the hooks that tmux-hooks.conf sets, with their index. */
export function shippedHooks(conf = SHIPPED): string[] {
  return [...conf.matchAll(/^set-hook -g (\S+) /gm)].map(([, name = '']) => name);
}

/** What tmux has as `@tt-args` after reading tmux-hooks.conf. */
export function shippedArguments(conf = SHIPPED): string | undefined {
  return /^set -g @tt-args "(.*)"$/m.exec(conf)?.[1]?.replace(/\\(.)/g, '$1');
}

export function judgeTmuxHooks(facts: TmuxFacts): Check[] {
  if (!facts.installed) return [ok('tmux-hooks', 'there is no tmux here; attention is known from prompts alone')];
  if (!facts.running) return [ok('tmux-hooks', 'no tmux server runs; look again while one does')];
  const ours = facts.hooks.filter(({ command }) => OURS.test(command));
  const unsafe = ours.flatMap(judgeQuoting);
  if (unsafe.length > 0) return [...unsafe, ...judgeFocusEvents(facts, ours)];
  return [...judgeLoaded(facts, ours), ...judgeFocusEvents(facts, ours)];
}

function judgeQuoting({ name, command }: TmuxHook): Check[] {
  const remove = `take it out of your tmux.conf, then: tmux set-hook -gu '${name}'; ${LOAD}`;
  if (FOREIGN.test(command)) {
    return [fail('tmux-hooks', `the hook ${name} puts names from outside unquoted into a shell: the name of a directory or a session can run a command`, remove)];
  }
  if (QUOTED.test(command)) {
    return [warn('tmux-hooks', `the hook ${name} quotes by #{q:…}, which leaves line breaks: a directory's name can still run a command`, remove)];
  }
  return [];
}

function judgeLoaded({ arguments: given, hooks }: TmuxFacts, ours: readonly TmuxHook[]): Check[] {
  if (ours.length === 0) return [warn('tmux-hooks', 'tmux tells nothing here: time at a pane without prompts is not known', LOAD)];
  if (given !== null && FOREIGN.test(given)) {
    return [fail('tmux-hooks', 'the hooks take names from outside unquoted: the name of a directory can run a command', `replace tmux-hooks.conf by the one of this version; ${LOAD}`)];
  }
  const missing = shippedHooks().filter((name) => !ours.some((hook) => hook.name === name));
  if (missing.length > 0) {
    const lost = missing.filter((name) => !hooks.some((hook) => hook.name === name));
    return [warn('tmux-hooks', `not loaded: ${missing.join(', ')}${lost.length < missing.length ? ' (another line of your tmux.conf took the place)' : ''}`, LOAD)];
  }
  if (given !== shippedArguments()) return [warn('tmux-hooks', 'the hooks are of another version of tt', `replace tmux-hooks.conf by the one of this version; ${LOAD}`)];
  return [ok('tmux-hooks', `${shippedHooks().length} hooks are loaded, and quoted`)];
}

function judgeFocusEvents({ focusEvents }: TmuxFacts, ours: readonly TmuxHook[]): Check[] {
  if (ours.length === 0) return [];
  if (focusEvents) return [ok('focus-events', 'tmux passes on which pane has the focus')];
  return [warn('focus-events', 'focus-events is off: tmux does not notice when its terminal gets the focus', 'tmux set -g focus-events on; tmux-hooks.conf does it when it is read')];
}
