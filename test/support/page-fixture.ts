import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from '../../collector/collector.ts';
import { createControlHandlers } from '../../collector/control/handlers.ts';
import { openCollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import { createEnrolmentCodes } from '../../collector/enrolment/codes.ts';
import { openMachineRegistry, type MachineRegistry } from '../../collector/enrolment/machine-registry.ts';
import { openPage, type PageOptions } from '../../collector/http/page.ts';
import { createMachineLinks, type MachineLinks } from '../../collector/ingest/machine-links.ts';
import { createCollectorProbes } from '../../collector/ingest/probes.ts';
import type { Tunnels } from '../../collector/tunnel/tunnels.ts';
import { systemClock } from '../../shared/clock.ts';
import { loadConfig, type Config } from '../../shared/config.ts';
import { parseMachineId, type MachineId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import { resolvePaths } from '../../shared/paths.ts';
import type { GapReport, StatusFrame } from '../../shared/protocol/frames.ts';
import { createKeyPair } from '../../shared/protocol/tokens.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { statusFrame } from './status-frame.ts';
import { noArchive } from './no-archive.ts';
import { noTunnels } from './no-tunnels.ts';
import { jobOf, refOf, type BatchParts } from './store-fixture.ts';
import { startTestWriter } from './writer-in-process.ts';

/** A page over a real database, with connections that the test plays. */
export interface PageFixture {
  home: string;
  registry: MachineRegistry;
  links: MachineLinks;
  /** Enrols a machine; returns its ID. */
  enrol(label: string): Promise<MachineId>;
  store(machineId: MachineId, count: number, agoMs: number): Promise<void>;
  /** Stores batches of a machine, and lets the page hear of it. */
  commit(machineId: MachineId, ...batches: readonly BatchParts[]): Promise<void>;
  /** Bytes that it declares lost. */
  lose(machineId: MachineId, gap: GapReport): Promise<void>;
  /** Tells the page that something was archived. */
  archived(): void;
  connect(machineId: MachineId, status?: Partial<StatusFrame>, offsetMs?: number): void;
  /** Opens the page; `port` undefined picks one. */
  open(assets: string, port?: number): Promise<Page>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PageFixtureOptions {
  tunnels?: Tunnels;
  config?: Partial<Config>;
  /** Instead of a thread, which can not be started from source everywhere. */
  startAnswers?: PageOptions['startAnswers'];
}

export async function createPageFixture({ tunnels = noTunnels, config: wished = {}, startAnswers }: PageFixtureOptions = {}): Promise<PageFixture> {
  const clock = systemClock;
  const home = mkdtempSync(join(tmpdir(), 'tt-page-'));
  const paths = resolvePaths({}, home);
  const writer = startTestWriter(clock, paths.database);
  await writer.opened();
  const identity = await openCollectorIdentity(paths.collectorFile);
  const registry = openMachineRegistry(paths.machinesFile);
  const links = createMachineLinks(clock);
  /** The agents are played: there is no ingest that could tell them anything. */
  const nobody = (): never => {
    throw new Error('no ssh here');
  };
  const actions = createControlHandlers({
    clock, registry, paths, writer,
    live: {
      codes: createEnrolmentCodes(clock), links, tunnels, archive: noArchive, probes: createCollectorProbes(clock), syncs: { open: nobody, end: nobody, targets: () => [] },
      ingest: { rewind: () => false, askForReplacements: () => Promise.resolve(false), askForProbe: () => 'not_connected' },
      ingestUrl: () => 'http://127.0.0.1:7071',
      status: () => Promise.reject(new Error('the page tells')),
      pageLink: () => ({ url: '', expiresAtMs: 0 }),
    },
  });
  writer.onCommitted(({ summary }) => links.committed(summary));
  const pages: Page[] = [];
  const onStored: (() => void)[] = [];
  let enrolled = 0;
  return {
    home, registry, links,
    async enrol(label) {
      const machineId = parseMachineId(`00000000-0000-4000-8000-${String(++enrolled).padStart(12, '0')}`)!;
      const { publicKey } = await createKeyPair();
      registry.enrol({ machineId, label, publicKey, nowMs: clock.now() - 86_400_000 });
      return machineId;
    },
    async store(machineId, count, agoMs) {
      const lines = Array.from({ length: count }, (_, i) => {
        const timestamp = printTimestamp(clock.now() - agoMs - i * 1000);
        return JSON.stringify({ id: `${machineId}:remote.tmux:tmux_pane_focus:${timestamp}:%${i}`, timestamp, source: 'remote.tmux', type: 'tmux_pane_focus' });
      });
      await writer.call('importLines', lines, clock.now());
    },
    async commit(machineId, ...batches) {
      for (const batch of batches) writer.send(jobOf(refOf(machineId, clock.now() - 86_400_000), batch));
      await writer.idle();
    },
    async lose(machineId, gap) {
      await writer.call('reportGaps', refOf(machineId, clock.now() - 86_400_000), [gap], clock.now());
    },
    archived: () => onStored.forEach((tell) => tell()),
    connect(machineId, status = {}, offsetMs = 0) {
      const now = clock.now() + offsetMs;
      links.connected(machineId, {
        type: 'hello', protocol: 1, capabilities: [], version: '0.1.0', label: '', host: '', instance: '', nonce: '', positions_digest: '', clock: now,
      }, 'http://127.0.0.1:1');
      links.heard(machineId, statusFrame(now, status));
    },
    async open(assets, port = 0) {
      const config = { ...loadConfig(paths.configFile, {}), ...wished, ui_port: port };
      const deps = { collectorId: identity.collectorId, config, paths, clock, log: silentLog, registry, links, tunnels, writer, ingestPort: 7071, actions, archive: { onStored: (tell: () => void) => void onStored.push(tell) } };
      const page = await openPage(deps, { assets, claudeDirs: [join(home, '.claude')], ...(startAnswers && { startAnswers }) });
      pages.push(page);
      return page;
    },
    async [Symbol.asyncDispose]() {
      for (const page of pages) await page.close();
      await writer.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
