import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAgent, type Agent } from '../../agent/agent.ts';
import { agentCommands } from '../../agent/commands/table.ts';
import { askAgent } from '../../agent/control-client.ts';
import { createProbes } from '../../agent/probes.ts';
import { systemClock } from '../../shared/clock.ts';
import { configSchema } from '../../shared/config.ts';
import { parseGeneration, parseMachineId, type MachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { PROBE_TIMEOUT_MS, probeSchema, type Probe } from '../../shared/probe.ts';
import { runCommand } from '../support/command-run.ts';
import { openIngest, type IngestFixture } from '../support/ingest-fixture.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { modelProcesses } from '../support/model-processes.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'tt-probe-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function command(argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(agentCommands(() => modelProcesses()), argv, home, { clock: systemClock });
  if (code !== 0) throw new Error(`${argv.join(' ')} exited ${code}: ${stderr}`);
  return stdout;
}

async function running(collector: IngestFixture): Promise<{ agent: Agent; machine: MachineId }> {
  await command(['join', collector.url, '--code', collector.codes.create('devbox').code]);
  const paths = resolvePaths({}, home);
  const { machine_id } = JSON.parse(readFileSync(paths.machineFile, 'utf8')) as { machine_id: string };
  const agent = await openAgent({ paths, config: configSchema.parse({}), claudeDirs: [join(home, '.claude')] }, { clock: systemClock, log: silentLog, processes: modelProcesses() });
  await agent.ready;
  return { agent, machine: parseMachineId(machine_id)! };
}

async function probe(): Promise<Probe | undefined> {
  return askAgent(resolvePaths({}, home).agentSocket, systemClock, { method: 'POST', path: '/probe', body: {} }, (body) => probeSchema.parse(body));
}

const names = ({ hops }: Probe): string[] => hops.map(({ name }) => name);

describe('a probe of an agent', () => {
  it('goes through file, agent, wire, database and page, and comes back', async () => {
    await using collector = await openIngest();
    const seen: string[][] = [];
    collector.probes.shownBy(({ hops }) => {
      seen.push(hops.map(({ name }) => name));
      return Promise.resolve(systemClock.now());
    });
    const { agent, machine } = await running(collector);
    const sent = await probe();
    expect(sent).toMatchObject({ complete: true, missing: null, problem: null, machine: 'devbox' });
    expect(names(sent!)).toEqual(['file', 'agent', 'wire', 'collector', 'store', 'page', 'back']);
    expect(seen).toEqual([['file', 'agent', 'wire', 'collector', 'store']]);
    // The database holds the line's bytes, and nothing else of it.
    expect((await collector.writer.call('ledger', machine)).map(([, offset]) => offset)).toEqual([readFileSync(join(home, '.local/share/tt/status.jsonl')).length]);
    expect(collector.links.get(machine)).toMatchObject({ stored: 0, refused: 0 });
    expect(agent.status()).toMatchObject({ bad_lines: 0, unknown_entries: {} });
    expect(await command(['export'])).toBe('');
    await agent.close();
  });

  it('is sent when the collector asks for it, and only once under one name', async () => {
    await using collector = await openIngest();
    const { agent, machine } = await running(collector);
    const awaited = collector.probes.awaited(machine, 'p-1');
    expect(collector.ingest.askForProbe(machine, 'p-1')).toBe('asked');
    expect(collector.ingest.askForProbe(machine, 'p-1')).toBe('asked');
    expect((await awaited)?.map(({ name }) => name)).toEqual(['asked', 'file', 'agent', 'wire', 'collector', 'store']);
    expect(readFileSync(join(home, '.local/share/tt/status.jsonl'), 'utf8').trim().split('\n')).toHaveLength(1);
    await agent.close();
    expect(collector.ingest.askForProbe(machine, 'p-2')).toBe('not_connected');
  });

  it('says at once that there is no way when the agent is not connected', async () => {
    const collector = await openIngest();
    const { agent } = await running(collector);
    await collector[Symbol.asyncDispose]();
    await expect.poll(async () => (await probe())?.problem, { timeout: 5000 }).toEqual(expect.any(String));
    expect(await probe()).toMatchObject({ complete: false, hops: [] });
    await agent.close();
  });

  it('of another time that is read again is nothing', async () => {
    await using collector = await openIngest();
    const { agent, machine } = await running(collector);
    appendFileSync(join(home, '.local/share/tt/status.jsonl'), '{"type":"tt_probe","id":"old","timestamp":"2026-01-05T10:00:00.000Z"}\n{"type":"tt_probe"}\n');
    expect((await probe())?.complete).toBe(false); // no page here
    expect(collector.links.get(machine)).toMatchObject({ stored: 0, refused: 0 });
    expect(agent.status().bad_lines).toBe(0);
    await agent.close();
  });
});

describe('what is known of a probe under way', () => {
  const gen = parseGeneration('a'.repeat(32))!;
  const other = parseGeneration('b'.repeat(32))!;
  const connected = { machine: 'devbox', connected: true, problem: null };

  function opened() {
    const clock = new ManualClock();
    const statusLog = join(home, 'status.jsonl');
    const probes = createProbes({ clock, statusLog });
    const lastId = (): string => (JSON.parse(readFileSync(statusLog, 'utf8').trim().split('\n').at(-1) ?? '') as { id: string }).id;
    return { clock, probes, lastId };
  }

  it('goes behind the batch that has its line, not before', async () => {
    const { probes, lastId } = opened();
    const sent = probes.send(connected);
    probes.read({ id: lastId(), gen, to: 50 });
    expect(probes.sent([{ gen, from: 0, to: 40 }])).toEqual([]);
    expect(probes.sent([{ gen: other, from: 0, to: 60 }])).toEqual([]);
    const [frame] = probes.sent([{ gen, from: 40, to: 60 }]);
    expect(frame).toMatchObject({ type: 'probe', line: { gen, to: 50 } });
    probes.answered({ ...frame!, hops: [...frame!.hops, { name: 'collector', at: 1 }, { name: 'store', at: 2 }, { name: 'page', at: 3 }] });
    expect((await sent).complete).toBe(true);
  });

  it('tells how far it came when nothing comes back', async () => {
    const { clock, probes, lastId } = opened();
    const sent = probes.send(connected);
    probes.read({ id: lastId(), gen, to: 50 });
    clock.advance(PROBE_TIMEOUT_MS);
    expect(await sent).toMatchObject({ complete: false, missing: 'wire', total_ms: null });
    // Sent later all the same: nobody waits for it any more.
    expect(probes.sent([{ gen, from: 0, to: 50 }])).toEqual([]);
  });

  it('fills no disk for whoever asks without end', () => {
    const { probes } = opened();
    for (let index = 0; index < 100; index += 1) probes.asked(`p-${index}`);
    expect(readFileSync(join(home, 'status.jsonl'), 'utf8').trim().split('\n')).toHaveLength(16);
  });
});
