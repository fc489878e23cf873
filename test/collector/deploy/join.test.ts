import { describe, expect, it } from 'vitest';
import { joinThrough, type JoinOptions } from '../../../collector/deploy/join.ts';
import type { RemoteAnswer, RemoteShell, RunOptions } from '../../../collector/deploy/remote-shell.ts';

interface Try {
  code: string;
  isByPort: boolean;
}

/** A machine whose agent answers so, one after the other. */
function machine(answers: readonly Partial<RemoteAnswer>[]): { shell: RemoteShell; tries: Try[] } {
  const tries: Try[] = [];
  const run = async (_script: string, options: RunOptions = {}): Promise<RemoteAnswer> => {
    const allocated = options.valuesAfter?.says.exec('Allocated port 4711 for remote forward to 127.0.0.1:7071');
    const values = options.values ?? (allocated ? options.valuesAfter?.values(allocated) : undefined) ?? [];
    tries.push({ code: values.at(-1) ?? '', isByPort: options.valuesAfter !== undefined });
    return { code: 1, stdout: '', stderr: '', said: [], ...answers[tries.length - 1] };
  };
  return { shell: { host: 'devbox', run, close: () => Promise.resolve() }, tries };
}

let codes = 0;
const options = (): JoinOptions => ({
  ingest: '127.0.0.1:7071', node: '/usr/bin/node', agentFile: '/data/tt-agent.mjs', socketDir: '/state/run', makeCode: () => Promise.resolve(`code-${++codes}`),
});
const clock = { random: () => 0.5 };
const EXPIRED = { code: 5, stderr: 'tt-agent: the collector refused: code unknown\n  next: check the code\n' };

describe('enrolment through a forward', () => {
  it('takes another code where the first had expired', async () => {
    const { shell, tries } = machine([EXPIRED, { code: 0 }]);
    await joinThrough(shell, clock, options());
    expect(new Set(tries.map(({ code }) => code)).size).toBe(2);
  });

  it('says so where that had expired as well', async () => {
    const { shell, tries } = machine([EXPIRED, EXPIRED, { code: 0 }]);
    await expect(joinThrough(shell, clock, options())).rejects.toMatchObject({
      code: 'code_expired', message: 'the code had expired before devbox could use it', exitCode: 5, hint: expect.stringContaining('ten minutes') as string,
    });
    expect(tries).toHaveLength(2);
  });

  it('goes by a port where sockets are not forwarded, with the same code', async () => {
    const { shell, tries } = machine([{ code: 254, stderr: 'tt tunnel refused' }, { code: 0 }]);
    await joinThrough(shell, clock, options());
    expect(tries.map(({ isByPort }) => isByPort)).toEqual([false, true]);
    expect(tries[0]?.code).toBe(tries[1]?.code);
  });

  it('gives the agent’s own words for every other refusal', async () => {
    const { shell } = machine([{ code: 5, stderr: 'tt-agent: the collector refused: machine known\n  next: another label\n' }]);
    await expect(joinThrough(shell, clock, options())).rejects.toMatchObject({
      message: 'the machine could not be enrolled on devbox: the collector refused: machine known', hint: 'another label', exitCode: 5,
    });
  });
});
