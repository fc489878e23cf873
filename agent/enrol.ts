/** The agent's side of `join`: nothing is pinned unless the answer proves that its sender knows the code. */
import { randomBytes } from 'node:crypto';
import * as z from 'zod';
import { EXIT_CODES, TtError } from '../shared/errors.ts';
import { isLabel, parseCollectorId } from '../shared/ids.ts';
import type { Endpoint } from '../shared/protocol/endpoint.ts';
import {
  answerMac, codeName, endpointMac, enrolAnswerSchema, requestMac, sameMac, type EnrolRequest,
} from '../shared/protocol/enrolment.ts';
import { isPublicKey, type KeyPair } from '../shared/protocol/tokens.ts';
import type { MachineIdentity } from './identity.ts';
import type { Uplink } from './uplink-file.ts';
import type { HttpClient } from './uplink/http-client.ts';

export interface Enrolment {
  uplink: Uplink;
  /** What the collector calls this machine. */
  label: string;
}

export interface EnrolOptions {
  endpoint: Endpoint;
  code: string;
  identity: MachineIdentity;
  keys: KeyPair;
}

const refusalSchema = z.looseObject({ code: z.string().max(100), hint: z.string().max(1000) });

/** Throws `unreachable`, the collector's refusal, or `impostor` when the answer is not genuine. */
export async function enrol(http: HttpClient, { endpoint, code, identity, keys }: EnrolOptions): Promise<Enrolment> {
  const unsigned = {
    machine_id: identity.machineId, public_key: keys.publicKey, label: identity.label, nonce: randomBytes(16).toString('base64url'),
  };
  const request: EnrolRequest = {
    ...unsigned, code_name: codeName(code), mac: requestMac(code, unsigned),
    endpoint: endpoint.url, endpoint_mac: endpointMac(code, endpoint.url, unsigned),
  };
  const { status, body } = await http.send(endpoint, { method: 'POST', path: '/enrol', body: request });
  if (status !== 200) throw refused(status, body, endpoint);
  const answer = enrolAnswerSchema.safeParse(body);
  if (!answer.success) throw impostor(endpoint);
  const { collector_id, public_key: publicKey, label, mac } = answer.data;
  const collectorId = parseCollectorId(collector_id);
  const isGenuine = sameMac(mac, answerMac(code, answer.data, request));
  if (!isGenuine || collectorId === undefined || !isPublicKey(publicKey) || !isLabel(label)) throw impostor(endpoint);
  return { uplink: { url: endpoint.url, collectorId, publicKey }, label };
}

function refused(status: number, body: unknown, endpoint: Endpoint): TtError {
  const refusal = refusalSchema.safeParse(body);
  if (!refusal.success) {
    return new TtError('unreachable', `what answers at ${endpoint.url} is no collector (status ${status})`, {
      hint: 'give the address that `tt machines add LABEL` printed', exitCode: EXIT_CODES.unreachable,
    });
  }
  return new TtError(refusal.data.code, `the collector refused: ${refusal.data.code.replaceAll('_', ' ')}`, {
    hint: refusal.data.hint, exitCode: EXIT_CODES.unauthorised,
  });
}

function impostor(endpoint: Endpoint): TtError {
  return new TtError('impostor', `what answers at ${endpoint.url} does not know the code; nothing was pinned`, {
    hint: 'does another program hold that port? Make a new code with tt machines add LABEL, and check the address',
    exitCode: EXIT_CODES.unauthorised,
  });
}
