import { describe, expect, it } from 'vitest';
import type { RemoteShell, RunOptions } from '../../../collector/deploy/remote-shell.ts';
import { settle } from '../../../collector/deploy/settle.ts';

/** A machine whose script says `sockets` of what it was asked. */
function machine(socketsOf: (stateDir: string, where: string) => string | undefined): { shell: RemoteShell; asked: string[] } {
  const asked: string[] = [];
  const run: RemoteShell['run'] = async (_script, { values = [] }: RunOptions = {}) => {
    const [, , stateDir = '', where = ''] = values;
    asked.push(where);
    const value = socketsOf(stateDir, where);
    return { code: 0, stdout: '', stderr: '', said: value === undefined ? [] : [{ name: 'sockets', value }] };
  };
  return { shell: { host: 'devbox', run, close: () => Promise.resolve() }, asked };
}
const inHome = (home: string) => ({ node: '/usr/bin/node', dataDir: `${home}/.local/share/tt`, stateDir: `${home}/.local/state/tt` });
const usual = (stateDir: string, where: string): string => (where === 'tmp' ? '/tmp/tt-1000' : `${stateDir}/run`);

describe('where a socket may lie on another machine', () => {
  it('is below its state directory', async () => {
    const { shell, asked } = machine(usual);
    expect(await settle(shell, inHome('/home/me'))).toBe('/home/me/.local/state/tt/run');
    expect(asked).toEqual(['']);
  });

  it.each(['/home/josé', '/home/my home', "/home/d'or", `/home/${'ö'.repeat(40)}`])('is in /tmp where no agent can dial what is below %s', async (home) => {
    const { shell, asked } = machine(usual);
    expect(await settle(shell, inHome(home))).toBe('/tmp/tt-1000');
    expect(asked).toEqual(['', 'tmp']);
  });

  it('is told to be missing where there is none', async () => {
    await expect(settle(machine(() => undefined).shell, inHome('/home/me'))).rejects.toMatchObject({ code: 'remote_write' });
    await expect(settle(machine((stateDir) => `${stateDir}/é`).shell, inHome('/home/me'))).rejects.toMatchObject({ code: 'remote_write' });
  });
});
