import { chmodSync, mkdirSync, mkdtempSync, readdirSync, statSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createControlClient } from '../../../collector/control/control-client.ts';
import type { Control } from '../../../collector/control/control-methods.ts';
import { openControlServer } from '../../../collector/control/control-server.ts';
import { createControlHandlers, type LiveCollector } from '../../../collector/control/handlers.ts';
import { takeCollectorLock } from '../../../collector/control/collector-lock.ts';
import { openControl } from '../../../collector/control/open-control.ts';
import { silentLog } from '../../../shared/log.ts';
import { resolvePaths } from '../../../shared/paths.ts';
import { systemClock } from '../../../shared/clock.ts';
import { openIngest, type IngestFixture } from '../../support/ingest-fixture.ts';
import { createSyncRuns } from '../../../collector/sync/sync-runs.ts';
import { noArchive } from '../../support/no-archive.ts';
import { noTunnels } from '../../support/no-tunnels.ts';
import { batchOf, GEN, join as joinMachine, machineId, ScriptedAgent, tokenFor } from '../../support/scripted-agent.ts';

interface Controlled {
  collector: IngestFixture;
  control: Control;
  socketPath: string;
  paths: Parameters<typeof createControlHandlers>[0]['paths'];
  live: LiveCollector;
  [Symbol.asyncDispose](): Promise<void>;
}

async function openControlled(): Promise<Controlled> {
  const collector = await openIngest();
  const { clock, registry, writer, codes, ingest, links, probes, directory } = collector;
  const paths = {
    collectorFile: join(directory, 'collector.json'), machinesFile: join(directory, 'machines.json'), database: collector.database,
    archiveDir: join(directory, 'archive'), syncEveryFile: join(directory, 'sync-every.json'),
  };
  const live: LiveCollector = {
    codes, ingest, links, probes, archive: noArchive, tunnels: noTunnels,
    syncs: createSyncRuns({ clock, registry, links, ingest, socketDir: directory }),
    ingestUrl: () => collector.url,
    status: () => {
      throw new Error('something nobody foresaw');
    },
    pageLink: () => ({ url: 'http://127.0.0.1:1/sign-in?token=x', expiresAtMs: clock.now() }),
  };
  const socketPath = join(directory, 'run', 'collector.sock');
  const handlers = createControlHandlers({ clock, registry, paths, writer, live });
  const server = await openControlServer(socketPath, { handlers, log: silentLog, clock });
  return {
    collector, socketPath, paths, live, control: createControlClient(socketPath),
    async [Symbol.asyncDispose]() {
      await server.close();
      await collector[Symbol.asyncDispose]();
    },
  };
}

function post(socketPath: string, path: string, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path, method: 'POST' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(body);
  });
}

