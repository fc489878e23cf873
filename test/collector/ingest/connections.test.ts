import { describe, expect, it } from 'vitest';
import { createConnections, type Peer } from '../../../collector/ingest/connections.ts';
import { toInstanceId } from '../../../shared/ids.ts';
import { machineId } from '../../support/scripted-agent.ts';

const MACHINE = machineId();

function peer(instance: string, alive: boolean | Promise<boolean> = true): Peer & { told: string[] } {
  const told: string[] = [];
  return { machineId: MACHINE, instance: toInstanceId(instance), isAlive: async () => alive, goodbye: (code) => told.push(code), told };
}

describe('a machine that comes twice', () => {
  it('gets the place at once when it is free', async () => {
    const connections = createConnections();
    expect(await connections.admit(peer('one'))).toBe('admitted');
  });

  it('replaces an older connection of the same run, alive or not', async () => {
    const connections = createConnections();
    const older = peer('one');
    await connections.admit(older);
    const newer = peer('one');
    expect(await connections.admit(newer)).toBe('admitted');
    expect(older.told).toEqual(['replaced']);
    expect(connections.of(MACHINE)).toBe(newer);
  });

  it('replaces an older connection of another run that does not answer', async () => {
    const connections = createConnections();
    const older = peer('one', false);
    await connections.admit(older);
    expect(await connections.admit(peer('two'))).toBe('admitted');
    expect(older.told).toEqual(['replaced']);
  });

  it('does not get the place of another run that answers', async () => {
    const connections = createConnections();
    const older = peer('one');
    await connections.admit(older);
    expect(await connections.admit(peer('two'))).toBe('clone_suspected');
    expect(connections.of(MACHINE)).toBe(older);
    expect(older.told).toEqual([]);
  });

  it('is decided one newcomer at a time', async () => {
    const connections = createConnections();
    await connections.admit(peer('one', false));
    const [second, third] = [peer('two'), peer('three')];
    expect(await Promise.all([connections.admit(second), connections.admit(third)])).toEqual(['admitted', 'clone_suspected']);
    expect(connections.of(MACHINE)).toBe(second);
  });

  it('keeps the newer one’s place when the older one’s end is noticed late', async () => {
    const connections = createConnections();
    const [older, newer] = [peer('one'), peer('one')];
    await connections.admit(older);
    await connections.admit(newer);
    connections.remove(older);
    expect(connections.all()).toEqual([newer]);
  });
});
