import { createHmac, createPrivateKey, sign, verify, createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseCollectorId, parseMachineId, toInstanceId } from '../../shared/ids.ts';
import {
  answerMac, codeName, createEnrolmentCode, endpointMac, enrolAnswerSchema, enrolRequestSchema, normaliseCode, requestMac, sameMac,
  type EnrolAnswer, type EnrolRequest,
} from '../../shared/protocol/enrolment.ts';
import {
  claimedMachine, createKeyPair, isPublicKey, signAgentToken, signCollectorToken, verifyAgentToken, verifyCollectorToken,
} from '../../shared/protocol/tokens.ts';
import { sample } from './samples.ts';

/** Made with openssl, which shares no code with us. */
const frozen = sample<{
  machine_id: string; collector_id: string; instance: string; endpoint: string; agent_nonce: string; collector_nonce: string;
  agent_key: { publicKey: string; privateKey: string }; collector_key: { publicKey: string; privateKey: string };
  agent_token: string; collector_token: string;
}>('tokens');
const machineId = parseMachineId(frozen.machine_id)!;
const collectorId = parseCollectorId(frozen.collector_id)!;
const agent = { machineId, collectorId, publicKey: frozen.agent_key.publicKey };
const collector = { machineId, collectorId, nonce: frozen.agent_nonce, publicKey: frozen.collector_key.publicKey };
const agentClaims = {
  machineId, collectorId, nonce: frozen.collector_nonce, instance: toInstanceId(frozen.instance), endpoint: frozen.endpoint,
};

