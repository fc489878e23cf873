import { describe, expect, it } from 'vitest';
import { createMachineEndpoints, type ListenerRef } from '../../../collector/ingest/endpoint-policy.ts';
import { machineId } from '../../support/scripted-agent.ts';

const own = { machineId: machineId(), joinedBy: null };
const other = { machineId: machineId(), joinedBy: null };
const shared: ListenerRef = { name: 'shared', port: 7071, admits: undefined };
const ownSocket: ListenerRef = { name: 'own.sock', port: null, admits: own.machineId };

describe('the shared port', () => {
  it.each(['http://127.0.0.1:7071', 'http://localhost:7071', 'http://[::1]:7071', 'http://127.0.0.9:7071', 'https://localhost:7071'])('admits %s', (endpoint) => {
    expect(createMachineEndpoints({ urls: [] }).allows(own, endpoint, shared)).toBe(true);
  });

  it.each([
    'http://127.0.0.1:7072', 'http://127.0.0.1', 'http://laptop.example:7071', 'http://127.0.0.1.example:7071', 'tt+unix:///run/x.sock', 'nonsense', '',
  ])('refuses %s', (endpoint) => {
    expect(createMachineEndpoints({ urls: [] }).allows(own, endpoint, shared)).toBe(false);
  });

  it('admits the public addresses of its configuration, and each machine by what it joined by', () => {
    const { allows } = createMachineEndpoints({ urls: ['https://tt.example/'] });
    expect(allows(own, 'https://tt.example', shared)).toBe(true);
    const moved = { ...own, joinedBy: 'http://127.0.0.1:17071' };
    expect(allows(moved, 'http://127.0.0.1:17071', shared)).toBe(true);
    expect(allows(other, 'http://127.0.0.1:17071', shared)).toBe(false);
  });

  it('refuses a machine that comes through a tunnel, until it has none any more', () => {
    const endpoints = createMachineEndpoints({ urls: [] });
    endpoints.tunnelled(own.machineId, null);
    expect(endpoints.allows(own, 'http://127.0.0.1:7071', shared)).toBe(false);
    expect(endpoints.allows(other, 'http://127.0.0.1:7071', shared)).toBe(true);
    endpoints.tunnelled(own.machineId, 'tt+unix:///run/1.sock');
    expect(endpoints.allows(own, 'tt+unix:///run/1.sock', shared)).toBe(false);
    endpoints.untunnelled(own.machineId);
    expect(endpoints.allows(own, 'http://127.0.0.1:7071', shared)).toBe(true);
  });
});

describe('a machine’s own socket', () => {
  it('admits that machine by the end of its present tunnel, and by no abandoned one', () => {
    const endpoints = createMachineEndpoints({ urls: [] });
    const by = (endpoint: string): boolean => endpoints.allows(own, endpoint, ownSocket);
    expect(by('tt+unix:///run/1.sock')).toBe(false);
    endpoints.tunnelled(own.machineId, 'tt+unix:///run/1.sock');
    expect([by('tt+unix:///run/1.sock'), by('tt+unix:///run/2.sock'), by('http://127.0.0.1:7071')]).toEqual([true, false, false]);
    endpoints.tunnelled(own.machineId, 'http://127.0.0.1:41234/');
    expect([by('tt+unix:///run/1.sock'), by('http://127.0.0.1:41234')]).toEqual([false, true]);
    endpoints.tunnelled(own.machineId, null);
    expect(by('http://127.0.0.1:41234')).toBe(false);
  });

  it('admits no other machine, whatever it dialled', () => {
    const endpoints = createMachineEndpoints({ urls: ['https://tt.example'] });
    endpoints.tunnelled(own.machineId, 'tt+unix:///run/1.sock');
    endpoints.tunnelled(other.machineId, 'tt+unix:///run/other.sock');
    for (const endpoint of ['tt+unix:///run/1.sock', 'tt+unix:///run/other.sock', 'https://tt.example']) {
      expect(endpoints.allows(other, endpoint, ownSocket)).toBe(false);
    }
  });

  it('is given no end that is no address', () => {
    expect(() => createMachineEndpoints({ urls: [] }).tunnelled(own.machineId, 'somewhere')).toThrow(expect.objectContaining({ code: 'endpoint_invalid' }));
    expect(() => createMachineEndpoints({ urls: ['somewhere'] })).toThrow(expect.objectContaining({ code: 'endpoint_invalid' }));
  });
});

describe('a run of tt sync', () => {
  const run = `tt+pipe:${'a'.repeat(32)}`;
  const ofRun: ListenerRef = { name: 'sync.sock', port: null, admits: undefined, dialled: run };

  it('admits whoever dialled it, also a machine that has a tunnel, and no other address', () => {
    const endpoints = createMachineEndpoints({ urls: ['https://tt.example'] });
    endpoints.tunnelled(own.machineId, 'tt+unix:///run/1.sock');
    expect([own, other].map((machine) => endpoints.allows(machine, run, ofRun))).toEqual([true, true]);
    for (const endpoint of [`tt+pipe:${'b'.repeat(32)}`, 'https://tt.example', 'tt+unix:///run/1.sock']) {
      expect(endpoints.allows(own, endpoint, ofRun)).toBe(false);
    }
  });

  it('leads nowhere else, not even for a machine that joined by it', () => {
    const { allows } = createMachineEndpoints({ urls: [] });
    expect(allows({ ...own, joinedBy: run }, run, shared)).toBe(false);
    expect(allows({ ...own, joinedBy: run }, run, ownSocket)).toBe(false);
  });
});
