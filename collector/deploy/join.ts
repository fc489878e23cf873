/** Enrols the other machine through a forward that lasts as long as that takes. */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { REMOTE_FORWARD_OPTIONS } from '../ssh.ts';
import { toSshFailure } from '../tunnel/ssh-failure.ts';
import { agentFailed } from './failures.ts';
import type { RemoteAnswer, RemoteShell, RunOptions } from './remote-shell.ts';

const JOIN = readFileSync(new URL('../../deploy/remote-join.sh', import.meta.url), 'utf8');

export interface JoinOptions {
  /** Of the collector here, as ssh names it: `127.0.0.1:7071`. */
  ingest: string;
  node: string;
  agentFile: string;
  /** Where a socket may be made there. */
  socketDir: string;
  /** A code for this machine; another one where the first was no longer good. */
  makeCode: () => Promise<string>;
}

const TRIES = 2;

/** Throws what the agent or ssh said; the machine has not joined then. */
export async function joinThrough(shell: RemoteShell, clock: Pick<Clock, 'random'>, options: JoinOptions): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const answer = await joinOnce(shell, clock, options);
    if (answer.code === 0) return;
    const isCodeGone = /code unknown/.test(answer.stderr);
    if (isCodeGone && tries < TRIES) continue;
    if (isCodeGone) {
      throw new TtError('code_expired', `the code had expired before ${shell.host} could use it`, {
        hint: `a code holds ten minutes, and until the collector is restarted; run the same command again`, exitCode: EXIT_CODES.unauthorised,
      });
    }
    throw agentFailed(answer.stderr, 'the machine could not be enrolled', shell.host, answer.code === EXIT_CODES.unauthorised ? EXIT_CODES.unauthorised : EXIT_CODES.failed);
  }
}

async function joinOnce(shell: RemoteShell, clock: Pick<Clock, 'random'>, { ingest, node, agentFile, socketDir, makeCode }: JoinOptions): Promise<RemoteAnswer> {
  const code = await makeCode();
  const socket = `${socketDir}/enrol-${Math.floor(clock.random() * 2 ** 32).toString(16).padStart(8, '0')}.sock`;
  const bySocket = await tryForward(shell, {
    sshOptions: [...REMOTE_FORWARD_OPTIONS, '-R', `${socket}:${ingest}`],
    values: [socket, `tt+unix://${socket}`, node, agentFile, code],
  });
  if (bySocket) return bySocket;
  // Its sshd forwards no sockets, perhaps ports.
  const byPort = await tryForward(shell, {
    sshOptions: [...REMOTE_FORWARD_OPTIONS, '-R', `127.0.0.1:0:${ingest}`],
    valuesAfter: {
      says: /Allocated port (\d+) for remote forward|remote port forwarding failed for listen port 0\b/,
      values: ([, port]) => (port === undefined ? [] : ['', `http://127.0.0.1:${port}`, node, agentFile, code]),
    },
  });
  if (byPort) return byPort;
  const { message, hint } = toSshFailure('tt tunnel refused', shell.host);
  throw new TtError('ssh_forwarding', message, { hint });
}

/** Undefined: forwarding is refused. */
async function tryForward(shell: RemoteShell, options: RunOptions): Promise<RemoteAnswer | undefined> {
  try {
    const answer = await shell.run(JOIN, options);
    return answer.code !== 0 && toSshFailure(answer.stderr, shell.host).code === 'forwarding' ? undefined : answer;
  } catch (error) {
    if (error instanceof TtError && error.code === 'ssh_forwarding') return undefined;
    throw error;
  }
}
