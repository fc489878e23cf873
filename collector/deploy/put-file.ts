/** One file on the other machine: whole or not at all, and only where it differs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { remoteFailed } from './failures.ts';
import type { RemoteShell } from './remote-shell.ts';

const PUT = readFileSync(new URL('../../deploy/remote-put.sh', import.meta.url), 'utf8');
/** 1.2 MB through a link of a train. */
const LIMIT_MS = 10 * 60_000;

export interface RemoteFile {
  path: string;
  content: Uint8Array;
  /** Octal; `keep`: as it is there. */
  mode: string;
  /** Where the one of before is kept. */
  previous?: string;
}

export function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** `node`: checks it there. Throws; the file of before then stays. */
export async function putFile(shell: RemoteShell, node: string, { path, content, mode, previous = '' }: RemoteFile): Promise<void> {
  const values = [path, mode, sha256Of(content), node, previous];
  const { said } = await shell.run(PUT, { values, content, limitMs: LIMIT_MS });
  // A full disk can end the shell before it says why.
  if (!said.some(({ name }) => name === 'put')) throw remoteFailed(`write ${path}`, shell.host);
}
