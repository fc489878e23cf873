/** A machine's own page: what the running collector knows of it, and what is stored. */
import { MACHINE_SCHEMA, type MachineDocument, type MachineKnown } from '../../shared/machine-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { toGapRow } from '../control/gap-handlers.ts';
import type { Database } from '../store/database.ts';
import { readGaps } from '../store/gaps.ts';
import { readMachine } from '../store/read-machine.ts';

export function machineDocument(known: MachineKnown, database: Database): MachineDocument {
  const { sources, files, filesTotal, filesBytes, refused, refusedTotal } = readMachine(database, known.machine_id);
  return {
    ...known,
    schema: MACHINE_SCHEMA,
    sources: sources.map(({ source, lastAtMs }) => ({ source, last_at: printTimestamp(lastAtMs) })),
    files: files.map(({ path, gen, bytes, bornAtMs, updatedAtMs }) => ({
      path, gen, bytes, born_at: bornAtMs === null ? null : printTimestamp(bornAtMs), updated_at: printTimestamp(updatedAtMs),
    })),
    files_total: filesTotal,
    files_bytes: filesBytes,
    gaps: readGaps(database).filter(({ machineId }) => machineId === known.machine_id).map((gap) => toGapRow(gap, () => known.label)),
    refused: refused.map(({ code, subject, count, lastAtMs, bytes }) => ({ code, subject, count, last_at: printTimestamp(lastAtMs), bytes })),
    refused_total: refusedTotal,
  };
}
