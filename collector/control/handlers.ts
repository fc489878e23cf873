/** What the control methods do. With `live` in a running collector, without it under the lock alone. */
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { isLabel } from '../../shared/ids.ts';
import type { Paths } from '../../shared/paths.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { EnrolmentCodes } from '../enrolment/codes.ts';
import { labelTaken, type EnrolledMachine, type MachineRegistry } from '../enrolment/machine-registry.ts';
import type { Ingest } from '../ingest/ingest.ts';
import type { CollectorProbes } from '../ingest/probes.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import { toTunnelStatus } from '../status.ts';
import { changeSyncEvery, readSyncEvery, toSyncEveryDocument } from '../sync/sync-every.ts';
import type { SyncRuns } from '../sync/sync-runs.ts';
import type { Tunnels } from '../tunnel/tunnels.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ArchiveDesk } from '../archive/archive-desk.ts';
import { writeArchive } from './archive.ts';
import { toArchiveRow } from './archive-handlers.ts';
import type { ControlHandlers, MachineRow, TunnelRow } from './control-methods.ts';
import { probeMachine, toReport } from './machine-checks.ts';
import { compactFile, forgetForAWhile } from './forget-handlers.ts';
import { acceptGaps, labelsOf } from './gap-handlers.ts';
import { recomputeForAWhile } from './recompute-handlers.ts';
import { assign, changeStreams, undoAssignments } from './stream-handlers.ts';

/** What only a running collector has. */
export interface LiveCollector {
  codes: EnrolmentCodes;
  ingest: Pick<Ingest, 'rewind' | 'askForReplacements' | 'askForProbe'>;
  probes: Pick<CollectorProbes, 'awaited'>;
  links: MachineLinks;
  archive: Pick<ArchiveDesk, 'audit' | 'sendAgain' | 'problem' | 'isServed'>;
  tunnels: Pick<Tunnels, 'state' | 'restart'>;
  syncs: Pick<SyncRuns, 'open' | 'end' | 'targets'>;
  /** Where agents on this machine dial. */
  ingestUrl(): string;
  status(): CollectorStatus | Promise<CollectorStatus>;
  pageLink(): { url: string; expiresAtMs: number };
}

export interface HandlersDeps {
  clock: Pick<Clock, 'now'>;
  registry: MachineRegistry;
  paths: Pick<Paths, 'collectorFile' | 'machinesFile' | 'database' | 'archiveDir' | 'syncEveryFile'>;
  writer: Pick<WriterPort, 'call'>;
  live: LiveCollector | undefined;
}

export function createControlHandlers({ clock, registry, paths, writer, live }: HandlersDeps): ControlHandlers {
  const row = (machine: EnrolledMachine): MachineRow => toRow(machine, live);
  return {
    'status': async () => running(live, 'status').status(),
    'machines.list': async () => ({ machines: registry.list().map(row) }),
    'machines.add': async ({ label, again }) => addMachine(label, again, registry, running(live, 'machines add')),
    'machines.rename': async (request) => row(registry.rename(request.label, request.new_label)),
    'machines.revoke': async ({ label }) => row(registry.revoke(label, clock.now())),
    'machines.retire': async ({ label }) => row(registry.retire(label, clock.now())),
    async 'machines.rewind'({ label, replace }) {
      const machine = known(registry, label);
      if (replace) {
        const { files } = await writer.call('wantReplacement', machine.machineId);
        const isAsked = (await live?.ingest.askForReplacements(machine.machineId)) ?? false;
        return { label, files, happens: isAsked ? 'now' : 'at_next_connect' };
      }
      // On disk first: what the ledger does not know is sent from its start, also when the agent goes now.
      const gens = await writer.call('setBackLedger', machine.machineId);
      const isAsked = live?.ingest.rewind(machine.machineId, gens) ?? false;
      return { label, files: gens.length, happens: isAsked ? 'now' : 'at_next_connect' };
    },
    'machines.probe': ({ label }) => probeMachine(known(registry, label), running(live, 'a probe'), clock),
    'machines.reports': async () => ({ machines: registry.list().map((machine) => toReport(machine, running(live, 'what agents report'))) }),
    'tunnels.list': async () => ({ tunnels: registry.list().filter(({ sshHost }) => sshHost !== null).map((machine) => toTunnelRow(machine, live)) }),
    'tunnels.set': async ({ label, host }) => toTunnelRow(registry.setSshHost(label, host), live),
    'tunnels.restart': async ({ label }) => ({
      restarted: running(live, 'a tunnel').tunnels.restart(label === null ? undefined : known(registry, label)),
    }),
    async 'sync.open'({ host, label }) {
      const { label: name, isKnown, run } = await running(live, 'tt sync').syncs.open(host, label);
      return { label: name, known: isKnown, run: run && { id: run.id, socket: run.socketPath } };
    },
    'sync.end': async ({ id }) => running(live, 'tt sync').syncs.end(id),
    async 'sync.every'(every) {
      changeSyncEvery(paths.syncEveryFile, every);
      return toSyncEveryDocument(readSyncEvery(paths.syncEveryFile), clock.now());
    },
    'sync.targets': async () => ({ targets: running(live, 'tt sync').syncs.targets() }),
    'gaps.accept': (request) => acceptGaps(request, labelsOf(registry), writer, clock.now()),
    'forget.step': (target) => forgetForAWhile(target, { writer, clock, archiveDir: paths.archiveDir, isRunning: live !== undefined }),
    'forget.undo': async (target) => ({ found: await writer.call('undoForget', target) }),
    'forget.compact': () => compactFile(writer),
    'streams.change': (command) => changeStreams(command, writer, clock.now()),
    'streams.assign': (request) => assign(request, writer, clock.now()),
    'streams.undo': ({ act }) => undoAssignments(act, writer),
    'archive.list': async () => ({ machines: registry.list().map((machine) => toArchiveRow(machine, live)) }),
    'archive.set': async ({ label, on }) => {
      known(registry, label);
      return toArchiveRow(registry.setArchive(label, on), live);
    },
    'archive.audit': async ({ label, files }) => ({ hashes: (await live?.archive.audit(known(registry, label).machineId, files)) ?? null }),
    'archive.resend': async ({ label, names }) => ({ files: await running(live, 'sending files again').archive.sendAgain(known(registry, label).machineId, names) }),
    'backup': ({ file }) => writeArchive(file, paths, (copy) => writer.call('backup', copy)),
    'rebuild': () => writer.call('rebuild'),
    'recompute.step': ({ place }) => recomputeForAWhile(place, { writer, clock, isRunning: live !== undefined }),
    'import': ({ lines }) => writer.call('importLines', lines, clock.now()),
    async 'page.link'() {
      const { url, expiresAtMs } = running(live, 'the page').pageLink();
      return { url, expires_at: printTimestamp(expiresAtMs) };
    },
  };
}

