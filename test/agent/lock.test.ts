import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeAgentLock } from '../../agent/lock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelProcesses } from '../support/model-processes.ts';

let directory: string;
let file: string;
const clock = new ManualClock();

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tt-lock-'));
  file = join(directory, 'agent.lock');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function take(change: Parameters<typeof modelProcesses>[0] = {}): ReturnType<typeof takeAgentLock> {
  return takeAgentLock(file, { clock, processes: modelProcesses(change) });
}

/** When the holder last gave a sign. */
function heartbeat(agoMs: number): void {
  const at = new Date(clock.now() - agoMs);
  utimesSync(file, at, at);
}

describe('the agent’s lock', () => {
  it('is held by one agent, and free when it released it', () => {
    const first = take({ pid: 100 });
    expect(() => take({ pid: 200, alive: [100] })).toThrow(/running here already \(process 100\)/);
    first.release();
    take({ pid: 200, alive: [100] });
    expect(readdirSync(directory)).toEqual(['agent.lock']);
  });

  it('is taken from a process that is gone, or whose ID another process got', () => {
    take({ pid: 100 });
    take({ pid: 200, alive: [] });
    take({ pid: 300, alive: [200], startOf: (pid) => (pid === 200 ? 'later' : `start-${pid}`) });
    expect(readFileSync(file, 'utf8')).toContain('"pid":300');
  });

  it('is not kept by a host that was booted again, nor by one that changed its name', () => {
    take({ pid: 100, boot: 'boot-1' });
    heartbeat(0);
    take({ pid: 200, boot: 'boot-2', alive: [100] });
    heartbeat(60_000);
    take({ pid: 300, boot: 'boot-2', host: 'renamed' });
    expect(readFileSync(file, 'utf8')).toContain('"host":"renamed"');
  });

  it('is kept by a living agent of the same kernel under another name', () => {
    take({ pid: 100 });
    heartbeat(60_000);
    expect(() => take({ pid: 200, host: 'renamed', alive: [100] })).toThrow(/running here already/);
  });

  it('is kept by another host as long as it gives signs of life, and the error says what to do', () => {
    take({ pid: 100, host: 'other', boot: 'boot-9' });
    heartbeat(20_000);
    expect(() => take({ pid: 200 })).toThrow(expect.objectContaining({ code: 'state_in_use', hint: expect.stringContaining('XDG_STATE_HOME') as unknown }));
    heartbeat(60_000);
    take({ pid: 200 });
  });

  it('tells its holder when somebody else took it, and is then left alone', () => {
    const first = take({ pid: 100 });
    expect(first.refresh()).toBe(true);
    take({ pid: 200 });
    expect(first.refresh()).toBe(false);
    first.release();
    expect(readFileSync(file, 'utf8')).toContain('"pid":200');
  });

  it('that somebody removed is taken again by its holder, unless another agent was quicker', () => {
    const first = take({ pid: 100 });
    rmSync(file);
    expect(first.refresh()).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain('"pid":100');
    rmSync(file);
    take({ pid: 200 });
    expect(first.refresh()).toBe(false);
    expect(readFileSync(file, 'utf8')).toContain('"pid":200');
  });

  it('survives a heartbeat that the disk refuses', () => {
    const first = take({ pid: 100 });
    const away = `${file}.away`;
    renameSync(file, away);
    mkdirSync(file); // reading it fails otherwise than for a file that is not there
    expect(first.refresh()).toBe(true);
    rmdirSync(file);
    renameSync(away, file);
    expect(first.refresh()).toBe(true);
  });

  it('is taken where the file holds nothing that names a holder', () => {
    writeFileSync(file, '\0\0\0');
    take();
    expect(readFileSync(file, 'utf8')).toContain('"pid":100');
  });
});
