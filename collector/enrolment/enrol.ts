/** Is this `join` genuine? A decision without effects; `enrolment-desk.ts` carries it out. */
import { isLabel, parseMachineId, type MachineId } from '../../shared/ids.ts';
import { requestMac, sameMac, type EnrolRequest } from '../../shared/protocol/enrolment.ts';
import { isPublicKey, type PublicKey } from '../../shared/protocol/tokens.ts';
import type { OutstandingCode } from './codes.ts';
import type { EnrolledMachine } from './machine-registry.ts';

export const ENROL_REFUSALS = ['malformed', 'code_unknown', 'code_wrong', 'code_used', 'label_taken'] as const;
export type EnrolRefusal = (typeof ENROL_REFUSALS)[number];

export type EnrolDecision =
  | { ok: true; machineId: MachineId; publicKey: PublicKey; label: string; code: string; isRepeat: boolean }
  | { ok: false; code: EnrolRefusal; hint: string };

const HINTS: Readonly<Record<EnrolRefusal, string>> = {
  malformed: 'this agent and this collector do not understand each other: bring both to the same version',
  code_unknown: 'check the code, or make a new one with `tt machines add LABEL`: it holds 10 minutes and five tries',
  code_wrong: 'type the code exactly as `tt machines add` printed it',
  code_used: 'the code was used by another machine: make a new one with `tt machines add LABEL`',
  label_taken: 'another machine has this label: `tt machines add` with another one',
};

export interface EnrolKnowledge {
  outstanding: OutstandingCode | undefined;
  /** Who holds the label that the code was made for. */
  labelHolder: EnrolledMachine | undefined;
}

/**
 * The code's label wins over the one the machine wishes for, so that nobody gets
 * a name that its owner did not give. A known machine may join again: the owner
 * made a code for it.
 */
export function decideEnrolment(request: EnrolRequest, { outstanding, labelHolder }: EnrolKnowledge): EnrolDecision {
  const machineId = parseMachineId(request.machine_id);
  if (machineId === undefined || !isPublicKey(request.public_key) || !isNonce(request.nonce)) return refuse('malformed');
  if (!outstanding) return refuse('code_unknown');
  if (!sameMac(request.mac, requestMac(outstanding.code, request))) return refuse('code_wrong');
  const { usedBy, code, label } = outstanding;
  const isRepeat = usedBy?.machineId === machineId && usedBy.publicKey === request.public_key;
  if (usedBy && !isRepeat) return refuse('code_used');
  if (!isLabel(label) || (labelHolder && labelHolder.machineId !== machineId)) return refuse('label_taken');
  return { ok: true, machineId, publicKey: request.public_key, label, code, isRepeat };
}

/** At least 128 bits in any text encoding. */
function isNonce(text: string): boolean {
  return text.length >= 22 && text.length <= 64;
}

function refuse(code: EnrolRefusal): EnrolDecision {
  return { ok: false, code, hint: HINTS[code] };
}