describe('an agent’s token', () => {
  it('made elsewhere by the same rules is accepted', async () => {
    expect(await verifyAgentToken(frozen.agent_token, agent)).toMatchObject({ ok: true, claims: agentClaims });
    expect(claimedMachine(frozen.agent_token)).toBe(machineId);
  });

  it('of ours is accepted by other code', async () => {
    const token = await signAgentToken(frozen.agent_key, agentClaims);
    const [head, payload, signature] = token.split('.');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: frozen.agent_key.publicKey }, format: 'jwk' });
    expect(verify(null, Buffer.from(`${head}.${payload}`), key, Buffer.from(signature ?? '', 'base64url'))).toBe(true);
    expect(JSON.parse(Buffer.from(head ?? '', 'base64url').toString())).toEqual({ alg: 'EdDSA', typ: 'tt-agent+jwt' });
    expect(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString())).toEqual({
      nonce: frozen.collector_nonce, instance: frozen.instance, endpoint: frozen.endpoint, iss: machineId, aud: collectorId,
    });
  });

  const other = '11111111-2222-4333-8444-555555555555';
  it.each([
    ['another key', { ...agent, publicKey: frozen.collector_key.publicKey }],
    ['another collector', { ...agent, collectorId: parseCollectorId(other)! }],
    ['another machine', { ...agent, machineId: parseMachineId(other)! }],
  ])('is refused for %s', async (_what, expected) => {
    expect(await verifyAgentToken(frozen.agent_token, expected)).toMatchObject({ ok: false, reason: expect.stringMatching(/./) as unknown });
  });

  it('is refused when one character was changed', async () => {
    const [head, payload, signature = ''] = frozen.agent_token.split('.');
    const forged = `${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    expect((await verifyAgentToken(forged, agent)).ok).toBe(false);
  });

  it('is refused without a claim', async () => {
    const token = signed({ alg: 'EdDSA', typ: 'tt-agent+jwt' }, { iss: machineId, aud: collectorId, nonce: 'n' }, frozen.agent_key.privateKey);
    expect(await verifyAgentToken(token, agent)).toEqual({ ok: false, reason: 'a claim is missing' });
  });

  it('is refused by any other algorithm', async () => {
    const claims = { iss: machineId, aud: collectorId, nonce: 'n', instance: 'i', endpoint: 'e' };
    const none = `${encoded({ alg: 'none', typ: 'tt-agent+jwt' })}.${encoded(claims)}.`;
    const head = `${encoded({ alg: 'HS256', typ: 'tt-agent+jwt' })}.${encoded(claims)}`;
    const hmac = `${head}.${createHmac('sha256', Buffer.from(agent.publicKey, 'base64url')).update(head).digest('base64url')}`;
    for (const token of [none, hmac, '', 'x', 'a.b.c']) expect((await verifyAgentToken(token, agent)).ok).toBe(false);
  });
});

describe('a collector’s token', () => {
  it('made elsewhere by the same rules is accepted', async () => {
    expect(await verifyCollectorToken(frozen.collector_token, collector)).toMatchObject({ ok: true });
  });

  it('goes round', async () => {
    const pair = await createKeyPair();
    const token = await signCollectorToken(pair, { collectorId, machineId, nonce: 'once' });
    expect(await verifyCollectorToken(token, { collectorId, machineId, nonce: 'once', publicKey: pair.publicKey })).toMatchObject({ ok: true });
  });

  const other = '11111111-2222-4333-8444-555555555555';
  it.each([
    ['another nonce', { ...collector, nonce: 'an older one' }],
    ['another key', { ...collector, publicKey: frozen.agent_key.publicKey }],
    ['another machine', { ...collector, machineId: parseMachineId(other)! }],
    ['another collector', { ...collector, collectorId: parseCollectorId(other)! }],
  ])('is refused for %s', async (_what, expected) => {
    expect((await verifyCollectorToken(frozen.collector_token, expected)).ok).toBe(false);
  });
});

describe('the two kinds of token', () => {
  it('are never taken for each other, even with the same key and claims', async () => {
    const key = frozen.agent_key;
    const claims = { iss: machineId, aud: collectorId, nonce: 'n', instance: 'i', endpoint: 'e' };
    const wrongType = signed({ alg: 'EdDSA', typ: 'tt-collector+jwt' }, claims, key.privateKey);
    expect((await verifyAgentToken(wrongType, agent)).ok).toBe(false);
    const reflected = signed({ alg: 'EdDSA', typ: 'tt-agent+jwt' }, { iss: collectorId, aud: machineId, nonce: 'n' }, key.privateKey);
    expect((await verifyCollectorToken(reflected, { collectorId, machineId, nonce: 'n', publicKey: key.publicKey })).ok).toBe(false);
    const untyped = signed({ alg: 'EdDSA' }, claims, key.privateKey);
    expect((await verifyAgentToken(untyped, agent)).ok).toBe(false);
  });
});

describe('a claimed machine', () => {
  it.each(['', 'x', 'a.b', 'a.bnVsbA.c', `a.${Buffer.from('{"iss":5}').toString('base64url')}.c`])('is none in %j', (token) => {
    expect(claimedMachine(token)).toBeUndefined();
  });
});

describe('a key pair', () => {
  it('is made of 43 characters of base64url each', async () => {
    const pair = await createKeyPair();
    expect([isPublicKey(pair.publicKey), isPublicKey(pair.privateKey), isPublicKey('short')]).toEqual([true, true, false]);
  });
});

describe('enrolment', () => {
  const { code, typed, request, with_endpoint: withEndpoint, answer } = sample<{
    code: string; typed: string; request: EnrolRequest; with_endpoint: { endpoint: string; endpoint_mac: string }; answer: EnrolAnswer;
  }>('enrolment');

  it('makes the MACs and the name that openssl makes', () => {
    expect(codeName(code)).toBe(request.code_name);
    expect(requestMac(code, request)).toBe(request.mac);
    expect(answerMac(code, answer, request)).toBe(answer.mac);
    expect(endpointMac(code, withEndpoint.endpoint, request)).toBe(withEndpoint.endpoint_mac);
  });

  it('takes the code however it is typed', () => {
    expect(normaliseCode(typed)).toBe(normaliseCode(code));
    expect(requestMac(typed, request)).toBe(request.mac);
  });

  it('has messages of exactly these keys', () => {
    expect(enrolRequestSchema.parse(request)).toEqual(request);
    expect(enrolRequestSchema.parse({ ...request, ...withEndpoint })).toEqual({ ...request, ...withEndpoint });
    expect(enrolAnswerSchema.parse(answer)).toEqual(answer);
  });

  it.each(['machine_id', 'public_key', 'label', 'nonce'] as const)('has another MAC for another %s of the request', (key) => {
    expect(requestMac(code, { ...request, [key]: `${request[key]}x` })).not.toBe(request.mac);
  });

  it.each(['collector_id', 'public_key', 'label', 'nonce'] as const)('has another MAC for another %s of the answer', (key) => {
    expect(answerMac(code, { ...answer, [key]: `${answer[key]}x` }, request)).not.toBe(answer.mac);
  });

  it('has another MAC for the answer to another request, and for another code', () => {
    expect(answerMac(code, answer, { ...request, nonce: 'another' })).not.toBe(answer.mac);
    expect(answerMac(createEnrolmentCode(), answer, request)).not.toBe(answer.mac);
  });

  it('lets no bytes move between neighbouring fields', () => {
    expect(requestMac(code, { ...request, label: 'ab', nonce: 'c' })).not.toBe(requestMac(code, { ...request, label: 'a', nonce: 'bc' }));
  });

  it('compares MACs of any length', () => {
    expect([sameMac('ab', 'ab'), sameMac('ab', 'ac'), sameMac('ab', 'abc'), sameMac('', 'é')]).toEqual([true, false, false, false]);
  });

  it('makes codes of 130 bits’ space that nobody confuses when reading them aloud', () => {
    const codes = Array.from({ length: 200 }, createEnrolmentCode);
    expect(new Set(codes).size).toBe(200);
    for (const one of codes) expect(one).toMatch(/^([0-9a-hjkmnp-tv-z]{5}-){5}[0-9a-hjkmnp-tv-z]$/);
  });
});

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signed(head: unknown, claims: unknown, privateKey: string): string {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(privateKey, 'base64url')]);
  const text = `${encoded(head)}.${encoded(claims)}`;
  const signature = sign(null, Buffer.from(text), createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return `${text}.${signature.toString('base64url')}`;
}
