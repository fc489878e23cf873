/** Accepting gaps: which ones a person means, and what became of them. */
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { GapRow } from '../../shared/machine-document.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import type { MachineRegistry } from '../enrolment/machine-registry.ts';
import type { StoredGap } from '../store/gaps.ts';
import type { WriterPort } from '../writer/writer.ts';
import type { ControlRequest } from './control-methods.ts';

export type LabelOf = (machineId: string) => string;

export function labelsOf(registry: Pick<MachineRegistry, 'list'>): LabelOf {
  const labels = new Map<string, string>(registry.list().map(({ machineId, label }) => [machineId, label]));
  return (machineId) => labels.get(machineId) ?? machineId;
}

export function toGapRow(gap: StoredGap, labelOf: LabelOf): GapRow {
  const { id, machineId, gen, path, from, to, tFrom, tTo, reason, reportedAtMs, acceptedAtMs } = gap;
  return {
    id, machine: labelOf(machineId), machine_id: machineId, path, gen, from, to, bytes: to - from, t_from: tFrom, t_to: tTo, reason,
    reported_at: printTimestamp(reportedAtMs), accepted_at: acceptedAtMs === null ? null : printTimestamp(acceptedAtMs),
  };
}

export async function acceptGaps(
  request: ControlRequest<'gaps.accept'>, labelOf: LabelOf, writer: Pick<WriterPort, 'call'>, nowMs: number,
): Promise<{ gaps: GapRow[] }> {
  const all = await writer.call('listGaps');
  const meant = meantGaps(request, all, labelOf).filter((gap) => (gap.acceptedAtMs === null) === !request.undo);
  const acceptedAtMs = request.undo ? null : nowMs;
  await writer.call('acceptGaps', meant, acceptedAtMs);
  return { gaps: meant.map((gap) => toGapRow({ ...gap, acceptedAtMs }, labelOf)) };
}

function meantGaps({ ids, machine, all }: ControlRequest<'gaps.accept'>, gaps: readonly StoredGap[], labelOf: LabelOf): StoredGap[] {
  if (all) return [...gaps];
  if (machine !== null) return gaps.filter((gap) => machine === gap.machineId || machine === labelOf(gap.machineId));
  return ids.flatMap((id) => {
    const found = gaps.filter((gap) => gap.id === id);
    if (found.length > 0) return found;
    throw new TtError('gap_unknown', `no gap is called ${JSON.stringify(id)}`, { hint: '`tt gaps` lists them', exitCode: EXIT_CODES.usage });
  });
}