function running(live: LiveCollector | undefined, what: string): LiveCollector {
  if (live) return live;
  throw new TtError('collector_not_running', `${what} needs a running collector`, {
    hint: 'start it: tt collector run', exitCode: EXIT_CODES.unreachable,
  });
}

function known(registry: MachineRegistry, label: string): EnrolledMachine {
  const machine = registry.byLabel(label);
  if (machine) return machine;
  throw new TtError('machine_unknown', `no machine is called ${JSON.stringify(label)}`, {
    hint: '`tt machines` lists them', exitCode: EXIT_CODES.usage,
  });
}

async function addMachine(
  label: string, again: boolean, registry: MachineRegistry, live: LiveCollector,
): Promise<{ label: string; code: string; url: string; expires_at: string; command: string }> {
  if (!isLabel(label)) {
    throw new TtError('label_invalid', `${JSON.stringify(label)} can not be a label`, {
      hint: 'use lower case letters, digits, - and _, at most 64, starting with a letter or digit', exitCode: EXIT_CODES.usage,
    });
  }
  if (registry.byLabel(label) && !again) {
    throw new TtError('label_taken', labelTaken(label).message, {
      hint: `for the same machine once more: tt machines add ${label} --again; else choose another label, or: tt machines rename ${label} NEW`,
      exitCode: EXIT_CODES.usage,
    });
  }
  const { code, expiresAtMs } = live.codes.create(label);
  const url = live.ingestUrl();
  return { label, code, url, expires_at: printTimestamp(expiresAtMs), command: `tt-agent join ${url} --code ${code}` };
}

function toTunnelRow({ machineId, label, sshHost }: EnrolledMachine, live: LiveCollector | undefined): TunnelRow {
  return { machine_id: machineId, label, host: sshHost, tunnel: toTunnelStatus(live?.tunnels.state(machineId)) };
}

function toRow(machine: EnrolledMachine, live: LiveCollector | undefined): MachineRow {
  const link = live?.links.get(machine.machineId);
  const lastSeenMs = link?.lastSeenMs ?? null;
  const connectedSinceMs = link?.connectedSinceMs ?? null;
  return {
    machine_id: machine.machineId,
    label: machine.label,
    enrolled_at: machine.enrolledAt,
    retired_at: machine.retiredAt,
    revoked_at: machine.revokedAt,
    connected: live ? (link?.connected ?? false) : null,
    connected_since: connectedSinceMs === null ? null : printTimestamp(connectedSinceMs),
    last_seen_at: lastSeenMs === null ? null : printTimestamp(lastSeenMs),
    version: link?.version ?? null,
    problem: link?.problem?.message ?? null,
    archive: machine.archive,
  };
}
