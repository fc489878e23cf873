import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunSsh, SshProcess } from '../../../collector/ssh.ts';
import { HOLD_COMMAND } from '../../../collector/tunnel/remote-end.ts';
import { Tunnel } from '../../../collector/tunnel/tunnel.ts';
import { silentLog } from '../../../shared/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PLACE = 'tt place\n/home/me/.local/state/tt\n/home/me/.local/state/tt/run\n';
const NO_ROUTE = 'ssh: connect to host devbox port 22: No route to host\n';
const REFUSED = 'tt tunnel refused\n';

/** One start of ssh, and what its far end does next. */
interface Start extends SshProcess {
  readonly stdin: PassThrough;
  readonly kind: 'place' | 'hold';
  /** What is listened to there. */
  readonly remote: string;
  readonly args: readonly string[];
  says(text: string, stream?: 'stdout' | 'stderr'): void;
  ends(code: number): void;
}

let clock: ManualClock;
let starts: Start[];
let tunnel: Tunnel;

const runSsh: RunSsh = (args) => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let end: (code: number) => void = () => {};
  const ended = new Promise<number | null>((resolve) => (end = resolve));
  const start: Start = {
    kind: args.at(-1) === HOLD_COMMAND ? 'hold' : 'place',
    remote: args[args.indexOf('-R') + 1] ?? '',
    args,
    stdin, stdout, stderr, ended,
    kill: () => end(255),
    says: (text, stream = 'stderr') => void (stream === 'stdout' ? stdout : stderr).write(text),
    ends: (code) => end(code),
  };
  starts.push(start);
  return start;
};

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
async function advance(ms: number): Promise<void> {
  clock.advance(ms);
  await settle();
}
function newest(): Start {
  const start = starts.at(-1);
  if (!start) throw new Error('ssh was not started');
  return start;
}
const kinds = (): string[] => starts.map(({ kind }) => kind);

async function tellPlace(): Promise<void> {
  newest().says(PLACE, 'stdout');
  newest().ends(0);
  await settle();
}
async function comeUp(): Promise<void> {
  const token = String(newest().stdin.read()).trim().split('\n').at(-1) ?? '';
  newest().says(`tt tunnel ok ${token}\n`, 'stdout');
  await settle();
}
async function fail(text: string): Promise<void> {
  newest().says(text);
  await settle();
  newest().ends(255);
  await settle();
}

beforeEach(async () => {
  clock = new ManualClock();
  starts = [];
  tunnel = new Tunnel({ host: 'devbox', mode: 'always' }, {
    clock, runSsh, log: silentLog, localSocket: '/run/in.sock',
    isRunning: () => Promise.resolve(true), onEndpoint: () => {}, onChange: () => {},
  });
  await settle();
});
afterEach(() => tunnel.close());

describe('a tunnel', () => {
  it('is up only when the far end has said so, by the name of this very start', async () => {
    await tellPlace();
    newest().says('tt tunnel ok 0123456789abcdef\n', 'stdout');
    await settle();
    expect(tunnel.state().phase).toBe('connecting');
    await comeUp();
    expect(tunnel.state()).toMatchObject({ phase: 'up', ups: 1, warning: null });
  });

  it('has a remote end of its own at every start, and does not ask again where that may be', async () => {
    await tellPlace();
    await comeUp();
    await fail('Timeout, server devbox not responding.\n');
    await advance(200);
    expect(kinds()).toEqual(['place', 'hold', 'hold']);
    expect(starts[2]?.remote).not.toBe(starts[1]?.remote);
  });

  it('tries once a second while nobody is reached, by one login each', async () => {
    await tellPlace();
    await comeUp();
    await fail(NO_ROUTE);
    await advance(200);
    for (let tries = 0; tries < 3; tries += 1) {
      await fail(NO_ROUTE);
      expect(tunnel.state()).toMatchObject({ phase: 'down', problem: { code: 'unreachable' } });
      await advance(1000);
    }
    expect(kinds()).toEqual(['place', 'hold', 'hold', 'hold', 'hold', 'hold']);
    await comeUp();
    expect(tunnel.state()).toMatchObject({ phase: 'up', ups: 2 });
  });

  it('tries at once when the network changes', async () => {
    await tellPlace();
    await fail(NO_ROUTE);
    const before = starts.length;
    tunnel.networkChanged();
    await settle();
    expect(starts).toHaveLength(before + 1);
  });

  it('is asked whether it is still there when the network changes, and is left when it does not answer', async () => {
    await tellPlace();
    await comeUp();
    const ask = (): string => {
      tunnel.networkChanged();
      tunnel.networkChanged();
      return String(newest().stdin.read());
    };
    const question = ask();
    expect(question).toMatch(/^tt tunnel there [0-9a-f]{16}\n$/);
    newest().says(question, 'stdout');
    await settle();
    await advance(10_000);
    expect(tunnel.state()).toMatchObject({ phase: 'up', ups: 1 });
    ask();
    await advance(2000);
    expect(tunnel.state()).toMatchObject({ phase: 'down', problem: { code: 'timeout' } });
    await advance(200);
    expect(kinds()).toEqual(['place', 'hold', 'hold']);
  });

  it('makes its directory again when that went with a reboot, and takes no port for it', async () => {
    await tellPlace();
    await comeUp();
    await fail('Connection to devbox closed by remote host.\n');
    await advance(200);
    await fail(REFUSED);
    await advance(200);
    expect(newest().kind).toBe('place');
    await tellPlace();
    expect(newest().remote).toMatch(/\/run\/in-[0-9a-f]{16}\.sock:/);
  });

  it('takes a port where sockets are refused, and warns', async () => {
    await tellPlace();
    await fail(REFUSED);
    await advance(200);
    await tellPlace();
    expect(newest().remote).toBe('127.0.0.1:0:/run/in.sock');
    newest().says('Allocated port 40123 for remote forward to /run/in.sock:0\n');
    await settle();
    await comeUp();
    expect(tunnel.state().phase).toBe('up');
    expect(tunnel.state().warning).toContain('AllowStreamLocalForwarding yes');
  });

  it('is in no hurry where somebody has to do something first', async () => {
    await fail('me@devbox: Permission denied (publickey).\n');
    await advance(29_000);
    expect(starts).toHaveLength(1);
    await advance(1000);
    expect(starts).toHaveLength(2);
  });

  it('gives up a start whose far end does not answer', async () => {
    await tellPlace();
    await advance(20_000);
    expect(tunnel.state()).toMatchObject({ phase: 'down', problem: { code: 'timeout' } });
  });

  it('leaves a link that is dead, or a far end that hangs, before it knows the place as well', async () => {
    expect(newest().args).toEqual(expect.arrayContaining(['ServerAliveInterval=2', 'ServerAliveCountMax=2']));
    newest().says(PLACE, 'stdout');
    await settle();
    await advance(20_000);
    expect(tunnel.state()).toMatchObject({ phase: 'down', problem: { code: 'timeout' } });
    await advance(1000);
    expect(kinds()).toEqual(['place', 'place']);
    await tellPlace();
    await comeUp();
    await advance(20_000);
    expect(tunnel.state()).toMatchObject({ phase: 'up', ups: 1 });
  });

  it('is another one at once when that is asked for, and nothing is wrong with it then', async () => {
    await tellPlace();
    await comeUp();
    tunnel.restart();
    await settle();
    await advance(0);
    expect(kinds()).toEqual(['place', 'hold', 'hold']);
    await comeUp();
    expect(tunnel.state()).toMatchObject({ phase: 'up', ups: 2, problem: null });
  });
});
