import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEnrolmentCodes, OUTSTANDING_CODES } from '../../../collector/enrolment/codes.ts';
import { openCollectorIdentity } from '../../../collector/enrolment/collector-identity.ts';
import { createEnrolmentDesk, type EnrolmentDesk } from '../../../collector/enrolment/enrolment-desk.ts';
import { openMachineRegistry, type MachineRegistry } from '../../../collector/enrolment/machine-registry.ts';
import { ENROLMENT_CODE_LIFETIME_MS } from '../../../shared/limits.ts';
import { answerMac, codeName, endpointMac, requestMac, type EnrolRequest } from '../../../shared/protocol/enrolment.ts';
import { createKeyPair, type KeyPair } from '../../../shared/protocol/tokens.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { enrolRequest, machineId } from '../../support/scripted-agent.ts';

interface Fixture {
  clock: ManualClock;
  desk: EnrolmentDesk;
  registry: MachineRegistry;
  code: string;
  keys: KeyPair;
  codes: ReturnType<typeof createEnrolmentCodes>;
}

async function openDesk(): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tt-enrol-'));
  const clock = new ManualClock();
  const identity = await openCollectorIdentity(join(directory, 'collector.json'));
  const registry = openMachineRegistry(join(directory, 'machines.json'));
  const codes = createEnrolmentCodes(clock);
  const desk = createEnrolmentDesk({ identity, registry, codes, clock });
  return { clock, desk, registry, codes, code: codes.create('devbox').code, keys: await createKeyPair() };
}

