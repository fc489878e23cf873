import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FIND_PLACE_COMMAND, HOLD_COMMAND, parseRemotePlace, printHoldRequest } from '../../../collector/tunnel/remote-end.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-'));
});

/** As sshd runs a command: by the login shell of the account. */
function login(shell: string, command: string, stdin: string, environment: Record<string, string> = {}) {
  return spawnSync(shell, ['-c', command], { input: stdin, encoding: 'utf8', cwd: home, env: { PATH: process.env['PATH'] ?? '', HOME: home, ...environment } });
}

const SHELLS = ['sh', 'bash', 'dash', 'zsh', 'fish'].filter((shell) => spawnSync(shell, ['-c', 'true']).status === 0);

it('has a place whatever the login shell is', () => {
  expect(SHELLS.length).toBeGreaterThan(1);
  for (const shell of SHELLS) {
    const { stdout, status } = login(shell, FIND_PLACE_COMMAND, '\n');
    expect({ shell, status, place: parseRemotePlace(stdout) })
      .toEqual({ shell, status: 0, place: { stateDir: `${home}/.local/state/tt`, socketDir: `${home}/.local/state/tt/run` } });
  }
  expect(statSync(`${home}/.local/state/tt/run`).mode & 0o777).toBe(0o700);
});

it('is found after whatever a login shell says first', () => {
  expect(parseRemotePlace('Welcome!\r\ntt place\r\n/a/tt\r\n/a/tt/run\r\n')).toEqual({ stateDir: '/a/tt', socketDir: '/a/tt/run' });
  expect(parseRemotePlace('tt place\n/a/tt\n')).toBeUndefined();
  expect(parseRemotePlace('This account is not available.\n')).toBeUndefined();
});

it('keeps sockets in a private directory of /tmp where the home is too long, or it was asked for', () => {
  const long = join(home, 'x'.repeat(80));
  mkdirSync(long);
  const uid = String(process.getuid?.());
  for (const [state, asked] of [[long, ''], [home, 'tmp']] as const) {
    const { stdout } = login('sh', FIND_PLACE_COMMAND, `${asked}\n`, { XDG_STATE_HOME: state });
    expect(parseRemotePlace(stdout)).toEqual({ stateDir: `${state}/tt`, socketDir: `/tmp/tt-${uid}` });
  }
});

it('is where the agent looks: a relative XDG_STATE_HOME is ignored', () => {
  const { stdout } = login('sh', FIND_PLACE_COMMAND, '\n', { XDG_STATE_HOME: 'state' });
  expect(parseRemotePlace(stdout)).toEqual({ stateDir: `${home}/.local/state/tt`, socketDir: `${home}/.local/state/tt/run` });
});

it('takes no directory that somebody else prepared', () => {
  mkdirSync(join(home, 'elsewhere'));
  mkdirSync(join(home, 'tt'));
  symlinkSync(join(home, 'elsewhere'), join(home, 'tt', 'run'));
  const { stdout, stderr, status } = login('sh', FIND_PLACE_COMMAND, '\n', { XDG_STATE_HOME: home });
  expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
  expect(stderr).toContain('tt tunnel path');
});

describe('the end of a tunnel', () => {
  const request = (socket: string) => printHoldRequest({ endpoint: `tt+unix://${socket}`, stateDir: home, token: 'abc' });

  it('tells the agent where it is, removes the sockets of earlier ones, and lasts until its stdin ends', async () => {
    const socket = join(home, 'in-0000000000000002.sock');
    writeFileSync(join(home, 'in-0000000000000001.sock'), '');
    writeFileSync(join(home, 'agent.sock'), '');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    const held = spawn('sh', ['-c', HOLD_COMMAND], { stdio: ['pipe', 'pipe', 'inherit'] });
    held.stdin.write(request(socket));
    const [said] = await once(held.stdout.setEncoding('utf8'), 'data') as [string];
    expect(said).toBe('tt tunnel ok abc\n');
    held.stdin.write('still there?\n');
    expect(await once(held.stdout, 'data')).toEqual(['still there?\n']);
    expect(JSON.parse(readFileSync(join(home, 'endpoint.json'), 'utf8'))).toEqual({ url: `tt+unix://${socket}` });
    expect(statSync(join(home, 'endpoint.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home).toSorted()).toEqual(['agent.sock', 'endpoint.json', 'in-0000000000000002.sock']);
    expect(held.exitCode).toBeNull();
    held.stdin.end();
    expect(await once(held, 'exit')).toEqual([0, null]);
    server.close();
  });

  it('says that its socket was refused, and leaves the earlier endpoint', () => {
    writeFileSync(join(home, 'endpoint.json'), '{"url":"tt+unix:///before"}');
    const { stdout, stderr, status } = login('sh', HOLD_COMMAND, request(join(home, 'in-1.sock')));
    expect({ stdout, status }).toEqual({ stdout: '', status: 1 });
    expect(stderr).toContain('tt tunnel refused');
    expect(readFileSync(join(home, 'endpoint.json'), 'utf8')).toContain('before');
  });

  it('needs no socket where it is a port', () => {
    const { stdout } = login('sh', HOLD_COMMAND, printHoldRequest({ endpoint: 'http://127.0.0.1:4242', stateDir: home, token: 'abc' }));
    expect(stdout).toBe('tt tunnel ok abc\n');
    expect(readFileSync(join(home, 'endpoint.json'), 'utf8')).toBe('{"url":"http://127.0.0.1:4242"}\n');
  });

  it('says when it can not write', () => {
    const { stderr, status } = login('sh', HOLD_COMMAND, printHoldRequest({ endpoint: 'http://127.0.0.1:4242', stateDir: join(home, 'nowhere'), token: 'abc' }));
    expect(status).toBe(1);
    expect(stderr).toContain('tt tunnel write');
  });
});