describe('the control socket', () => {
  it('is for its owner only', async () => {
    await using fixture = await openControlled();
    expect(statSync(fixture.socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(join(fixture.socketPath, '..')).mode & 0o777).toBe(0o700);
  });

  it('makes a code by which a machine joins', async () => {
    await using fixture = await openControlled();
    const added = await fixture.control.call('machines.add', { label: 'devbox', again: false });
    expect(added.command).toBe(`tt-agent join ${fixture.collector.url} --code ${added.code}`);
    await joinMachine(added.url, added.code);
    expect(await fixture.control.call('machines.list', {})).toMatchObject({ machines: [{ label: 'devbox', connected: false, revoked_at: null }] });
  });

  it('makes no code for a label that is in use, unless it is to join again', async () => {
    await using fixture = await openControlled();
    await joinMachine(fixture.collector.url, fixture.collector.codes.create('devbox').code);
    await expect(fixture.control.call('machines.add', { label: 'devbox', again: false })).rejects.toMatchObject({ code: 'label_taken', exitCode: 2 });
    expect((await fixture.control.call('machines.add', { label: 'devbox', again: true })).label).toBe('devbox');
    await expect(fixture.control.call('machines.add', { label: 'No Label', again: false })).rejects.toMatchObject({ code: 'label_invalid' });
  });

  it('renames, revokes and retires', async () => {
    await using fixture = await openControlled();
    await joinMachine(fixture.collector.url, fixture.collector.codes.create('devbox').code);
    expect(await fixture.control.call('machines.rename', { label: 'devbox', new_label: 'build' })).toMatchObject({ label: 'build' });
    expect((await fixture.control.call('machines.revoke', { label: 'build' })).revoked_at).not.toBeNull();
    expect((await fixture.control.call('machines.retire', { label: 'build' })).retired_at).not.toBeNull();
    await expect(fixture.control.call('machines.retire', { label: 'nobody' })).rejects.toMatchObject({ code: 'machine_unknown', exitCode: 2 });
  });

  it('rewinds a connected machine now, and another one when it connects next', async () => {
    await using fixture = await openControlled();
    const { collector, control } = fixture;
    const machine = await joinMachine(collector.url, collector.codes.create('devbox').code);
    const agent = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
    agent.hello();
    await agent.frame('welcome');
    agent.send(batchOf(1, []));
    await agent.frame('ack');
    expect(await control.call('machines.rewind', { label: 'devbox', replace: true })).toEqual({ label: 'devbox', files: 1, happens: 'now' });
    expect(await agent.frame('rewind')).toEqual({ type: 'rewind', seq: null, gen: GEN, to: 0, replace: true });
    const gone = new Promise<void>((resolve) => {
      collector.links.onChange((id) => collector.links.get(id)?.connected === false && resolve());
    });
    agent.terminate();
    await gone;
    expect(await control.call('machines.rewind', { label: 'devbox', replace: true })).toMatchObject({ files: 1, happens: 'at_next_connect' });
    expect(await control.call('machines.rewind', { label: 'devbox', replace: false })).toMatchObject({ files: 1, happens: 'at_next_connect' });
    expect(await collector.writer.call('ledger', machine.machineId)).toEqual([]);
    const back = await ScriptedAgent.connect(collector.url, await tokenFor(collector.url, machine));
    back.hello();
    await back.frame('welcome');
    expect(await back.frame('rewind')).toEqual({ type: 'rewind', seq: null, gen: GEN, to: 0, replace: true });
  });

  it('answers what it does not know, and what fails, as errors with a next step', async () => {
    await using fixture = await openControlled();
    expect(await post(fixture.socketPath, '/v1/nonsense', '{}')).toBe(422);
    expect(await post(fixture.socketPath, '/v1/machines.revoke', '{}')).toBe(422);
    expect(await post(fixture.socketPath, '/v1/machines.list', 'no JSON')).toBe(500);
    await expect(fixture.control.call('status', {})).rejects.toMatchObject({ code: 'internal', message: 'something nobody foresaw' });
  });

  it('says that no collector runs where there is none', async () => {
    const client = createControlClient(join(mkdtempSync(join(tmpdir(), 'tt-none-')), 'collector.sock'));
    await expect(client.call('status', {})).rejects.toMatchObject({ code: 'collector_not_running', exitCode: 3 });
  });
});

describe('without a running collector', () => {
  it('commands do their work under its lock', async () => {
    const paths = resolvePaths({}, mkdtempSync(join(tmpdir(), 'tt-offline-')));
    const control = openControl(paths, systemClock);
    await expect(control.call('rebuild', {})).rejects.toMatchObject({ code: 'database_missing' });
    expect(await control.call('import', { lines: [] })).toMatchObject({ read: 0 });
    expect(await control.call('rebuild', {})).toEqual({ events: 0, copies: 0, sessions: 0, responses: 0 });
    expect(await control.call('machines.list', {})).toEqual({ machines: [] });
    await expect(control.call('machines.add', { label: 'devbox', again: false })).rejects.toMatchObject({ code: 'collector_not_running' });
    takeCollectorLock(paths.collectorLockFile).release();
  });

  it('nothing is done while another command holds the lock', async () => {
    const paths = resolvePaths({}, mkdtempSync(join(tmpdir(), 'tt-offline-')));
    const lock = takeCollectorLock(paths.collectorLockFile);
    await expect(openControl(paths, systemClock).call('rebuild', {})).rejects.toMatchObject({ code: 'collector_running' });
    lock.release();
    expect(statSync(paths.collectorLockFile).mode & 0o777).toBe(0o600);
  });

  it.each(['machines.list', 'tunnels.list', 'archive.list'] as const)('%s is answered all the same, and leaves nothing behind', async (method) => {
    const home = mkdtempSync(join(tmpdir(), 'tt-offline-'));
    const paths = resolvePaths({}, home);
    const control = openControl(paths, systemClock);
    await control.call(method, {});
    expect(readdirSync(home)).toEqual([]);
    const lock = takeCollectorLock(paths.collectorLockFile);
    expect(Object.values(await control.call(method, {}))).toEqual([[]]);
    lock.release();
  });

  it('a machine is revoked all the same', async () => {
    const paths = resolvePaths({}, mkdtempSync(join(tmpdir(), 'tt-offline-')));
    const { openMachineRegistry } = await import('../../../collector/enrolment/machine-registry.ts');
    mkdirSync(paths.dataDir, { recursive: true });
    chmodSync(paths.dataDir, 0o700);
    openMachineRegistry(paths.machinesFile).enrol({ machineId: machineId(), label: 'devbox', publicKey: 'A'.repeat(43), nowMs: 0 });
    await openControl(paths, systemClock).call('machines.revoke', { label: 'devbox' });
    expect(openMachineRegistry(paths.machinesFile).byLabel('devbox')?.revokedAt).not.toBeNull();
  });
});

describe('a collector that is slow to answer', () => {
  it('is waited for as long as it says that it works on it', async () => {
    await using controlled = await openControlled();
    const { clock, registry, writer } = controlled.collector;
    const socketPath = join(controlled.collector.directory, 'slow.sock');
    const handlers = createControlHandlers({ clock, registry, paths: controlled.paths, writer, live: controlled.live });
    let beats = 0;
    let finish = (): void => {};
    const worked = new Promise<void>((resolve) => (finish = resolve));
    const server = await openControlServer(socketPath, {
      handlers: { ...handlers, 'machines.list': async (request) => (await worked, handlers['machines.list'](request)) },
      log: silentLog,
      clock: { every: (ms, task) => systemClock.every(ms / 250, () => ((beats += 1), task(), beats === 30 ? finish() : undefined)) },
    });
    // Thirty beats of 20 ms: much longer than the client stands silence.
    expect(await createControlClient(socketPath, { silentMs: 300 }).call('machines.list', {})).toHaveProperty('machines');
    expect(beats).toBeGreaterThanOrEqual(30);
    await server.close();
  });

  it('and says nothing at all is given up, with what to look at', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tt-silent-'));
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(join(directory, 's'), resolve));
    await expect(createControlClient(join(directory, 's'), { silentMs: 50 }).call('status', {})).rejects.toMatchObject({ code: 'control_silent', exitCode: 3 });
    server.closeAllConnections();
    server.close();
  });
});