describe('joining', () => {
  it('gives the machine the label its owner chose, and an answer only the collector could make', async () => {
    const { desk, registry, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    const outcome = desk.enrol(request);
    if (!outcome.ok) throw new Error(outcome.code);
    expect(outcome.answer.label).toBe('devbox');
    expect(outcome.answer.mac).toBe(answerMac(code, outcome.answer, request));
    expect(registry.byLabel('devbox')).toMatchObject({ machineId: request.machine_id, publicKey: keys.publicKey });
  });

  it('answers the same machine again, as if its answer was lost', async () => {
    const { desk, registry, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    desk.enrol(request);
    registry.revoke('devbox', 0);
    expect(desk.enrol(request)).toMatchObject({ ok: true, answer: { label: 'devbox' } });
    expect(registry.byLabel('devbox')?.revokedAt).not.toBeNull();
  });

  it('lets nobody else use a used code, nor the same machine with another key', async () => {
    const { desk, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    desk.enrol(request);
    expect(desk.enrol(await enrolRequest(code, keys))).toMatchObject({ ok: false, code: 'code_used' });
    const otherKeys = await createKeyPair();
    expect(desk.enrol(await enrolRequest(code, otherKeys, machineId(request.machine_id)))).toMatchObject({ ok: false, code: 'code_used' });
  });

  it('keeps the address that was dialled, and the later one of a repeat', async () => {
    const { desk, registry, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    const by = (endpoint: string): EnrolRequest => ({ ...request, endpoint, endpoint_mac: endpointMac(code, endpoint, request) });
    expect(desk.enrol(by('http://127.0.0.1:17071'))).toMatchObject({ ok: true });
    expect(registry.byLabel('devbox')?.joinedBy).toBe('http://127.0.0.1:17071');
    registry.revoke('devbox', 0);
    expect(desk.enrol(by('tt+unix:///run/tt.sock'))).toMatchObject({ ok: true });
    expect(registry.byLabel('devbox')).toMatchObject({ joinedBy: 'tt+unix:///run/tt.sock', revokedAt: expect.any(String) as string });
  });

  it('refuses an address that somebody put in on the way, and what is none', async () => {
    const { desk, registry, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    const signed = { ...request, endpoint: 'http://127.0.0.1:7071', endpoint_mac: endpointMac(code, 'http://127.0.0.1:7071', request) };
    expect(desk.enrol({ ...signed, endpoint: 'http://127.0.0.1:6666' })).toMatchObject({ ok: false, code: 'code_wrong' });
    expect(desk.enrol({ ...request, endpoint: 'http://127.0.0.1:6666' })).toMatchObject({ ok: false, code: 'code_wrong' });
    expect(desk.enrol({ ...request, endpoint: 'here', endpoint_mac: endpointMac(code, 'here', request) })).toMatchObject({ ok: false, code: 'malformed' });
    expect(registry.list()).toEqual([]);
  });

  it.each(['public_key', 'machine_id', 'label', 'nonce'] as const)('refuses a request whose %s was changed on the way', async (key) => {
    const { desk, registry, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    const changed = { public_key: 'B'.repeat(43), machine_id: machineId(), label: 'other', nonce: 'c'.repeat(32) };
    expect(desk.enrol({ ...request, [key]: changed[key] })).toMatchObject({ ok: false, code: 'code_wrong' });
    expect(registry.list()).toEqual([]);
  });

  it('refuses a code after ten minutes, whatever the wall clock says', async () => {
    const { clock, desk, code, keys } = await openDesk();
    clock.jump(-86_400_000);
    clock.advance(ENROLMENT_CODE_LIFETIME_MS);
    expect(desk.enrol(await enrolRequest(code, keys))).toMatchObject({ ok: false, code: 'code_unknown' });
  });

  it('refuses a label that another machine took meanwhile', async () => {
    const { desk, registry, code, keys } = await openDesk();
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: keys.publicKey, nowMs: 0 });
    expect(desk.enrol(await enrolRequest(code, keys))).toMatchObject({ ok: false, code: 'label_taken' });
  });

  it('lets nobody take over a known machine by a code that was made for another label', async () => {
    const { desk, registry, codes, code, keys } = await openDesk();
    const request = await enrolRequest(code, keys);
    desk.enrol(request);
    const guestCode = codes.create('guest').code;
    const guestKeys = await createKeyPair();
    const takeover = await enrolRequest(guestCode, guestKeys, machineId(request.machine_id));
    expect(desk.enrol(takeover)).toMatchObject({ ok: false, code: 'machine_known' });
    expect(registry.byLabel('devbox')).toMatchObject({ machineId: request.machine_id, publicKey: keys.publicKey });
    expect(desk.enrol(await enrolRequest(guestCode, guestKeys))).toMatchObject({ ok: true, answer: { label: 'guest' } });
  });

  it('gives a known machine a new key by a code for its own label, and a new label by its own key', async () => {
    const { desk, registry, codes, code, keys } = await openDesk();
    const { machine_id: id } = await enrolRequest(code, keys);
    desk.enrol(await enrolRequest(code, keys, machineId(id)));
    const newKeys = await createKeyPair();
    expect(desk.enrol(await enrolRequest(codes.create('devbox').code, newKeys, machineId(id)))).toMatchObject({ ok: true });
    expect(desk.enrol(await enrolRequest(codes.create('build-1').code, newKeys, machineId(id)))).toMatchObject({ ok: true });
    expect(registry.byLabel('build-1')).toMatchObject({ machineId: id, publicKey: newKeys.publicKey });
  });

  it.each([[null], [[]], ['x'], [{}], [{ code_name: 1 }]])('refuses %j', async (body) => {
    const { desk } = await openDesk();
    expect(desk.enrol(body)).toMatchObject({ ok: false, code: 'malformed' });
  });

  it('refuses a nonce too short to be random', async () => {
    const { desk, code, keys } = await openDesk();
    const request = { ...(await enrolRequest(code, keys)), nonce: 'short' };
    expect(desk.enrol({ ...request, mac: requestMac(code, request) })).toMatchObject({ ok: false, code: 'malformed' });
  });

  it('lets a fleet of more than a hundred machines join in a row', async () => {
    const { codes } = await openDesk();
    for (let i = 0; i < OUTSTANDING_CODES + 10; i++) {
      const used = codes.find(codeName(codes.create(`m${i}`).code));
      if (used) used.usedBy = { machineId: machineId(), publicKey: 'x' };
    }
    expect(codes.create('one-more').code).toMatch(/^[0-9a-z-]+$/);
  });

  it('keeps at most a hundred codes waiting', async () => {
    const { clock, codes } = await openDesk();
    for (let i = 1; i < OUTSTANDING_CODES; i++) codes.create(`m${i}`);
    expect(() => codes.create('one-more')).toThrow(/100 codes/);
    clock.advance(ENROLMENT_CODE_LIFETIME_MS);
    expect(codes.create('one-more').code).toMatch(/^[0-9a-z-]+$/);
  });
});

describe('the identity of a collector', () => {
  it('is made once, is private, and is never replaced by a new one', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tt-identity-')), 'collector.json');
    const first = await openCollectorIdentity(file);
    expect(await openCollectorIdentity(file)).toEqual(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, '{"version":1}');
    await expect(openCollectorIdentity(file)).rejects.toThrow(/can not be read/);
  });
});
