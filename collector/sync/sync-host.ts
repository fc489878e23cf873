/**
 * One run of `tt sync`: an ssh whose remote command is the agent, and a relay of
 * what it says into the running collector. No port and no socket is forwarded:
 * it works where sshd forbids that.
 */
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, toExitCode, TtError } from '../../shared/errors.ts';
import { createPipe, type Pipe } from '../../shared/protocol/pipe.ts';
import { fromAgentSchema, type FromAgent } from '../../shared/protocol/sync-messages.ts';
import type { Control, ControlResponse } from '../control/control-methods.ts';
import { sshFailed } from '../deploy/failures.ts';
import { FIND_NODE, OLDEST_NODE } from '../deploy/find-node.ts';
import { toRemoteCommand } from '../deploy/remote-shell.ts';
import { newestOf, UNATTENDED_SSH_OPTIONS, type RunSsh, type SshProcess } from '../ssh.ts';

const DRAIN = readFileSync(new URL('../../deploy/remote-drain.sh', import.meta.url), 'utf8');

export interface SyncHostDeps {
  clock: Pick<Clock, 'after'>;
  control: Control;
  runSsh: RunSsh;
  /** The agent's one file, gzipped. */
  agent: Uint8Array;
  /** Ends what is running. */
  stop: AbortSignal;
  onProgress(backlogBytes: number | null): void;
}

export interface SyncRequest {
  host: string;
  /** What a machine that is new is to be called; null: as its host. */
  label: string | null;
}

export interface HostOutcome {
  /** `connected`: its own agent is, so there was nothing to do. */
  state: 'synced' | 'connected' | 'failed';
  machine: string | null;
  stored: number;
  duplicates: number;
  refused: number;
  badLines: number;
  gaps: number;
  error: TtError | null;
}

/** Of the agent's last words, the most that is kept to explain an ssh that failed. */
const KEPT_OUTPUT = 8192;
/** What a login shell may say before our own first word. */
const GREETING_BYTES = 64 * 1024;
/** For the login and 300 kB: a shell that asks something, or a file system that hangs, is left then. */
const GREETING_MS = 120_000;
/** A dead link is left after about 30 s, whatever is on its way. */
const CONNECTION = ['-o', 'ClearAllForwardings=yes', '-o', 'ServerAliveInterval=10', '-o', 'ServerAliveCountMax=3'];

/** Never rejects: what went wrong is in the answer, with what arrived all the same. */
export async function syncHost(request: SyncRequest, deps: SyncHostDeps): Promise<HostOutcome> {
  const nothing = { machine: null, stored: 0, duplicates: 0, refused: 0, badLines: 0, gaps: 0 };
  try {
    const opened = await deps.control.call('sync.open', request);
    if (opened.run === null) return { ...nothing, state: 'connected', machine: opened.label, error: null };
    const { run } = opened;
    const outcome = await runAgent(request.host, { ...opened, run }, deps).then((drained) => ({ drained, error: null }), (error: unknown) => ({ drained: undefined, error: toTtError(error) }));
    const { machine, ...counts } = await deps.control.call('sync.end', { id: run.id });
    const { drained, error } = outcome;
    return { ...nothing, ...counts, machine, state: error ? 'failed' : 'synced', badLines: drained?.bad_lines ?? 0, gaps: drained?.gaps ?? 0, error };
  } catch (error) {
    return { ...nothing, state: 'failed', error: toTtError(error) };
  }
}

type Drained = Extract<FromAgent, { type: 'drained' }>;
type OpenedRun = Omit<ControlResponse<'sync.open'>, 'run'> & { run: NonNullable<ControlResponse<'sync.open'>['run']> };

async function runAgent(host: string, opened: OpenedRun, deps: SyncHostDeps): Promise<Drained> {
  const { clock, stop, agent, runSsh } = deps;
  if (stop.aborted) throw stopped();
  const ssh = runSsh([...UNATTENDED_SSH_OPTIONS, ...CONNECTION, '--', host, toRemoteCommand(FIND_NODE + DRAIN)]);
  const end = (): void => ssh.kill('SIGTERM');
  stop.addEventListener('abort', end, { once: true });
  try {
    const said = newestOf(ssh.stderr, KEPT_OUTPUT);
    const token = randomBytes(16).toString('hex');
    ssh.stdin.write(`${OLDEST_NODE}\n${token}\n${agent.length}\n`);
    ssh.stdin.write(agent);
    let isLate = false;
    const cancel = clock.after(GREETING_MS, () => {
      isLate = true;
      end();
    });
    const isThere = await skipGreeting(ssh.stdout, `tt sync ${token}\n`, ssh.ended);
    cancel();
    const last = isThere ? await talk(ssh, opened, deps) : undefined;
    // Who only greets, and greets on, is read no further.
    if (!isThere) end();
    const code = await ssh.ended;
    if (stop.aborted) throw stopped();
    if (isLate) throw sshFailed(`Timeout, server ${host} not responding.`, host);
    if (last?.type === 'drained') return last;
    throw last ? agentFailed(last) : failedBefore(said(), code, host);
  } finally {
    stop.removeEventListener('abort', end);
    end();
  }
}

