/** What goes wrong on the way to another machine, as one sentence and the next step. */
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import type { Probe } from '../../shared/probe.ts';
import { toSshFailure, type SshFailureCode } from '../tunnel/ssh-failure.ts';

/** Of these a tunnel is told that they pass; a person who waits wants to know what to do. */
const WHEN_REACHABLE: ReadonlySet<SshFailureCode> = new Set(['name', 'timeout', 'unreachable', 'connection_lost']);
const EXITS: Partial<Record<SshFailureCode, ExitCode>> = {
  name: EXIT_CODES.unreachable, timeout: EXIT_CODES.unreachable, unreachable: EXIT_CODES.unreachable, connection_lost: EXIT_CODES.unreachable,
  auth: EXIT_CODES.unauthorised, host_key: EXIT_CODES.unauthorised,
};

/** `said`: what ssh printed before it gave up. */
export function sshFailed(said: string, host: string): TtError {
  const { code, message, hint } = toSshFailure(said, host);
  return new TtError(`ssh_${code}`, message, {
    hint: WHEN_REACHABLE.has(code) ? `this must work: ssh ${host} true; then run the same command again` : hint,
    exitCode: EXITS[code] ?? EXIT_CODES.failed,
  });
}

/** `said`: a word of our scripts, then what it is about. */
export function remoteFailed(said: string, host: string): TtError {
  const [what = '', ...rest] = said.split(' ');
  const about = rest.join(' ');
  if (what === 'write') {
    return new TtError('remote_write', `${about} on ${host} can not be written`, {
      hint: `make it yours and make room: ssh ${host} 'ls -ld ${about}; df -h ${about}'`,
    });
  }
  if (what === 'full') {
    return new TtError('remote_full', `${host} has no room left where ${about} is`, { hint: `make some: ssh ${host} df -h ${about}` });
  }
  if (what === 'sum') {
    return new TtError('remote_copy', `${about} did not arrive whole on ${host}; the old one stays`, { hint: `is its disk full? ssh ${host} df -h; then run the same command again` });
  }
  if (what === 'start') {
    return new TtError('remote_start', `the agent does not start on ${host}; the old one stays`, { hint: `is the Node there whole? ssh ${host} node --version` });
  }
  return new TtError('remote_failed', `${host} says: ${said}`, { hint: 'run the same command again' });
}

export function noShell(host: string, printed: string): TtError {
  const words = printed.trim().split('\n').at(-1)?.trim().slice(0, 200) ?? '';
  return new TtError('remote_shell', `ssh ${host} runs no commands${words === '' ? '' : `; it says: ${words}`}`, {
    hint: `the account needs a login shell; this must print ok: ssh ${host} echo ok`,
  });
}

/** What `tt-agent` said on its stderr, as its own sentence and hint. */
export function agentFailed(stderr: string, doing: string, host: string, exitCode: ExitCode = EXIT_CODES.failed): TtError {
  const message = /^tt-agent: (.+)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  const hint = /^ {2}next: (.+)$/m.exec(stderr)?.[1];
  return new TtError('agent_failed', `${doing} on ${host}: ${message === '' ? 'it ended without a word' : message}`, {
    hint: hint ?? `see by hand: ssh ${host} .local/bin/tt-agent status`, exitCode,
  });
}

/** Everything stands and the agent is connected; what was to show it did not arrive. */
export function probeIncomplete(label: string, { missing, problem }: Pick<Probe, 'missing' | 'problem'>): TtError {
  return new TtError('probe_incomplete', `${label} is set up, but no line comes through: ${problem ?? `its probe did not reach "${missing ?? '?'}"`}`, {
    hint: `once more: tt doctor --probe --machine ${label}; what is wrong there: ssh to it and tt-agent doctor`, exitCode: EXIT_CODES.unhealthy,
  });
}
