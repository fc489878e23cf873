/**
 * How agent and collector prove themselves to each other. Until the collector
 * has signed our nonce with the key that `join` pinned, it is a stranger that
 * may have taken the port: it gets hello and nothing else.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import * as z from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import type { InstanceId } from '../../shared/ids.ts';
import type { Endpoint } from '../../shared/protocol/endpoint.ts';
import { CAPABILITIES, PROTOCOL_VERSION, type HelloFrame, type WelcomeFrame } from '../../shared/protocol/frames.ts';
import { positionsDigest } from '../../shared/protocol/positions.ts';
import { signAgentToken, verifyCollectorToken, type KeyPair } from '../../shared/protocol/tokens.ts';
import { VERSION } from '../../shared/version.ts';
import type { MachineIdentity } from '../identity.ts';
import type { Uplink } from '../uplink-file.ts';
import type { HttpClient } from './http-client.ts';

/** What an agent proves itself by. */
export interface Credentials {
  identity: MachineIdentity;
  keys: KeyPair;
  uplink: Uplink;
  /** One run of this process. */
  instance: InstanceId;
}

const challengeSchema = z.looseObject({
  nonce: z.string().min(1).max(256),
  now: z.number(),
  collector_id: z.string().max(64),
});

/** Asks for a challenge. Throws `unreachable`, or `wrong_collector` before anything was said about this machine. */
export async function fetchChallenge(
  http: HttpClient, endpoint: Endpoint, expected: Pick<Uplink, 'collectorId'>, signal?: AbortSignal,
): Promise<string> {
  const { status, body } = await http.send(endpoint, { method: 'GET', path: '/challenge', ...(signal ? { signal } : {}) });
  const parsed = challengeSchema.safeParse(body);
  if (status !== 200 || !parsed.success) {
    throw new TtError('unreachable', `what answers at ${endpoint.url} is no collector (status ${status})`, {
      hint: 'is another program on this port? tt status on the laptop tells the ingest port',
      exitCode: EXIT_CODES.unreachable,
      retryable: true,
    });
  }
  if (parsed.data.collector_id !== expected.collectorId) {
    throw new TtError('wrong_collector', `another collector answers at ${endpoint.url} than the one this machine joined`, {
      hint: 'if that is meant: tt machines add LABEL on the new laptop, then tt-agent join URL --code CODE --replace',
      exitCode: EXIT_CODES.unauthorised,
      retryable: true,
    });
  }
  return parsed.data.nonce;
}

export function signToken({ identity, keys, uplink, instance }: Credentials, endpoint: Endpoint, nonce: string): Promise<string> {
  return signAgentToken(keys, {
    machineId: identity.machineId, collectorId: uplink.collectorId, nonce, instance, endpoint: endpoint.url,
  });
}

export function createHello(
  { identity, instance }: Credentials,
  positions: Iterable<readonly [gen: string, offset: number]>,
  clock: Pick<Clock, 'now'>,
): HelloFrame {
  return {
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    capabilities: Object.values(CAPABILITIES),
    version: VERSION,
    label: identity.label,
    host: hostname().slice(0, 256),
    instance,
    nonce: randomBytes(16).toString('base64url'),
    positions_digest: positionsDigest(positions),
    clock: clock.now(),
  };
}

/** Undefined when the welcome is genuine, else why not. */
export async function distrust(welcome: WelcomeFrame, hello: HelloFrame, { identity, uplink }: Credentials): Promise<string | undefined> {
  const verified = await verifyCollectorToken(welcome.token, {
    collectorId: uplink.collectorId, machineId: identity.machineId, nonce: hello.nonce, publicKey: uplink.publicKey,
  });
  return verified.ok ? undefined : verified.reason;
}
