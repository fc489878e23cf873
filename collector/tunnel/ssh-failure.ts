/** What ssh says when it fails, as one sentence and what to do about it. */

export type SshFailureCode =
  | 'host_key' | 'auth' | 'forwarding' | 'remote_path' | 'name' | 'unreachable' | 'timeout' | 'connection_lost' | 'no_ssh' | 'remote_shell' | 'unknown';

export interface SshFailure {
  code: SshFailureCode;
  message: string;
  hint: string;
  /** Trying again soon is of no use: somebody has to do what the hint says. */
  needsHand: boolean;
}

interface Pattern {
  code: SshFailureCode;
  says: RegExp;
  message(host: string): string;
  hint(host: string): string;
  needsHand?: boolean;
}

/** In this order: a later line of ssh often only says that it gave up. */
const PATTERNS: readonly Pattern[] = [
  {
    code: 'no_ssh', says: /ssh could not be started/, needsHand: true,
    message: () => 'there is no ssh on this laptop', hint: () => 'install an OpenSSH client',
  },
  {
    code: 'remote_path', says: /tt tunnel (path|write)/,
    message: (host) => `the state directory on ${host} can not be written`,
    hint: (host) => `make room and check who owns it: ssh ${host} ls -ld .local/state/tt`,
    needsHand: true,
  },
  {
    code: 'host_key', says: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known/i, needsHand: true,
    message: (host) => `the host key of ${host} is not the known one, or was never accepted`,
    hint: (host) => `look whether that is right, then once by hand: ssh ${host} true`,
  },
  {
    code: 'auth', says: /Permission denied|Too many authentication failures|No supported authentication/i, needsHand: true,
    message: (host) => `${host} does not let us in without a password`,
    hint: (host) => `load the key into your agent (ssh-add), or name it in ~/.ssh/config; this must work: ssh -o BatchMode=yes ${host} true`,
  },
  {
    code: 'forwarding', says: /administratively prohibited|tt tunnel refused|remote port forwarding failed|forwarding is disabled/i,
    message: (host) => `${host} forbids forwarding`,
    hint: () => 'its sshd_config needs AllowTcpForwarding yes (or remote) and AllowStreamLocalForwarding yes for this user',
    needsHand: true,
  },
  {
    code: 'name', says: /Could not resolve hostname|Name or service not known|nodename nor servname/i,
    message: (host) => `there is no address for ${host}`,
    hint: (host) => `away from its network it comes back by itself; else check the name: ssh ${host} true`,
  },
  {
    code: 'timeout', says: /timed out|Timeout, server .* not responding/i,
    message: (host) => `${host} does not answer`, hint: () => 'it comes back by itself once the host is reachable again',
  },
  {
    code: 'unreachable', says: /Network is unreachable|No route to host|Connection refused|Connection reset|kex_exchange_identification/i,
    message: (host) => `${host} can not be reached`, hint: () => 'it comes back by itself once the host is reachable again',
  },
  {
    code: 'connection_lost', says: /Broken pipe|closed by remote host|Connection to .* closed|Connection closed/i,
    message: (host) => `the connection to ${host} was lost`, hint: () => 'it comes back by itself',
  },
];

/** `said`: what ssh and the remote shell printed, newest last. */
export function toSshFailure(said: string, host: string): SshFailure {
  const pattern = PATTERNS.find(({ says }) => says.test(said));
  if (pattern) return { code: pattern.code, message: pattern.message(host), hint: pattern.hint(host), needsHand: pattern.needsHand ?? false };
  const last = said.trim().split('\n').at(-1)?.trim().slice(0, 200) ?? '';
  return {
    code: 'unknown', needsHand: false,
    message: last === '' ? `ssh to ${host} ended without a word` : `ssh to ${host} ended: ${last}`,
    hint: `see what it says by hand: ssh -v ${host} true`,
  };
}
