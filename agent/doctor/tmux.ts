/** What tmux on this machine has loaded. The only starter of tmux. */
import type { RunProgram } from '../../shared/service/service.ts';

export interface TmuxHook {
  /** With its index: `pane-focus-in[71]`. */
  name: string;
  command: string;
}

export interface TmuxFacts {
  installed: boolean;
  /** A server answers at the usual socket, or the one of `$TMUX`. */
  running: boolean;
  hooks: readonly TmuxHook[];
  focusEvents: boolean;
  /** The option that all of our hooks take their arguments from. */
  arguments: string | null;
}

/** Limit: servers of other sockets (`tmux -L`) are not looked for. */
export async function readTmux(run: RunProgram): Promise<TmuxFacts> {
  const tmux = async (...args: string[]): Promise<string | undefined> => {
    const { code, stdout } = await run('tmux', args);
    return code === 0 ? stdout : undefined;
  };
  if ((await tmux('-V')) === undefined) return { installed: false, running: false, hooks: [], focusEvents: false, arguments: null };
  const [session, window] = [await tmux('show-hooks', '-g'), await tmux('show-hooks', '-gw')];
  return {
    installed: true,
    running: session !== undefined,
    hooks: parseHooks(`${session ?? ''}\n${window ?? ''}`),
    focusEvents: (await tmux('show-options', '-gqv', 'focus-events'))?.trim() === 'on',
    arguments: (await tmux('show-options', '-gqv', '@tt-args'))?.replace(/\n$/, '') || null,
  };
}

/** Hooks without a command are printed by their name alone. */
export function parseHooks(text: string): TmuxHook[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-z-]+(?:\[\d+\])?) (.+)$/.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ name: match[1], command: match[2] }];
  });
}
