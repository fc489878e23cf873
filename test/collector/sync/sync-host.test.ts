import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Control } from '../../../collector/control/control-methods.ts';
import { createSyncRuns, type SyncRuns } from '../../../collector/sync/sync-runs.ts';
import { syncHost } from '../../../collector/sync/sync-host.ts';
import type { RunSsh } from '../../../collector/ssh.ts';
import { createControlHandlers } from '../../../collector/control/handlers.ts';
import { parseMachineId } from '../../../shared/ids.ts';
import { openIngest, type IngestFixture } from '../../support/ingest-fixture.ts';
import { noArchive } from '../../support/no-archive.ts';
import { noTunnels } from '../../support/no-tunnels.ts';

let collector: IngestFixture;
let syncs: SyncRuns;
let control: Control;

beforeEach(async () => {
  collector = await openIngest();
  const { clock, registry, writer, codes, ingest, links, probes, directory } = collector;
  syncs = createSyncRuns({ clock, registry, links, ingest, socketDir: directory });
  const live = {
    codes, ingest, links, probes, syncs, archive: noArchive, tunnels: noTunnels, ingestUrl: () => collector.url,
    status: () => Promise.reject(new Error('nobody asks')), pageLink: () => ({ url: '', expiresAtMs: 0 }),
  };
  const handlers = createControlHandlers({ clock, registry, paths: { collectorFile: '', machinesFile: '', database: '', archiveDir: '', syncEveryFile: '' }, writer, live });
  control = { call: (method, request) => handlers[method](request) };
});
afterEach(async () => {
  syncs.close();
  await collector[Symbol.asyncDispose]();
});

/** What ssh would run there, run here: with this text before all that is sent to it. */
function localShell(change: (text: string) => string): RunSsh {
  return (args) => {
    const child = spawn('/bin/sh', ['-c', args.at(-1) ?? ''], { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', HOME: collector.directory } });
    child.stdin.on('error', () => {});
    const stdin = child.stdin;
    const write = stdin.write.bind(stdin);
    let isFirst = true;
    stdin.write = ((chunk: string | Buffer) => {
      const sent = isFirst ? change(chunk.toString()) : chunk;
      isFirst = false;
      return write(sent);
    }) as typeof stdin.write;
    return {
      stdin, stdout: child.stdout, stderr: child.stderr, kill: (signal) => void child.kill(signal),
      ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
    };
  };
}

function run(runSsh: RunSsh, agent: Uint8Array = Buffer.from('no program')): ReturnType<typeof syncHost> {
  return syncHost({ host: 'devbox', label: null }, { control, runSsh, agent, clock: collector.clock, stop: new AbortController().signal, onProgress: () => {} });
}

describe('a host', () => {
  it('without a Node that is new enough says which it has, and what to do', async () => {
    const { state, error } = await run(localShell((text) => text.replace(/^\S+/, '99.0')));
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'remote_node', message: `there is no Node 20.19 or newer on devbox, only ${process.versions.node}`, hint: expect.stringContaining('nvm') as string });
  });

  it('whose agent ends without a word is told with its last line', async () => {
    const { error } = await run(localShell((text) => text));
    expect(error).toMatchObject({ code: 'remote_failed', message: expect.stringContaining('devbox') as string });
  });

  it('whose login shell says nothing is left after two minutes', async () => {
    let outcome: ReturnType<typeof run> | undefined;
    await new Promise<void>((resolve) => {
      outcome = run((args) => {
        resolve();
        return localShell((text) => text)([...args.slice(0, -1), 'exec sleep 600']);
      });
    });
    collector.clock.advance(120_000);
    expect((await outcome)?.error).toMatchObject({ code: 'ssh_timeout', exitCode: 3 });
  });

  it('whose login shell never ends its greeting is left', async () => {
    const { error } = await run((args) => localShell((text) => text)([...args.slice(0, -1), 'exec yes welcome']));
    expect(error).toMatchObject({ hint: expect.any(String) as string });
  });

  it('is asked for by no option of ssh', async () => {
    const outcome = await syncHost({ host: '-oProxyCommand=x', label: null }, {
      control, agent: Buffer.of(), clock: collector.clock, stop: new AbortController().signal, onProgress: () => {},
      runSsh: () => {
        throw new Error('nothing is started');
      },
    });
    expect(outcome.error).toMatchObject({ code: 'host_invalid', exitCode: 2 });
  });
});

describe('a run', () => {
  it('is called after its host, and ends once', async () => {
    const { label, isKnown, run: opened } = await syncs.open('me@devbox.example:2222', null);
    expect({ label, isKnown }).toEqual({ label: 'devbox', isKnown: false });
    expect(opened?.socketPath).toContain(opened?.id);
    expect(syncs.end(opened?.id ?? '')).toEqual({ machine: null, stored: 0, duplicates: 0, refused: 0 });
    expect(() => syncs.end(opened?.id ?? '')).toThrow(expect.objectContaining({ code: 'run_unknown' }) as Error);
  });

  /** One that is connected at this moment. */
  const enrolled = (label: string, more: { sshHost?: string; isConnected?: boolean } = {}): void => {
    const machineId = parseMachineId(randomUUID());
    if (!machineId) throw new Error('no ID of a machine');
    collector.registry.enrol({ machineId, label, publicKey: label, nowMs: 0 });
    if (more.sshHost !== undefined) collector.registry.setSshHost(label, more.sshHost);
    if (more.isConnected === false) return;
    collector.links.connected(machineId, {
      type: 'hello', protocol: 1, capabilities: [], version: '0.1.0', label, host: label, instance: label, nonce: '', positions_digest: '', clock: 0,
    }, 'tt+unix:///elsewhere');
  };

  it('is not needed by a machine that ssh reaches there and that is connected', async () => {
    enrolled('devbox', { sshHost: 'me@far.example' });
    expect(await syncs.open('me@far.example', null)).toEqual({ label: 'devbox', isKnown: true, run: null });
    expect(await syncs.open('devbox', null)).toEqual({ label: 'devbox', isKnown: true, run: null });
  });

  it('is opened where only the name of the host looks like that of a machine that is connected', async () => {
    enrolled('devbox');
    expect((await syncs.open('me@devbox.other.example', null)).run).not.toBeNull();
  });

  it('takes the label that was given, also where another machine was once reached by that host', async () => {
    enrolled('devbox', { sshHost: 'far', isConnected: false });
    expect(await syncs.open('far', null)).toMatchObject({ label: 'devbox', isKnown: true });
    expect(await syncs.open('far', 'devbox-2')).toMatchObject({ label: 'devbox-2', isKnown: false });
    collector.registry.retire('devbox', 0);
    expect(await syncs.open('far', null)).toMatchObject({ label: 'far', isKnown: false });
  });

  it('leaves nothing behind that a collector would wait for', async () => {
    const timers = collector.clock.pendingTimers;
    const { run: opened } = await syncs.open('devbox', null);
    await syncs.open('another', null);
    expect(collector.clock.pendingTimers).toBe(timers + 2);
    syncs.end(opened?.id ?? '');
    syncs.close();
    expect(collector.clock.pendingTimers).toBe(timers);
  });

  it('that a command left behind makes room after ten minutes', async () => {
    for (let n = 0; n < 100; n += 1) await syncs.open(`host-${n}`, null);
    await expect(syncs.open('one-more', null)).rejects.toMatchObject({ code: 'too_many_runs' });
    collector.clock.advance(10 * 60_000);
    expect((await syncs.open('one-more', null)).run).not.toBeNull();
  });
});