/** Reads up to the word that the wire begins behind. False: it ended before. */
async function skipGreeting(stdout: Readable, word: string, ended: Promise<unknown>): Promise<boolean> {
  let read = Buffer.alloc(0);
  const found = new Promise<boolean>((resolve) => {
    const onData = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const at = read.indexOf(word);
      if (at === -1 && read.length <= GREETING_BYTES) return;
      stdout.off('data', onData);
      stdout.pause();
      if (at !== -1) stdout.unshift(read.subarray(at + Buffer.byteLength(word)));
      resolve(at !== -1);
    };
    stdout.on('data', onData);
  });
  return Promise.race([found, ended.then(() => false)]);
}

type LastWord = Extract<FromAgent, { type: 'drained' | 'failed' }>;

/** Until the agent ended; answers its last word, if it said one. */
async function talk(ssh: SshProcess, { run, label, known }: OpenedRun, { control, onProgress }: SyncHostDeps): Promise<LastWord | undefined> {
  const ofCollector = await control.call('status', {});
  let last: LastWord | undefined;
  let failure: TtError | undefined;
  const pipe: Pipe = createPipe({ input: ssh.stdout, output: ssh.stdin }, {
    onStream: (stream) => relay(stream, run.socket),
    onMessage(value) {
      const { data: message } = fromAgentSchema.safeParse(value);
      if (message?.type === 'here') answer(message.collector_id).catch(fail);
      else if (message?.type === 'progress') onProgress(message.backlog_bytes);
      else if (message) last = message;
    },
  });
  const fail = (error: unknown): void => {
    failure ??= toTtError(error);
    ssh.kill('SIGTERM');
  };
  const answer = async (joined: string | null): Promise<void> => {
    if (joined !== null && joined !== ofCollector.collector_id) throw otherCollector();
    const code = joined === null ? (await control.call('machines.add', { label, again: known })).code : null;
    pipe.say({ type: 'go', endpoint: `tt+pipe:${run.id}`, code });
  };
  await Promise.race([pipe.ended, ssh.ended]);
  ssh.stdin.end();
  if (failure) throw failure;
  return last;
}

function relay(stream: Duplex, socketPath: string): void {
  const socket = connect(socketPath);
  // An end is handed on by `pipe`, behind what was said before it; only a break is told at once.
  socket.on('error', () => stream.destroy());
  stream.on('error', () => socket.destroy());
  stream.pipe(socket);
  socket.pipe(stream);
}

function agentFailed({ code, message, hint, exit_code }: Extract<FromAgent, { type: 'failed' }>): TtError {
  return new TtError(code, message, { hint: code === 'label_taken' ? 'give it another name: tt sync HOST --label NAME' : hint, exitCode: toExitCode(exit_code) });
}

function failedBefore(said: string, code: number | null, host: string): TtError {
  const [, old] = /^tt sync node (.*)$/m.exec(said) ?? [];
  if (old !== undefined) {
    return new TtError('remote_node', `there is no Node ${OLDEST_NODE} or newer on ${host}${old === '' ? '' : `, only ${old}`}`, {
      hint: `the agent is one file, but it needs Node.js: install it there for yourself (nvm, mise, volta, the system's own); ssh ${host} node --version must tell`,
    });
  }
  if (code === 255 || code === null) return sshFailed(said, host);
  const words = said.trim().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
  return new TtError('remote_failed', `the agent ended on ${host}${words === '' ? ' without a word' : `: ${words}`}`, {
    hint: `what was acknowledged is stored; is there room? ssh ${host} df -h; then run it again`,
  });
}

function otherCollector(): TtError {
  return new TtError('other_collector', 'that machine has joined another collector', {
    hint: 'sync it from that laptop; to leave it, run there: tt-agent join URL --code CODE --replace', exitCode: EXIT_CODES.unauthorised,
  });
}

function stopped(): TtError {
  return new TtError('stopped', 'stopped before the end', { hint: 'what was acknowledged is stored; run it again for the rest' });
}

function toTtError(error: unknown): TtError {
  if (error instanceof TtError) return error;
  return new TtError('failed', error instanceof Error ? error.message : String(error), { hint: 'run it again with TT_DEBUG=1, and report it', cause: error });
}
