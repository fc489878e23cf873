import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderPlist } from '../../../shared/service/launchd.ts';
import { serviceEnvironment, type ServiceSpec } from '../../../shared/service/service.ts';
import { renderUnit } from '../../../shared/service/systemd.ts';

const NAMES = ['tt-agent', 'tt-collector'] as const;
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
const hasPython = spawnSync('python3', ['--version']).status === 0;

function spec(name: ServiceSpec['name']): ServiceSpec {
  return {
    name, command: [process.execPath, '/opt/my tools/$HOME 100% "x"\\y.mjs', 'run'],
    environment: { XDG_DATA_HOME: '/home/me/a b', TT_LABEL: '100%"$&\\' }, logFile: '/home/me/<logs>&/x.log', finalStatus: 5,
  };
}

describe.each(NAMES)('the unit of %s', (name) => {
  // CI installs systemd's tools.
  it.skipIf(!hasSystemd)('has nothing that systemd does not know', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tt-'));
    const file = join(directory, `${name}.service`);
    writeFileSync(file, renderUnit({ ...spec(name), command: [process.execPath, '/opt/tt.mjs', 'run'] }));
    const { status, stderr } = spawnSync('systemd-analyze', ['--user', '--man=no', '--recursive-errors=no', 'verify', file], {
      encoding: 'utf8', env: { ...process.env, XDG_RUNTIME_DIR: directory, HOME: directory },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('keeps paths and variables as they are, whatever is in them', () => {
    const unit = renderUnit(spec(name));
    expect(unit).toContain(`ExecStart="${process.execPath}" "/opt/my tools/$$HOME 100%% \\"x\\"\\\\y.mjs" "run"\n`);
    expect(unit).toContain('Environment="XDG_DATA_HOME=/home/me/a b"\n');
    expect(unit).toContain('Environment="TT_LABEL=100%%\\"$&\\\\"\n');
    expect(unit).not.toContain('@');
  });
});

describe.each(NAMES)('the plist of %s', (name) => {
  it.skipIf(!hasPython)('is one that parses, with the types that launchd wants', () => {
    const text = execFileSync('python3', ['-c', 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'], { input: renderPlist(spec(name)), encoding: 'utf8' });
    const parsed = JSON.parse(text) as Record<string, unknown>;
    expect(parsed).toMatchObject({
      Label: expect.stringMatching(/^dev\.tt\./) as unknown, RunAtLoad: true, KeepAlive: { SuccessfulExit: false }, ThrottleInterval: 5, Umask: 0o77,
      StandardErrorPath: '/home/me/<logs>&/x.log', EnvironmentVariables: spec(name).environment,
    });
    const words = parsed['ProgramArguments'] as string[];
    expect(words.slice(0, 2)).toEqual(['/bin/sh', '-c']);
    expect(words.slice(4)).toEqual([...spec(name).command, '--log', '/home/me/<logs>&/x.log']);
  });

  it('takes the exit status that says "not again" for the end', () => {
    const shell = /<string>("\$@".*)<\/string>/.exec(renderPlist(spec(name)))?.[1]?.replaceAll('&amp;', '&') ?? '';
    const exits = (status: number): number | null => spawnSync('/bin/sh', ['-c', shell, 'tt', '/bin/sh', '-c', `exit ${status}`]).status;
    const final = name === 'tt-agent' ? 5 : 2;
    expect([exits(0), exits(1), exits(final), exits(137)]).toEqual([0, 1, 0, 137]);
  });
});

it('gives a service what its program needs of the environment, and no more', () => {
  expect(serviceEnvironment({
    PATH: '/bin', TT_UI_PORT: '1', TT_EMPTY: '', XDG_STATE_HOME: '/s', SECRET_TOKEN: 'x', HOME: '/home/me', CLAUDE_CONFIG_DIR: '/c',
    SSH_AUTH_SOCK: '/run/user/1000/keyring/ssh',
  })).toEqual({ PATH: '/bin', TT_UI_PORT: '1', XDG_STATE_HOME: '/s', CLAUDE_CONFIG_DIR: '/c', SSH_AUTH_SOCK: '/run/user/1000/keyring/ssh' });
  // An agent that came with this login is gone with it.
  expect(serviceEnvironment({ SSH_AUTH_SOCK: '/tmp/ssh-XXXX/agent.12' })).toEqual({});
});
