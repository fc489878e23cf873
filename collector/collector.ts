/**
 * The collector, composed.
 *
 * Opening: lock → identity → machines → writer (database) → ingest → tunnels → page → control socket.
 * Closing: control socket → page → tunnels → ingest (no new agents, no more batches; what was handed
 * over is committed and acknowledged; goodbye) → writer → lock.
 */
import type { Clock } from '../shared/clock.ts';
import { createClosing } from '../shared/closing.ts';
import type { Config } from '../shared/config.ts';
import { messageOf } from '../shared/errors.ts';
import type { CollectorId } from '../shared/ids.ts';
import type { Log } from '../shared/log.ts';
import { hostInUrl, hostOfSocket } from '../shared/loopback.ts';
import type { Paths } from '../shared/paths.ts';
import type { CollectorStatus } from '../shared/status.ts';
import { ARCHIVE_RESERVE_BYTES } from '../shared/limits.ts';
import { createArchiveDesk, type ArchiveDesk } from './archive/archive-desk.ts';
import { removeForgotten, type Forgotten } from './archive/forgetting.ts';
import { takeCollectorLock } from './control/collector-lock.ts';
import { openControlServer } from './control/control-server.ts';
import { controlOf, type ControlHandlers } from './control/control-methods.ts';
import { createControlHandlers } from './control/handlers.ts';
import { openCollectorIdentity } from './enrolment/collector-identity.ts';
import { createEnrolmentCodes } from './enrolment/codes.ts';
import { createEnrolmentDesk } from './enrolment/enrolment-desk.ts';
import { openMachineRegistry, type MachineRegistry } from './enrolment/machine-registry.ts';
import { createMachineEndpoints } from './ingest/endpoint-policy.ts';
import { createIngest } from './ingest/ingest.ts';
import { createMachineLinks, type MachineLinks } from './ingest/machine-links.ts';
import { createCollectorProbes, type CollectorProbes } from './ingest/probes.ts';
import { createStepKeeper, type StepKeeper } from './handover/step-keeper.ts';
import type { StepThread } from './handover/step-thread.ts';
import { readThisMachine } from './sessions/this-machine.ts';
import { openStatusline } from './statusline/open-statusline.ts';
import { syncHost } from './sync/sync-host.ts';
import { createSyncRuns } from './sync/sync-runs.ts';
import { createSyncSchedule } from './sync/sync-schedule.ts';
import { createTunnels, type Tunnels, type TunnelsDeps } from './tunnel/tunnels.ts';
import { createWriter, type Writer, type WriterChannel } from './writer/writer.ts';

/** What the page and the API are given. */
export interface PageDeps {
  collectorId: CollectorId;
  config: Config;
  paths: Paths;
  clock: Clock;
  log: Log;
  registry: MachineRegistry;
  links: MachineLinks;
  tunnels: Pick<Tunnels, 'state' | 'onChange'>;
  /** Undefined: no sessions are kept in step. */
  steps?: Pick<StepKeeper, 'state'> | undefined;
  writer: Writer;
  probes?: Pick<CollectorProbes, 'shownBy'>;
  archive?: Pick<ArchiveDesk, 'onStored'>;
  /** The port agents come to. */
  ingestPort: number;
  /** What can be asked of the collector; the page offers a part of it. */
  actions: ControlHandlers;
}

export interface Page {
  /** The port that was picked. */
  readonly port: number;
  status(): CollectorStatus;
  /** A one-time link that signs a browser in. */
  signInLink(): { url: string; expiresAtMs: number };
  close(): Promise<void>;
}

export interface CollectorOptions {
  paths: Paths;
  config: Config;
}

export interface CollectorDeps {
  clock: Clock;
  log: Log;
  /** The thread that owns the database at this path. */
  startWriter: (database: string) => WriterChannel;
  openPage: (deps: PageDeps) => Promise<Page>;
  /** What tunnels need of this laptop. */
  tunnelling: Pick<TunnelsDeps, 'runSsh' | 'check' | 'networkFingerprint'>;
  /** The agent's one file, gzipped; undefined: nothing is fetched by itself. */
  packAgent?: () => Promise<Uint8Array>;
  /** Compares sessions and hands them over; undefined: none are kept in step. */
  stepThread?: StepThread;
}

export interface Collector {
  readonly ingestPort: number;
  readonly uiPort: number;
  /** Rejects when the collector can not go on (the database is gone or damaged). Never resolves. */
  readonly failure: Promise<never>;
  /** Drains, then closes, in the order above: all of it, whatever of it fails. Idempotent. */
  close(): Promise<void>;
}

