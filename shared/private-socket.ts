/** A Unix socket that only its owner can open: 0600 in a 0700 directory. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { makePrivateDirectory } from './atomic-file.ts';
import { TtError } from './errors.ts';

/** `sun_path` of Linux has 108 bytes with its end, that of macOS 104. Node listens at the path cut off there, and says nothing. */
export const SOCKET_PATH_BYTES = 103;

/** Closes the server. The socket's name goes with it, unless another process listens under it by then. */
export type CloseSocket = (onClosed: () => void) => void;

/**
 * Resolves when `server` listens at `socketPath`. The caller holds the lock that
 * says nobody else does: whatever lies there is a leftover and is removed.
 */
export async function listenPrivately(server: Server, socketPath: string): Promise<CloseSocket> {
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_BYTES) {
    throw new TtError('socket_path_too_long', `${socketPath} is too long for the path of a socket (${SOCKET_PATH_BYTES} bytes)`, {
      hint: 'set XDG_STATE_HOME to a shorter directory',
    });
  }
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
  const own = inodeOf(socketPath);
  return (onClosed) => {
    const found = inodeOf(socketPath);
    const aside = found === undefined || found === own ? undefined : setAside(socketPath);
    server.close(onClosed);
    if (aside !== undefined) renameSync(aside, socketPath);
  };
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}

/** Whatever bears the name goes when the server is closed, whosever it is; a socket can be reached again when it has its name back. */
function setAside(path: string): string | undefined {
  const aside = `${path}.${randomBytes(6).toString('hex')}.aside`;
  try {
    renameSync(path, aside);
    return aside;
  } catch {
    return undefined; // Its owner was quicker, or nobody may change the directory: then nothing is removed from it, either.
  }
}
