/** What goes to other machines: the agent beside the running program, and the hooks. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TtError } from '../../shared/errors.ts';

const HOOK = readFileSync(new URL('../../deploy/hook.sh', import.meta.url), 'utf8');
const HOOKS_CONF = readFileSync(new URL('../../deploy/tmux-hooks.conf', import.meta.url), 'utf8');

export interface ShippedFiles {
  agent: Uint8Array;
  hook: string;
  hooksConf: string;
}

/** `program`: the file that runs; a link to it (`npm link`) will do. Throws `not_built`. */
export function readShippedFiles(program: string): ShippedFiles {
  const file = join(dirname(existsSync(program) ? realpathSync(program) : program), 'tt-agent.mjs');
  if (!existsSync(file)) {
    throw new TtError('not_built', `there is no ${file} to copy`, { hint: 'build it (npm run build) and run dist/tt.mjs, or install the package whole' });
  }
  return { agent: readFileSync(file), hook: HOOK, hooksConf: HOOKS_CONF };
}
