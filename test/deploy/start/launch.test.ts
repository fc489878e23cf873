import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launch } from '../../../deploy/start/launch.ts';
import { systemClock } from '../../../shared/clock.ts';

const STUB = fileURLToPath(new URL('../../fixtures/start/program.mjs', import.meta.url));
const WELCOME = 'tt is running.';

let directory: string;
let stop: AbortController;
let abandon: AbortController;
let printed: string[];
const polls: NodeJS.Timeout[] = [];
/** Called with everything printed so far, after each print. */
let onPrint: (text: string) => void;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-start-'));
  for (const name of ['tt.mjs', 'tt-agent.mjs']) copyFileSync(STUB, join(directory, name));
  [stop, abandon, printed, onPrint] = [new AbortController(), new AbortController(), [], () => {}];
});
afterEach(() => {
  for (const poll of polls.splice(0)) clearInterval(poll);
  rmSync(directory, { recursive: true, force: true });
});

const file = (name: string): string => join(directory, name);
const have = (name: string, content = ''): void => writeFileSync(file(name), content);
const lines = (name: string): string[] => (existsSync(file(name)) ? readFileSync(file(name), 'utf8').trim().split('\n') : []);

function start(more: { showLogs?: boolean } = {}): ReturnType<typeof launch> {
  return launch({
    programs: { collector: file('tt.mjs'), agent: file('tt-agent.mjs') },
    environment: { PATH: process.env['PATH'], STUB_DIR: directory }, home: directory, clock: systemClock,
    stop: stop.signal, abandon: abandon.signal, showLogs: more.showLogs ?? false,
    print(text) {
      printed.push(text);
      onPrint(printed.join(''));
    },
  });
}

/** Does `act` once it `is` so: the programs tell by files what they came to. */
function once(is: () => boolean, act: () => void): void {
  const poll = setInterval(() => {
    if (!is()) return;
    clearInterval(poll);
    act();
  }, 5);
  polls.push(poll);
}

/** Does `act` once `text` was printed. */
function when(text: string, act: () => void): void {
  let isDone = false;
  onPrint = (all) => {
    if (isDone || !all.includes(text)) return;
    isDone = true;
    act();
  };
}

describe('npm start', () => {
  it('starts the collector, enrols this machine, starts the agent, and says where everything is', async () => {
    when(WELCOME, () => stop.abort());
    expect(await start()).toBe(0);
    const calls = lines('calls');
    const steps = ['collector collector run', 'agent init', 'collector machines add devbox', 'agent join http://127.0.0.1:7071 -', 'agent run'];
    expect(calls.filter((call) => steps.some((step) => call.startsWith(step.replace(/ -$/, ''))))).toHaveLength(steps.length);
    expect(printed.join('')).toContain('http://127.0.0.1:7070/in/one-time');
    expect(printed.join('')).toContain(join(directory, '.local/share/tt'));
    expect(printed.join('')).toContain('machines add LABEL');
  });

  it('drains the agent before the collector', async () => {
    when(WELCOME, () => stop.abort());
    await start();
    expect(lines('order')).toEqual(['agent 1', 'collector 1']);
  });

  it('ends both at once at the second Ctrl-C', async () => {
    have('agent.drains-for-ever');
    have('collector.drains-for-ever');
    when(WELCOME, () => {
      stop.abort();
      // The agent has been asked once; now nobody waits for it.
      once(() => lines('order').length > 0, () => abandon.abort());
    });
    expect(await start()).toBe(0);
    expect(lines('order').filter((line) => line.endsWith(' 2')).toSorted()).toEqual(['agent 2', 'collector 2']);
  });

  it.each([['collector', ['collector 1']], ['agent', ['agent 1', 'collector 1']]])('ends in order at a Ctrl-C before the %s is ready', async (name, order) => {
    have(`${name}.hangs`);
    once(() => existsSync(file(`${name}.running`)), () => stop.abort());
    expect(await start()).toBe(0);
    expect(lines('order')).toEqual(order);
    expect(printed.join('')).not.toContain(WELCOME);
  });

  it('ends at once at the second Ctrl-C what was not ready at the first', async () => {
    have('collector.hangs');
    have('collector.drains-for-ever');
    once(() => existsSync(file('collector.running')), () => stop.abort());
    once(() => lines('order').length === 1, () => abandon.abort());
    expect(await start()).toBe(0);
    expect(lines('order')).toEqual(['collector 1', 'collector 2']);
  });

  it('goes on where it was when started again', async () => {
    when(WELCOME, () => stop.abort());
    await start();
    rmSync(file('calls'));
    stop = new AbortController();
    printed = [];
    when(WELCOME, () => stop.abort());
    expect(await start()).toBe(0);
    expect(lines('calls').filter((call) => /init|join|machines add/.test(call))).toEqual([]);
  });

  it('uses a collector that runs already and leaves it running', async () => {
    have('collector.running');
    when(WELCOME, () => stop.abort());
    expect(await start()).toBe(0);
    expect(lines('calls')).not.toContain('collector collector run');
    expect(lines('order')).toEqual(['agent 1']);
  });

  it('does nothing but tell when both run already', async () => {
    for (const name of ['collector.running', 'agent.running', 'identity']) have(name);
    have('joined', '9f8e7d6c-5b4a-4938-a716-f5e4d3c2b1a0 http://127.0.0.1:7071');
    expect(await start()).toBe(0);
    expect(lines('order')).toEqual([]);
    expect(printed.join('')).toContain('running already');
  });

  it('joins again when the collector has another port than the agent was told', async () => {
    have('identity');
    have('label-known');
    have('joined', '9f8e7d6c-5b4a-4938-a716-f5e4d3c2b1a0 http://127.0.0.1:40404');
    when(WELCOME, () => stop.abort());
    await start();
    expect(lines('calls').filter((call) => call.startsWith('agent join'))).toHaveLength(1);
  });

  it('touches no agent that reports to another collector', async () => {
    have('identity');
    have('joined', '11111111-2222-4333-8444-555555555555 http://127.0.0.1:7071');
    await expect(start()).rejects.toMatchObject({ code: 'other_collector' });
    expect(lines('order')).toEqual(['collector 1']);
  });

  it.each([['collector', []], ['agent', ['collector 1']]])('says why the %s did not start, and leaves nothing running', async (name, order) => {
    have(`${name}.fails`);
    await expect(start()).rejects.toMatchObject({ code: 'ended_early', message: expect.stringMatching(/exit code 3[^]*port is taken/) as unknown });
    expect(lines('order')).toEqual(order);
  });

  it.each([['collector', 'agent'], ['agent', 'collector']])('says why the %s died, and stops the %s', async (name, other) => {
    when(WELCOME, () => have(`${name}.dies`));
    expect(await start()).toBe(1);
    expect(printed.join('')).toMatch(new RegExp(`The ${name} ended \\(exit code 7\\)[^]*out of luck`));
    expect(lines('order')).toEqual([`${other} 1`]);
  });

  it('passes on what the programs log, when asked to', async () => {
    when(WELCOME, () => stop.abort());
    await start({ showLogs: true });
    expect(printed).toContain('collector: collector is ready\n');
  });
});
