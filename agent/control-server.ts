/** A running agent's control socket: `GET /status` on a Unix socket that only its owner can open. */
import { createServer } from 'node:http';
import { chmodSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { makePrivateDirectory } from '../shared/atomic-file.ts';
import type { AgentStatus } from '../shared/status.ts';

export interface ControlServer {
  /** Idempotent. */
  close(): Promise<void>;
}

/** The caller holds the agent's lock: whatever lies at `socketPath` is a leftover. */
export async function openControlServer(socketPath: string, status: () => AgentStatus): Promise<ControlServer> {
  makePrivateDirectory(dirname(socketPath));
  rmSync(socketPath, { force: true });
  const server = createServer((request, response) => {
    const isStatus = request.method === 'GET' && request.url === '/status';
    response.writeHead(isStatus ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(isStatus ? status() : { code: 'not_found', hint: 'there is GET /status' }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  chmodSync(socketPath, 0o600);
  let closed: Promise<void> | undefined;
  return {
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
}
