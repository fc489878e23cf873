/** What `tt archive` asks of the collector. */
import { printTimestamp } from '../../shared/timestamp.ts';
import type { ArchiveDesk } from '../archive/archive-desk.ts';
import type { EnrolledMachine } from '../enrolment/machine-registry.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';

export function toArchiveRow(
  { machineId, label, archive, retiredAt, revokedAt }: EnrolledMachine,
  live: { links: Pick<MachineLinks, 'get'>; archive: Pick<ArchiveDesk, 'problem' | 'isServed'> } | undefined,
): ArchiveRow {
  const link = live?.links.get(machineId);
  const said = link?.status?.archive;
  const connected = live ? (link?.connected ?? false) : null;
  return {
    machine_id: machineId, label, on: archive, ended_at: revokedAt ?? retiredAt, connected,
    agent: said === undefined ? null : {
      as_of: printTimestamp(link?.statusAtMs ?? 0), state: said.state, files: said.files, bytes: said.bytes,
      waiting_files: said.waiting_files, waiting_bytes: said.waiting_bytes, withheld_sessions: said.withheld_sessions,
      skipped_files: said.skipped_files, problem: said.problem,
    },
    older_agent: connected === true && live?.archive.isServed(machineId) === false,
    problem: live?.archive.problem(machineId) ?? null,
  };
}
