// Every test run gets a home of its own. Nothing that a test starts can read or write the real one:
// not the developer's Claude Code logs, not an installed tt, not a running tmux server.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Under /tmp and short: a Unix socket's path may have 107 bytes.
const prefix = join(tmpdir(), 'tt-test-');

/** Variables that would lead a program back to the real home, or make it behave differently there. */
const inherited = /^(TT_|TMUX|CLAUDE|XDG_|SSH_|GIT_|HOST_MACHINE$|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$)/;

export function privateEnvironment(top: string): Record<string, string> {
  const home = join(top, 'home');
  return {
    HOME: home,
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_STATE_HOME: join(home, '.local', 'state'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_RUNTIME_DIR: join(top, 'run'),
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    TMUX_TMPDIR: join(top, 'tmux'),
    GIT_CONFIG_NOSYSTEM: '1',
  };
}

export function setup(): () => void {
  const top = mkdtempSync(prefix);
  for (const name of Object.keys(process.env)) {
    if (inherited.test(name)) delete process.env[name];
  }
  for (const [name, value] of Object.entries(privateEnvironment(top))) {
    process.env[name] = value;
    if (value.startsWith(top)) mkdirSync(value, { recursive: true, mode: 0o700 });
  }
  return () => rmSync(top, { recursive: true, force: true });
}
