/** Is this `join` genuine? A decision without effects; `enrolment-desk.ts` carries it out. */
import { isLabel, parseMachineId, type MachineId } from '../../shared/ids.ts';
import { parseEndpoint } from '../../shared/protocol/endpoint.ts';
import { endpointMac, requestMac, sameMac, type EnrolRequest } from '../../shared/protocol/enrolment.ts';
import { isPublicKey, type PublicKey } from '../../shared/protocol/tokens.ts';
import type { OutstandingCode } from './codes.ts';
import type { EnrolledMachine } from './machine-registry.ts';

export const ENROL_REFUSALS = ['malformed', 'code_unknown', 'code_wrong', 'code_used', 'label_taken', 'machine_known'] as const;
export type EnrolRefusal = (typeof ENROL_REFUSALS)[number];

export type EnrolDecision =
  | { ok: true; machineId: MachineId; publicKey: PublicKey; joinedBy: string | null; label: string; code: string; isRepeat: boolean }
  | { ok: false; code: EnrolRefusal; hint: string };

const HINTS: Readonly<Record<EnrolRefusal, string>> = {
  malformed: 'this agent and this collector do not understand each other: bring both to the same version',
  code_unknown: 'check the code, or make a new one with `tt machines add LABEL`: it holds 10 minutes and five tries',
  code_wrong: 'type the code exactly as `tt machines add` printed it',
  code_used: 'the code was used by another machine: make a new one with `tt machines add LABEL`',
  label_taken: 'another machine has this label: `tt machines add` with another one',
  machine_known: 'this machine has another label and another key here: `tt machines add ITS-LABEL --again` makes a code for it',
};

export interface EnrolKnowledge {
  outstanding: OutstandingCode | undefined;
  /** Who holds the label that the code was made for. */
  labelHolder: EnrolledMachine | undefined;
  /** The machine that the request names, where it is enrolled. */
  known: EnrolledMachine | undefined;
}

/**
 * The code's label wins over the one the machine wishes for, so that nobody gets
 * a name that its owner did not give. A known machine may join again, with a new
 * key only by a code for its own label: machine IDs are no secret, and whoever was
 * given a code for one machine must not become another by it.
 */
export function decideEnrolment(request: EnrolRequest, { outstanding, labelHolder, known }: EnrolKnowledge): EnrolDecision {
  const machineId = parseMachineId(request.machine_id);
  if (machineId === undefined || !isPublicKey(request.public_key) || !isNonce(request.nonce)) return refuse('malformed');
  if (!outstanding) return refuse('code_unknown');
  if (!sameMac(request.mac, requestMac(outstanding.code, request))) return refuse('code_wrong');
  const { endpoint } = request;
  if (endpoint !== undefined) {
    if (!sameMac(request.endpoint_mac ?? '', endpointMac(outstanding.code, endpoint, request))) return refuse('code_wrong');
    if (!isEndpoint(endpoint)) return refuse('malformed');
  }
  const { usedBy, code, label } = outstanding;
  const isRepeat = usedBy?.machineId === machineId && usedBy.publicKey === request.public_key;
  if (usedBy && !isRepeat) return refuse('code_used');
  if (!isLabel(label) || (labelHolder && labelHolder.machineId !== machineId)) return refuse('label_taken');
  if (known && known.label !== label && known.publicKey !== request.public_key) return refuse('machine_known');
  return { ok: true, machineId, publicKey: request.public_key, joinedBy: endpoint ?? null, label, code, isRepeat };
}

/** As it is printed everywhere: the token will name it so. */
function isEndpoint(text: string): boolean {
  try {
    return parseEndpoint(text).url === text;
  } catch {
    return false;
  }
}

/** At least 128 bits in any text encoding. */
function isNonce(text: string): boolean {
  return text.length >= 22 && text.length <= 64;
}

function refuse(code: EnrolRefusal): EnrolDecision {
  return { ok: false, code, hint: HINTS[code] };
}
