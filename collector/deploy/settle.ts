/** Directories and launchers at the other machine, and where a socket may lie there. */
import { readFileSync } from 'node:fs';
import { isEndpoint } from '../../shared/protocol/endpoint.ts';
import { remoteFailed } from './failures.ts';
import { PLACES } from './places.ts';
import type { RemoteShell } from './remote-shell.ts';

const SETTLE = readFileSync(new URL('../../deploy/remote-settle.sh', import.meta.url), 'utf8');

export interface SettleOptions {
  node: string;
  dataDir: string;
  stateDir: string;
}

/** Answers a private directory whose sockets an agent can dial: not every path is one (a blank, an accent). Throws `remote_write`. */
export async function settle(shell: RemoteShell, { node, dataDir, stateDir }: SettleOptions): Promise<string> {
  for (const where of ['', 'tmp']) {
    const { said } = await shell.run(PLACES + SETTLE, { values: [node, dataDir, stateDir, where] });
    const sockets = said.find(({ name }) => name === 'sockets')?.value;
    if (sockets === undefined) break;
    if (isEndpoint(`tt+unix://${sockets}/enrol-00000000.sock`)) return sockets;
  }
  throw remoteFailed(`write ${stateDir}`, shell.host);
}
