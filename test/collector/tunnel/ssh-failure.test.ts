import { expect, it } from 'vitest';
import { toSshFailure } from '../../../collector/tunnel/ssh-failure.ts';

// What OpenSSH 9.2 prints.
it.each([
  ['ssh: connect to host devbox port 22: Connection refused\r\n', 'unreachable', false],
  ['ssh: connect to host 10.99.0.2 port 22: Network is unreachable\r\n', 'unreachable', false],
  ['ssh: connect to host devbox port 22: Connection timed out\r\n', 'timeout', false],
  ['Timeout, server devbox not responding.\r\n', 'timeout', false],
  ['ssh: Could not resolve hostname devbox: Name or service not known\r\n', 'name', false],
  ['me@devbox: Permission denied (publickey).\r\n', 'auth', true],
  ['@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\r\n', 'host_key', true],
  ['No ED25519 host key is known for devbox and you have requested strict checking.\r\nHost key verification failed.\r\n', 'host_key', true],
  ['Warning: remote port forwarding failed for listen port 0\r\n', 'forwarding', true],
  ['tt tunnel refused\n', 'forwarding', true],
  ["mkdir: cannot create directory '/home/me/.local/state/tt': Permission denied\ntt tunnel path\n", 'remote_path', true],
  ['client_loop: send disconnect: Broken pipe\r\n', 'connection_lost', false],
  ['ssh could not be started: spawn ssh ENOENT\n', 'no_ssh', true],
  ['something nobody foresaw\n', 'unknown', false],
  ['', 'unknown', false],
] as const)('tells %j as %s', (said, code, needsHand) => {
  const failure = toSshFailure(said, 'devbox');
  expect(failure).toMatchObject({ code, needsHand });
  expect(failure.hint).not.toBe('');
  expect(failure.message).not.toMatch(/\n/);
});
