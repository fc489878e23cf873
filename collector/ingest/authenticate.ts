/**
 * From a bearer token to a machine. Identity comes from here only; no body is
 * ever asked who sent it.
 */
import { parseMachineId, type CollectorId, type InstanceId, type MachineId } from '../../shared/ids.ts';
import type { GoodbyeCode } from '../../shared/protocol/frames.ts';
import { claimedMachine, verifyAgentToken } from '../../shared/protocol/tokens.ts';
import type { EnrolledMachine, MachineRegistry } from '../enrolment/machine-registry.ts';
import type { EndpointPolicy, ListenerRef } from './endpoint-policy.ts';
import type { Nonces } from './nonces.ts';

/** Why a machine with a good signature is let in only to be told to go. */
export type Banned = Extract<GoodbyeCode, 'revoked' | 'retired'>;

export interface Authenticated {
  ok: true;
  machine: EnrolledMachine;
  instance: InstanceId;
  endpoint: string;
}
export type AuthRefusalCode = 'unauthorised' | 'unknown_machine';
export interface AuthRefusal {
  ok: false;
  code: AuthRefusalCode;
  hint: string;
  /** The enrolled machine that the token names; whether it is that machine nobody knows. */
  label?: string;
  /** The machine whose key signed the token: only its way here was not good. */
  signedBy?: MachineId;
}

export interface AuthenticateDeps {
  collectorId: CollectorId;
  registry: Pick<MachineRegistry, 'byId'>;
  nonces: Pick<Nonces, 'take'>;
  endpointAllowed: EndpointPolicy;
}

/**
 * A revoked or retired machine authenticates all the same: only after a welcome
 * that it can verify may a goodbye make it stop for good (`bannedBy`).
 */
export async function authenticate(
  authorization: string | undefined, listener: ListenerRef, deps: AuthenticateDeps,
): Promise<Authenticated | AuthRefusal> {
  const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/.exec(authorization ?? '')?.[1];
  if (token === undefined) return unauthorised('send the token of an enrolled machine; `tt-agent join` makes one');
  const machineId = parseMachineId(claimedMachine(token) ?? '');
  const machine = machineId && deps.registry.byId(machineId);
  if (!machine) {
    return {
      ok: false,
      code: 'unknown_machine',
      hint: 'this collector does not know the machine: `tt machines add LABEL` on the laptop, then `tt-agent join`',
    };
  }
  const verified = await verifyAgentToken(token, {
    machineId: machine.machineId, collectorId: deps.collectorId, publicKey: machine.publicKey,
  });
  const { label } = machine;
  if (!verified.ok) return unauthorised(`the token is not good (${verified.reason}): join again`, label);
  const { nonce, instance, endpoint } = verified.claims;
  if (!deps.nonces.take(nonce)) return unauthorised('the challenge was used or is older than 30 s: ask for a new one', label);
  const signedBy = machine.machineId;
  if (listener.admits !== undefined && listener.admits !== signedBy) {
    return { ...unauthorised('this endpoint belongs to another machine', label), signedBy };
  }
  if (!deps.endpointAllowed(machine, endpoint, listener)) {
    return { ...unauthorised(`it comes by ${endpoint}, which is not its address here: wait for its tunnel, or let it join by that address (tt machines add ${label} --again)`, label), signedBy };
  }
  return { ok: true, machine, instance, endpoint };
}

export function bannedBy(machine: EnrolledMachine): Banned | undefined {
  if (machine.revokedAt !== null) return 'revoked';
  return machine.retiredAt === null ? undefined : 'retired';
}

function unauthorised(hint: string, label?: string): AuthRefusal {
  return { ok: false, code: 'unauthorised', hint, ...(label === undefined ? {} : { label }) };
}
