import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openRemoteShell, toRemoteCommand } from '../../../collector/deploy/remote-shell.ts';
import type { RunSsh } from '../../../collector/ssh.ts';
import { systemClock } from '../../../shared/clock.ts';
import { localSsh } from '../../support/local-ssh.ts';
import { TtError } from '../../../shared/errors.ts';

/** Login shells, as sshd starts them. */
const SHELLS = ['sh', 'dash', 'bash', 'zsh', 'fish', 'tcsh', 'csh', 'busybox sh', 'mksh'].map((words) => words.split(' '))
  .filter(([name = '']) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0);
const SCRIPT = `# it's a comment!
IFS= read -r value
printf '%s|%s|%s\\n' "$value" 'a!b "c" \`d\` \\\\ é $HOME' "\${value#x}"
`;

const open = (runSsh: RunSsh, stop = new AbortController().signal): ReturnType<typeof openRemoteShell> =>
  openRemoteShell('devbox', { runSsh, clock: systemClock, stop, sharedLogin: undefined });

describe('a shell at another machine', () => {
  it.each(SHELLS)('runs a script unchanged behind the login shell %s', async (...shell) => {
    const { stdout, code } = await open(localSsh(shell)).run(SCRIPT, { values: ['x$(id) "y" !!'] });
    expect(stdout).toBe('x$(id) "y" !!|a!b "c" `d` \\\\ é $HOME|$(id) "y" !!\n');
    expect(code).toBe(0);
  });

  it('is one word without anything that a login shell understands', () => {
    expect(toRemoteCommand(SCRIPT)).toMatch(/^exec \/bin\/sh -c '[^'!\n]*'$/);
    expect(toRemoteCommand('# only\n\n  # comments\n')).toBe(`exec /bin/sh -c 'eval "$(printf "%b" "")"'`);
  });

  it('hears what the script says, whatever the login shell said before', async () => {
    const { said } = await open(localSsh()).run('echo Welcome!; echo tt:a=1; echo " tt:b=2"; echo tt:a=x=y');
    expect(said).toEqual([{ name: 'a', value: '1' }, { name: 'a', value: 'x=y' }]);
  });

  it('refuses a value that would become two', async () => {
    await expect(open(localSsh()).run('cat', { values: ['a\nb'] })).rejects.toMatchObject({ code: 'value_invalid' });
  });

  it('hands on bytes after the values', async () => {
    const content = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256);
    const { stdout } = await open(localSsh()).run('IFS= read -r v; cat', { values: ['v'], content, isRaw: true });
    expect(Buffer.from(stdout, 'latin1').equals(Buffer.from(content))).toBe(true);
  });

  it('ends where what was announced does not come, and says why', async () => {
    const content = Readable.from((function* gone(): Generator<Buffer> {
      yield Buffer.from('half');
      throw new TtError('file_changed', 'it became shorter', { hint: 'run it again' });
    })(), { objectMode: false });
    await expect(open(localSsh()).run('exec cat', { content })).rejects.toMatchObject({ code: 'file_changed' });
  });

  it.each([
    ['exit 255', 'ssh_unknown'],
    ['echo "me@devbox: Permission denied (publickey)." >&2; exit 255', 'ssh_auth'],
    ['echo "tt:fail=write /data"; exit 1', 'remote_write'],
  ])('turns %s into an error', async (script, code) => {
    await expect(open(localSsh()).run(script)).rejects.toMatchObject({ code });
  });

  it('ends what runs when it is stopped, and what lasts too long', async () => {
    const stop = new AbortController();
    const running = open(localSsh(), stop.signal).run('echo up >&2; exec sleep 100', { valuesAfter: { says: /up/, values: () => {
      stop.abort();
      return [];
    } } });
    await expect(running).rejects.toMatchObject({ code: 'stopped' });
    await expect(open(localSsh()).run('exec sleep 100', { limitMs: 10 })).rejects.toMatchObject({ code: 'ssh_timeout' });
  });
});