/** Throws `collector_running`, `port_taken`, `ingest_not_loopback` and what reading its files throws; nothing stays open then. */
export async function openCollector(options: CollectorOptions, deps: CollectorDeps): Promise<Collector> {
  const closing = createClosing();
  try {
    const collector = await compose(options, deps, closing.add);
    return { ...collector, close: closing.close };
  } catch (error) {
    await closing.close().catch((failure: unknown) => deps.log.warn({ error: messageOf(failure) }, 'could not close all that was open'));
    throw error;
  }
}

async function compose(
  { paths, config }: CollectorOptions, { clock, log, startWriter, openPage, tunnelling, stepThread, packAgent }: CollectorDeps,
  onClose: (close: () => void | Promise<void>) => void,
): Promise<Omit<Collector, 'close'>> {
  const lock = takeCollectorLock(paths.collectorLockFile);
  onClose(() => lock.release());
  const identity = await openCollectorIdentity(paths.collectorFile);
  const registry = openMachineRegistry(paths.machinesFile);

  const writer = createWriter(startWriter(paths.database));
  onClose(() => writer.close());
  await writer.opened();

  const codes = createEnrolmentCodes(clock);
  const desk = createEnrolmentDesk({ identity, registry, codes, clock });
  const links = createMachineLinks(clock);
  const probes = createCollectorProbes(clock);
  const forgotten: Forgotten = (machineId, names) => writer.call('forgottenNames', machineId, names);
  const archive = createArchiveDesk({ clock, log, registry, archiveDir: paths.archiveDir, reserveBytes: ARCHIVE_RESERVE_BYTES, forgotten });
  const endpoints = createMachineEndpoints({ urls: config.ingest_urls });
  const ingest = createIngest({ clock, log, identity, registry, desk, writer, links, probes, archive, endpointAllowed: endpoints.allows });
  onClose(async () => {
    await ingest.drain();
    await ingest.close();
  });
  const listener = await ingest.listen({ listen: { host: hostOfSocket(config.ingest_host), port: config.ingest_port } });
  const ingestPort = listener.port ?? config.ingest_port;

  const { collectorId } = identity;
  const tunnels = createTunnels({ ...tunnelling, clock, log, registry, endpoints, ingest, config, socketDir: paths.runtimeDir });
  onClose(() => tunnels.close());
  const steps = stepThread && createStepKeeper(config.sync, { clock, log, registry, links, here: () => readThisMachine(paths.machineFile), thread: stepThread });
  onClose(() => steps?.close());
  const syncs = createSyncRuns({ clock, registry, links, ingest, socketDir: paths.runtimeDir });
  onClose(() => syncs.close());
  const live = {
    codes, ingest, links, archive, tunnels, syncs, probes,
    ingestUrl: () => config.ingest_urls[0] ?? `http://${hostInUrl(config.ingest_host)}:${ingestPort}`,
    status: () => page.status(),
    pageLink: () => page.signInLink(),
  };
  const actions = createControlHandlers({ clock, registry, paths, writer, live });
  const schedule = packAgent && createSyncSchedule({
    clock, log, file: paths.syncEveryFile, runs: syncs,
    fetch: async (request, stop) => syncHost(request, { clock, control: controlOf(actions), runSsh: tunnelling.runSsh, agent: await packAgent(), stop, onProgress: () => {} }),
  });
  onClose(() => schedule?.close());
  const page = await openPage({ collectorId, config, paths, clock, log, registry, links, tunnels, steps, writer, probes, archive, ingestPort, actions });
  onClose(() => page.close());
  const statusline = openStatusline({ paths, config, clock, log, links, status: () => page.status() });
  onClose(() => statusline.close());

  // An archive that was put back from a copy has what was forgotten since.
  const sweep = removeForgotten(paths.archiveDir, forgotten).then(
    (sessions) => void (sessions > 0 && log.warn({ sessions }, 'sessions that were forgotten lay in the archive: removed')),
    (error: unknown) => log.error({ error: messageOf(error) }, 'the archive could not be looked through for what was forgotten'),
  );
  onClose(() => sweep);

  const control = await openControlServer(paths.controlSocket, { handlers: actions, log, clock });
  onClose(() => control.close());
  return { ingestPort, uiPort: page.port, failure: writer.failure };
}
