/**
 * Keys and tokens: Ed25519 key pairs, and the two JWTs by which agent and
 * collector prove themselves to each other. Neither needs a clock: each signs a
 * fresh nonce of the other side (design §6).
 */
import { exportJWK, generateKeyPair, importJWK, jwtVerify, SignJWT, type JWK } from 'jose';
import { messageOf } from '../errors.ts';
import type { CollectorId, InstanceId, MachineId } from '../ids.ts';
import { toInstanceId } from '../ids.ts';

const ALGORITHM = 'EdDSA';

/** Public half, as it is stored and sent: `x` of the Ed25519 JWK, base64url, 43 characters. */
export type PublicKey = string;
export interface KeyPair {
  publicKey: PublicKey;
  /** `d` of the JWK. Never leaves its machine. */
  privateKey: string;
}

export async function createKeyPair(): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { crv: 'Ed25519', extractable: true });
  const [publicJwk, privateJwk] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
  if (publicJwk.x === undefined || privateJwk.d === undefined) throw new Error('the platform made no Ed25519 key');
  return { publicKey: publicJwk.x, privateKey: privateJwk.d };
}

export function isPublicKey(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}

function privateJwk(pair: KeyPair): JWK {
  return { kty: 'OKP', crv: 'Ed25519', x: pair.publicKey, d: pair.privateKey };
}

export interface AgentClaims {
  machineId: MachineId;
  collectorId: CollectorId;
  /** The collector's challenge: once, 30 s. */
  nonce: string;
  instance: InstanceId;
  /** What the agent dialled; a relay from another endpoint shows. */
  endpoint: string;
}

const AGENT_TOKEN = 'tt-agent+jwt';
const COLLECTOR_TOKEN = 'tt-collector+jwt';

export async function signAgentToken(pair: KeyPair, claims: AgentClaims): Promise<string> {
  const key = await importJWK(privateJwk(pair), ALGORITHM);
  return new SignJWT({ nonce: claims.nonce, instance: claims.instance, endpoint: claims.endpoint })
    .setProtectedHeader({ alg: ALGORITHM, typ: AGENT_TOKEN })
    .setIssuer(claims.machineId)
    .setAudience(claims.collectorId)
    .sign(key);
}

/** The machine a token claims to be from, unverified: only to look its key up. */
export function claimedMachine(token: string): string | undefined {
  const payload = token.split('.')[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('iss' in claims)) return undefined;
    return typeof claims.iss === 'string' ? claims.iss : undefined;
  } catch {
    return undefined;
  }
}

export type Verified<T> = { ok: true; claims: T } | { ok: false; reason: string };

/** Checks signature, type, issuer and audience. The caller checks nonce, instance and endpoint. */
export async function verifyAgentToken(
  token: string,
  expected: { machineId: MachineId; collectorId: CollectorId; publicKey: PublicKey },
): Promise<Verified<AgentClaims>> {
  try {
    const { payload } = await jwtVerify(token, await importPublic(expected.publicKey), {
      algorithms: [ALGORITHM],
      typ: AGENT_TOKEN,
      issuer: expected.machineId,
      audience: expected.collectorId,
    });
    const { nonce, instance, endpoint } = payload;
    if (typeof nonce !== 'string' || typeof instance !== 'string' || typeof endpoint !== 'string') {
      return { ok: false, reason: 'a claim is missing' };
    }
    return {
      ok: true,
      claims: { ...expected, nonce, instance: toInstanceId(instance), endpoint },
    };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

export interface CollectorClaims {
  collectorId: CollectorId;
  machineId: MachineId;
  /** The nonce of the agent's hello. */
  nonce: string;
}

export async function signCollectorToken(pair: KeyPair, claims: CollectorClaims): Promise<string> {
  const key = await importJWK(privateJwk(pair), ALGORITHM);
  return new SignJWT({ nonce: claims.nonce })
    .setProtectedHeader({ alg: ALGORITHM, typ: COLLECTOR_TOKEN })
    .setIssuer(claims.collectorId)
    .setAudience(claims.machineId)
    .sign(key);
}

export async function verifyCollectorToken(
  token: string,
  expected: CollectorClaims & { publicKey: PublicKey },
): Promise<Verified<CollectorClaims>> {
  try {
    const { payload } = await jwtVerify(token, await importPublic(expected.publicKey), {
      algorithms: [ALGORITHM],
      typ: COLLECTOR_TOKEN,
      issuer: expected.collectorId,
      audience: expected.machineId,
    });
    if (payload['nonce'] !== expected.nonce) return { ok: false, reason: 'the nonce is another one' };
    return { ok: true, claims: expected };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

function importPublic(publicKey: PublicKey): ReturnType<typeof importJWK> {
  return importJWK({ kty: 'OKP', crv: 'Ed25519', x: publicKey }, ALGORITHM);
}
