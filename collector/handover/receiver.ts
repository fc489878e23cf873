/** Who takes a session: the agent's program on this computer, or on another machine by the user's own ssh. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { EXIT_CODES, toExitCode, TtError } from '../../shared/errors.ts';
import { handoverAnswerSchema, type HandoverAnswer, type HandoverRequest, type Landed } from '../../shared/protocol/handover.ts';
import { look } from '../deploy/look.ts';
import type { RemoteShell } from '../deploy/remote-shell.ts';
import { shellAt, type ShellIo } from '../deploy/shell-at.ts';

const RECEIVE = readFileSync(new URL('../../deploy/remote-receive.sh', import.meta.url), 'utf8');

export interface Receiver {
  /** What it is called in messages. */
  readonly name: string;
  /** `content`: the bytes that the request announces; undefined: none. Throws what kept it from answering; a refusal is an answer. */
  ask(request: HandoverRequest, content: Readable | undefined): Promise<HandoverAnswer>;
}

export interface RemoteReceiver {
  receiver: Receiver;
  close(): Promise<void>;
}

/** For the login and the start of the agent. */
const LIMIT_MS = 120_000;
/** Bytes a millisecond: a link of a train. */
const SLOWEST = 50;

/** By the user's own ssh. Throws where there is no agent. */
export async function openRemoteReceiver(host: string, io: ShellIo): Promise<RemoteReceiver> {
  const shell = shellAt(host, io);
  const close = (): Promise<void> => shell.close();
  try {
    return { receiver: await remoteReceiver(shell), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The agent of `tt deploy`. */
async function remoteReceiver(shell: RemoteShell): Promise<Receiver> {
  const { node, dataDir } = await look(shell);
  if (!node) throw noAgent(shell.host);
  return {
    name: shell.host,
    async ask(request, content) {
      const bytes = content === undefined ? 0 : request.files.reduce((sum, file) => sum + file.bytes, 0);
      const { stdout, stderr, said } = await shell.run(RECEIVE, {
        values: [node.path, `${dataDir}/tt-agent.mjs`, JSON.stringify(request)], ...(content && { content }), limitMs: LIMIT_MS + bytes / SLOWEST,
      });
      if (said.some(({ name }) => name === 'agent')) throw noAgent(shell.host);
      return parseAnswer(stdout, stderr, shell.host);
    },
  };
}

export interface LocalReceiverDeps {
  /** tt itself; the agent lies beside it. */
  program: { node: string; file: string };
  environment: Readonly<Record<string, string | undefined>>;
  /** Leaves what is on its way: half a session is none. */
  stop: AbortSignal;
}

export function localReceiver({ program: { node, file }, environment, stop }: LocalReceiverDeps): Receiver {
  const agent = join(dirname(existsSync(file) ? realpathSync(file) : file), 'tt-agent.mjs');
  return {
    name: 'this computer',
    async ask(request, content) {
      if (!existsSync(agent)) throw new TtError('not_built', `there is no ${agent}`, { hint: 'build it (npm run build) and run dist/tt.mjs, or install the package whole' });
      const child = spawn(node, [agent, 'receive'], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...environment } });
      const [said, told]: [string[], string[]] = [[], []];
      child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => told.push(text));
      // Whoever writes to a process that has ended learns it from its answer.
      child.stdin.on('error', () => {});
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const failures: Error[] = [];
      // What was announced and does not come: the agent sees the end too early, and leaves everything as it was.
      if (content) content.once('error', (error) => {
        failures.push(error);
        child.stdin.end();
      }).pipe(child.stdin);
      else child.stdin.end();
      const leave = (): void => {
        content?.unpipe(child.stdin);
        child.stdin.end();
      };
      stop.addEventListener('abort', leave, { once: true });
      await new Promise<void>((resolve) => {
        child.once('error', (error) => {
          told.push(error.message);
          resolve();
        });
        child.once('close', () => resolve());
      });
      stop.removeEventListener('abort', leave);
      for (const failure of failures) throw failure;
      return parseAnswer(said.join(''), told.join(''), 'this computer');
    },
  };
}

/** A login shell may have said something before it. */
function parseAnswer(stdout: string, stderr: string, name: string): HandoverAnswer {
  try {
    return handoverAnswerSchema.parse(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
  } catch (error) {
    const words = /^tt-agent: (.+)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
    const isOld = /unknown command/.test(stderr);
    throw new TtError(isOld ? 'agent_old' : 'receive_failed', isOld ? `the agent of ${name} is too old to take sessions` : `${name} gave no answer${words === '' ? '' : `: ${words}`}`, {
      hint: isOld ? `bring it up to date: tt deploy ${name}` : 'is its disk full? then run it again; what was there is still there',
      exitCode: isOld ? EXIT_CODES.version_skew : EXIT_CODES.failed, cause: error,
    });
  }
}

/** Hands a session over: it has landed, or it throws why not. */
export async function put(receiver: Receiver, request: Omit<HandoverRequest, 'action'>, content: Readable): Promise<Landed> {
  const answer = await receiver.ask({ ...request, action: 'put' }, content);
  if (!answer.ok) throw refusedBy(answer, receiver.name);
  if (answer.action !== 'put') throw otherAnswer(receiver.name);
  return answer;
}

export function otherAnswer(name: string): TtError {
  return new TtError('protocol', `${name} answered something else`, { hint: 'bring both sides to the same version', exitCode: EXIT_CODES.version_skew });
}

/** `on`: named in the message. */
export function refusedBy({ code, message, hint, exit_code: exitCode }: Extract<HandoverAnswer, { ok: false }>, on: string): TtError {
  return new TtError(code, `${on}: ${message}`, { hint, exitCode: toExitCode(exitCode) });
}

function noAgent(host: string): TtError {
  return new TtError('no_agent', `there is no agent on ${host}`, { hint: `install it: tt deploy ${host}` });
}
