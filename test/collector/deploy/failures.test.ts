import { expect, it } from 'vitest';
import { probeIncomplete, remoteFailed, sshFailed } from '../../../collector/deploy/failures.ts';

it.each([
  ['write /home/me', 'remote_write', '/home/me on devbox can not be written', /ls -ld \/home\/me/],
  ['full /home/me', 'remote_full', 'devbox has no room left where /home/me is', /df -h \/home\/me/],
  ['sum /d/tt-agent.mjs', 'remote_copy', '/d/tt-agent.mjs did not arrive whole on devbox; the old one stays', /same command again/],
  ['start /d/tt-agent.mjs', 'remote_start', 'the agent does not start on devbox; the old one stays', /node --version/],
])('a script that says %s is one sentence and what to do', (said, code, message, hint) => {
  expect(remoteFailed(said, 'devbox')).toMatchObject({ code, message, hint: expect.stringMatching(hint) as string, exitCode: 1 });
});

it.each([
  ['Permission denied (publickey).', 'ssh_auth', 5],
  ['Host key verification failed.', 'ssh_host_key', 5],
  ['ssh: connect to host devbox port 22: Connection refused', 'ssh_unreachable', 3],
  ['Timeout, server devbox not responding.', 'ssh_timeout', 3],
])('%s ends with the exit code of its kind', (said, code, exitCode) => {
  expect(sshFailed(said, 'devbox')).toMatchObject({ code, exitCode });
});

it.each([
  [{ missing: 'file', problem: null }, /^devbox is set up, but no line comes through: its probe did not reach "file"$/],
  [{ missing: 'laptop', problem: 'the agent is not connected' }, /no line comes through: the agent is not connected$/],
])('a machine whose probe does not come through is set up, and unhealthy', (probe, message) => {
  expect(probeIncomplete('devbox', probe)).toMatchObject({
    code: 'probe_incomplete', message: expect.stringMatching(message) as string, hint: expect.stringContaining('tt doctor --probe --machine devbox') as string, exitCode: 4,
  });
});
