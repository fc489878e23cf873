import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openRemoteShell, type RemoteShell } from '../../../collector/deploy/remote-shell.ts';
import { endService } from '../../../collector/deploy/undeploy-host.ts';
import { systemClock } from '../../../shared/clock.ts';
import { localSsh } from '../../support/local-ssh.ts';

let directory: string;
let shell: RemoteShell;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-'));
  shell = openRemoteShell('devbox', { runSsh: localSsh(), clock: systemClock, stop: new AbortController().signal, sharedLogin: undefined });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** An agent's program that answers so to `uninstall --json`. */
function program(body: string): { node: string; file: string } {
  const file = join(directory, 'tt-agent.mjs');
  writeFileSync(file, `if (process.argv.slice(2).join(' ') === 'uninstall --json') { ${body} } else process.exit(2);\n`);
  return { node: process.execPath, file };
}
const answers = (removed: boolean): string => `console.log('Welcome'); console.log(${JSON.stringify(JSON.stringify({ schema: 1, service: 'tt-agent', kind: 'background', removed }))})`;

it('ends the service that is there', async () => {
  expect((await endService(shell, program(answers(true)), { hasService: true })).note).toMatch(/no longer kept running/);
  expect((await endService(shell, program(answers(false)), { hasService: false })).note).toMatch(/was not installed/);
});

it('stops where the service was found and nobody ended it', async () => {
  await expect(endService(shell, program(answers(false)), { hasService: true })).rejects.toMatchObject({ code: 'service_stays', hint: expect.stringContaining('tt deploy devbox') as unknown });
});

it('stops where the service can not be ended, with the words of whoever knows', async () => {
  const body = "console.error('tt-agent: systemctl --user disable: Failed to connect to bus\\n  next: do it again'); process.exit(1)";
  await expect(endService(shell, program(body), { hasService: true })).rejects.toMatchObject({ code: 'agent_failed', message: expect.stringContaining('Failed to connect to bus') as unknown, hint: 'do it again' });
});
