/** The user's own ssh, with their configuration, keys, agents and jump hosts. The only place that starts it. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

export interface SshProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with its exit status; null: it was ended by a signal, or could not be started. Never rejects. */
  readonly ended: Promise<number | null>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Starts `ssh` with these arguments. That there is no ssh at all is said on `stderr`. */
export type RunSsh = (args: readonly string[]) => SshProcess;

/** A host as ssh takes it (`devbox`, `me@host`, `ssh://me@host:2222`); never an option. */
const DESTINATION = /^[^-\s'"\\][^\s'"\\]*$/;

export function isSshDestination(text: string): boolean {
  return text.length <= 255 && DESTINATION.test(text);
}

/** What no terminal is behind, whatever the user's configuration says for their own sessions. */
export const UNATTENDED_SSH_OPTIONS: readonly string[] = [
  '-T',
  '-o', 'BatchMode=yes',
  '-o', 'ConnectTimeout=5',
  '-o', 'ForwardAgent=no',
  '-o', 'ForwardX11=no',
  '-o', 'RemoteCommand=none',
  '-o', 'PermitLocalCommand=no',
  '-o', 'LogLevel=INFO', // at QUIET nobody is told why it failed, nor which port was picked
];

/** Nobody else's connection: a forward is to end with the ssh that asked for it. */
export const OWN_CONNECTION_OPTIONS: readonly string[] = ['-o', 'ControlMaster=no', '-o', 'ControlPath=none'];

/**
 * Forwards of the user's own configuration may clash with their open session, and
 * must not cost us ours; whether it stands, the remote end looks itself.
 */
export const REMOTE_FORWARD_OPTIONS: readonly string[] = ['-o', 'ExitOnForwardFailure=no', '-o', 'StreamLocalBindMask=0177'];

/** `environment`: with the user's agent socket, home and language; messages are asked for in English, so that they can be told apart. */
export function sshRunner(environment: Readonly<Record<string, string | undefined>>): RunSsh {
  return (args) => {
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...environment, LC_ALL: 'C' } });
    // Whoever writes to a process that has ended learns it from `ended`.
    child.stdin.on('error', () => {});
    const ended = new Promise<number | null>((resolve) => {
      child.once('error', (error) => {
        child.stderr.push(`ssh could not be started: ${error.message}\n`);
        child.stderr.push(null);
        resolve(null);
      });
      child.once('close', (code) => resolve(code));
    });
    return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended, kill: (signal) => void child.kill(signal) };
  };
}

/** Reads a stream of ssh to its end; what it returns gives the newest `kept` characters of it. */
export function newestOf(stream: Readable, kept: number, onText: (newest: string) => void = () => {}, encoding: 'utf8' | 'latin1' = 'utf8'): () => string {
  let newest = '';
  stream.setEncoding(encoding);
  stream.on('data', (chunk: string) => {
    newest = (newest + chunk).slice(-kept);
    onText(newest);
  });
  return () => newest;
}
