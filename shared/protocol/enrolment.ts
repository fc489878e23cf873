/**
 * `join`: a one-time code, known to both sides and never sent, authenticates the
 * machine's public key to the collector and the collector's to the machine.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { ENROLMENT_CODE_BITS } from '../limits.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford: nothing to confuse when read aloud

/** 128 random bits as 26 characters in groups, e.g. `7k2m-…`. */
export function createEnrolmentCode(): string {
  let bits = BigInt(`0x${randomBytes(ENROLMENT_CODE_BITS / 8).toString('hex')}`);
  let code = '';
  for (let i = 0; i < 26; i++) {
    code += ALPHABET[Number(bits & 31n)];
    bits >>= 5n;
  }
  return code.replace(/(.{5})(?=.)/g, '$1-');
}

/** Typed by a person: case, spaces and hyphens do not matter. */
export function normaliseCode(code: string): string {
  return code.toLowerCase().replace(/[\s-]/g, '').replace(/[il]/g, '1').replace(/o/g, '0');
}

/** Names a code without telling anything of use about it, so that wrong guesses count against the right one. */
export function codeName(code: string): string {
  return createHash('sha256').update(`tt code name\n${normaliseCode(code)}`).digest('hex').slice(0, 16);
}

const shortText = z.string().max(256);

export const enrolRequestSchema = z.object({
  code_name: shortText,
  machine_id: shortText,
  public_key: shortText,
  /** What the machine would like to be called; the label the code was made for wins. */
  label: shortText,
  nonce: shortText,
  mac: shortText,
  /** What `join` dialled, and its own MAC. Not of the first agents. */
  endpoint: z.string().max(4096).optional(),
  endpoint_mac: shortText.optional(),
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolAnswerSchema = z.object({
  collector_id: shortText,
  public_key: shortText,
  label: shortText,
  nonce: shortText,
  mac: shortText,
});
export type EnrolAnswer = z.infer<typeof enrolAnswerSchema>;

function mac(code: string, parts: readonly string[]): string {
  // Length-prefixed: no two lists of parts print alike.
  const message = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join(',');
  return createHmac('sha256', normaliseCode(code)).update(message).digest('hex');
}

type SignedRequest = Pick<EnrolRequest, 'machine_id' | 'public_key' | 'label' | 'nonce'>;

export function requestMac(code: string, request: SignedRequest): string {
  return mac(code, ['request', request.machine_id, request.public_key, request.label, request.nonce]);
}

/** That this address is meant: who passes the request on can not put in its own. */
export function endpointMac(code: string, endpoint: string, request: SignedRequest): string {
  return mac(code, ['endpoint', endpoint, request.machine_id, request.nonce]);
}

export function answerMac(code: string, answer: Omit<EnrolAnswer, 'mac'>, request: EnrolRequest): string {
  return mac(code, [
    'answer', answer.collector_id, answer.public_key, answer.label, answer.nonce, request.nonce, request.machine_id,
  ]);
}

export function sameMac(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
