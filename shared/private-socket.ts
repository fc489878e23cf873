/** A Unix socket that only its owner can open: 0600 in a 0700 directory. */
import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { makePrivateDirectory } from './atomic-file.ts';

/**
 * Resolves when `server` listens at `socketPath`. The caller holds the lock that
 * says nobody else does: whatever lies there is a leftover and is removed.
 */
export async function listenPrivately(server: Server, socketPath: string): Promise<void> {
  makePrivateDirectory(dirname(socketPath));
  rmSync(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(socketPath, 0o600);
}
