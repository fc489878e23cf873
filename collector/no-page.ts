/** A collector without a page: it collects and answers `tt status` all the same. */
import { STATUS_SCHEMA, type MachineStatus } from '../shared/status.ts';
import { TtError } from '../shared/errors.ts';
import { printTimestamp } from '../shared/timestamp.ts';
import { VERSION } from '../shared/version.ts';
import type { Page, PageDeps } from './collector.ts';
import type { EnrolledMachine } from './enrolment/machine-registry.ts';
import type { MachineLink } from './ingest/machine-links.ts';

export async function openNoPage(deps: PageDeps): Promise<Page> {
  return {
    port: 0,
    status: () => ({
      schema: STATUS_SCHEMA, role: 'collector', running: true, collector_id: deps.collectorId, version: VERSION,
      ingest_port: deps.ingestPort, ui_port: 0, complete_until: null,
      machines: deps.registry.list().map((machine) => toStatus(machine, deps.links.get(machine.machineId))),
    }),
    signInLink() {
      throw new TtError('no_page', 'this collector has no page', { hint: 'use `tt status`' });
    },
    close: async () => {},
  };
}

function toStatus(machine: EnrolledMachine, link: MachineLink | undefined): MachineStatus {
  const status = link?.status ?? null;
  return {
    machine_id: machine.machineId, label: machine.label, state: stateOf(machine, link), connected: link?.connected ?? false,
    last_event_at: print(link?.lastEventAtMs), lag_ms: null,
    backlog_bytes: status?.backlog_bytes ?? null, backlog_events: status?.backlog_events ?? null,
    drained_at: print(status?.drained_at), complete_until: null, events_today: 0, refused: link?.refused ?? 0,
    gaps: status?.gaps.length ?? 0, clock_offset_ms: link?.clockOffsetMs ?? null, version: link?.version ?? null,
  };
}

function print(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : printTimestamp(ms);
}

function stateOf(machine: EnrolledMachine, link: MachineLink | undefined): MachineStatus['state'] {
  if (machine.revokedAt !== null) return 'revoked';
  if (machine.retiredAt !== null) return 'retired';
  if (!link) return 'never_seen';
  if (!link.connected) return 'away';
  return link.status?.backlog_bytes === 0 ? 'live' : 'catching_up';
}
