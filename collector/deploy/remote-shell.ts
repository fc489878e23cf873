/**
 * A POSIX shell at the other machine, by the user's own ssh: a script at a time,
 * all over one login. Values go through stdin, one a line, never into a command
 * line.
 */
import type { Readable } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { TtError } from '../../shared/errors.ts';
import { newestOf, OWN_CONNECTION_OPTIONS, UNATTENDED_SSH_OPTIONS, type RunSsh } from '../ssh.ts';
import { remoteFailed, sshFailed } from './failures.ts';

export interface RemoteAnswer {
  code: number | null;
  stdout: string;
  stderr: string;
  /** What the script said in lines `tt:NAME=VALUE`, in their order. */
  said: readonly { name: string; value: string }[];
}

export interface RunOptions {
  /** Lines that the script reads first. */
  values?: readonly string[];
  /** What it reads after them. */
  content?: Uint8Array | string | Readable;
  /** Beside the connection: a forward of its own. */
  sshOptions?: readonly string[];
  /** Values are sent when ssh has said this: they are made of it. */
  valuesAfter?: { says: RegExp; values: (match: RegExpExecArray) => readonly string[] };
  limitMs?: number;
  /** `stdout` holds bytes, as latin1: at most the newest 4 MiB of them. */
  isRaw?: boolean;
}

export interface RemoteShell {
  readonly host: string;
  /** Throws what kept ssh or the script from running; a script's own exit status is in the answer. */
  run(script: string, options?: RunOptions): Promise<RemoteAnswer>;
  /** Leaves the login; without it that ends by itself soon after. */
  close(): Promise<void>;
}

export interface RemoteShellDeps {
  runSsh: RunSsh;
  clock: Pick<Clock, 'after'>;
  /** Ends what is running. */
  stop: AbortSignal;
  /** A path in a private directory that exists: ssh makes a socket of it, through which scripts share a login. Undefined: each has its own. */
  sharedLogin: string | undefined;
}

/** A dead link is left after about 15 s, whatever is on its way. */
const KEEPALIVE = ['-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=2'];
const LIMIT_MS = 60_000;
const KEPT_OUTPUT = 64 * 1024;
const KEPT_RAW = 4 * 1024 * 1024;
const SSH_FAILED = 255;
/** ssh binds a name that is 17 bytes longer first. */
const LONGEST_SHARED = 84;
const SHARED_SECONDS = 30;

/**
 * A script as one word that every login shell hands on unchanged (sh, zsh, fish,
 * csh): in single quotes, with everything but letters, digits and a few signs as
 * octal escapes of printf.
 */
export function toRemoteCommand(script: string): string {
  const text = script.split('\n').filter((line) => !/^\s*(#|$)/.test(line)).join('\n');
  const escaped = [...Buffer.from(text)].map((byte) => {
    const char = String.fromCharCode(byte);
    return /[\w ./:;=,@-]/.test(char) ? char : `\\0${byte.toString(8).padStart(3, '0')}`;
  }).join('');
  return `exec /bin/sh -c 'eval "$(printf "%b" "${escaped}")"'`;
}

export function openRemoteShell(host: string, { runSsh, clock, stop, sharedLogin }: RemoteShellDeps): RemoteShell {
  const isShared = sharedLogin !== undefined && Buffer.byteLength(sharedLogin) <= LONGEST_SHARED;
  const shared = isShared
    ? ['-o', 'ControlMaster=auto', '-o', `ControlPath=${sharedLogin}`, '-o', `ControlPersist=${SHARED_SECONDS}`]
    : ['-o', 'ControlMaster=no'];
  return {
    host,
    async close() {
      if (isShared) await runSsh(['-o', `ControlPath=${sharedLogin}`, '-O', 'exit', '--', host]).ended;
    },
    async run(script, { values = [], content = '', sshOptions, valuesAfter, limitMs = LIMIT_MS, isRaw = false } = {}) {
      if (stop.aborted) throw stopped();
      // A forward is to end with its script: no shared login may keep it.
      const connection = sshOptions === undefined ? [...shared, '-o', 'ClearAllForwardings=yes'] : [...OWN_CONNECTION_OPTIONS, ...sshOptions];
      const ssh = runSsh([...UNATTENDED_SSH_OPTIONS, ...KEEPALIVE, ...connection, '--', host, toRemoteCommand(script)]);
      const end = (): void => ssh.kill('SIGTERM');
      const failures: Error[] = [];
      let isLate = false;
      const cancel = clock.after(limitMs, () => {
        isLate = true;
        end();
      });
      stop.addEventListener('abort', end, { once: true });
      const send = (lines: readonly string[]): void => {
        ssh.stdin.write(lines.map((line) => `${oneLine(line)}\n`).join(''));
        if (typeof content === 'string' || content instanceof Uint8Array) ssh.stdin.end(content);
        // What was announced and does not come ends it: half a file is none.
        else content.once('error', (error) => {
          failures.push(error);
          end();
        }).pipe(ssh.stdin);
      };
      let isSent = valuesAfter === undefined;
      const stderr = newestOf(ssh.stderr, KEPT_OUTPUT, (text) => {
        const match = isSent ? null : (valuesAfter?.says.exec(text) ?? null);
        if (!match || !valuesAfter) return;
        isSent = true;
        send(valuesAfter.values(match));
      });
      const stdout = isRaw ? newestOf(ssh.stdout, KEPT_RAW, undefined, 'latin1') : newestOf(ssh.stdout, KEPT_OUTPUT);
      if (isSent) send(values);
      const code = await ssh.ended;
      cancel();
      stop.removeEventListener('abort', end);
      if (stop.aborted) throw stopped();
      for (const failure of failures) throw failure;
      if (isLate) throw sshFailed(`Timeout, server ${host} not responding.`, host);
      const answer = { code, stdout: stdout(), stderr: stderr(), said: parseSaid(stdout()) };
      if (code === SSH_FAILED || code === null) throw sshFailed(answer.stderr, host);
      const failure = answer.said.find(({ name }) => name === 'fail');
      if (failure) throw remoteFailed(failure.value, host);
      return answer;
    },
  };
}

/** Values are lines: no path that we use has a newline in it, and none may smuggle a second value in. */
function oneLine(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new TtError('value_invalid', `${JSON.stringify(text)} can not be handed to the other machine`, { hint: 'use directories without line breaks in their names' });
  return text;
}

function parseSaid(stdout: string): { name: string; value: string }[] {
  return stdout.split('\n').flatMap((line) => {
    const [, name, value] = /^tt:([a-z0-9_]+)=(.*?)\r?$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value }];
  });
}

function stopped(): TtError {
  return new TtError('stopped', 'stopped before the end', { hint: 'the same command again goes on from here' });
}
