/**
 * What runs at the far end of a tunnel: a POSIX shell of the user's account.
 *
 * Both commands travel as one argument through whatever login shell there is
 * (sh, zsh, fish, csh): in single quotes, without a newline, a `'` or a `!`.
 * Values go through stdin, never into the command.
 */
import { readFileSync } from 'node:fs';
import { PLACES } from '../deploy/places.ts';
import { toRemoteCommand } from '../deploy/remote-shell.ts';

/** How an endpoint names a socket (shared/protocol/endpoint.ts). */
const SOCKET_ENDPOINT = 'tt+unix://';

function shellCommand(steps: readonly string[]): string {
  return `exec /bin/sh -c '${steps.join('; ')}'`;
}

/** Prints what `parseRemotePlace` reads; see the script. */
export const FIND_PLACE_COMMAND = toRemoteCommand(PLACES + readFileSync(new URL('../../deploy/remote-find-place.sh', import.meta.url), 'utf8'));

/**
 * Reads four lines: endpoint, its socket ('' for a port), state directory, token.
 * Checks that the socket is there, removes those of earlier tunnels (nobody can
 * come by them any more), tells the agent by `endpoint.json`, answers
 * `tt tunnel ok TOKEN`, repeats what else it is told, and lasts until its stdin ends.
 */
export const HOLD_COMMAND = shellCommand([
  'umask 077',
  'IFS= read -r u && IFS= read -r k && IFS= read -r s && IFS= read -r t || exit 1',
  'if [ -n "$k" ]; then if [ -S "$k" ]; then :; else echo "tt tunnel refused" >&2; exit 1; fi; fi',
  'if [ -n "$k" ]; then for f in "${k%/*}"/in-*.sock; do if [ "$f" = "$k" ]; then :; else rm -f "$f"; fi; done; fi',
  'e="$s/.endpoint.json.$$"',
  `printf "{\\"url\\":\\"%s\\"}\\n" "$u" > "$e" && mv -f "$e" "$s/endpoint.json" || { rm -f "$e"; echo "tt tunnel write" >&2; exit 1; }`,
  'echo "tt tunnel ok $t"',
  'exec cat',
]);

/** Where a remote keeps what a tunnel needs. */
export interface RemotePlace {
  stateDir: string;
  socketDir: string;
}

/** Out of what FIND_PLACE_COMMAND printed, after whatever a login shell said first. */
export function parseRemotePlace(output: string): RemotePlace | undefined {
  const lines = output.split('\n').map((line) => line.replace(/\r$/, ''));
  const start = lines.lastIndexOf('tt place');
  const [stateDir, socketDir] = [lines[start + 1], lines[start + 2]];
  if (start < 0 || !stateDir?.startsWith('/') || !socketDir?.startsWith('/')) return undefined;
  return { stateDir, socketDir };
}

export interface HoldRequest {
  endpoint: string;
  stateDir: string;
  token: string;
}

/** stdin of HOLD_COMMAND. */
export function printHoldRequest({ endpoint, stateDir, token }: HoldRequest): string {
  const socket = endpoint.startsWith(SOCKET_ENDPOINT) ? endpoint.slice(SOCKET_ENDPOINT.length) : '';
  return `${endpoint}\n${socket}\n${stateDir}\n${token}\n`;
}
