import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openMachineRegistry, type EnrolledMachine } from '../../../collector/enrolment/machine-registry.ts';
import { machineId } from '../../support/scripted-agent.ts';

const KEY = 'A'.repeat(43);
const NOW = Date.UTC(2026, 0, 5);

function registryFile(): string {
  return join(mkdtempSync(join(tmpdir(), 'tt-registry-')), 'machines.json');
}

describe('the registry of machines', () => {
  it('is empty where there is no file, and private where there is one', () => {
    const file = registryFile();
    const registry = openMachineRegistry(file);
    expect(registry.list()).toEqual([]);
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('knows after a restart what it knew before', () => {
    const file = registryFile();
    const registry = openMachineRegistry(file);
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    registry.enrol({ machineId: machineId(), label: 'laptop', publicKey: KEY, nowMs: NOW });
    registry.rename('laptop', 'mac');
    registry.revoke('devbox', NOW + 1000);
    registry.retire('mac', NOW + 2000);
    expect(openMachineRegistry(file).list()).toEqual(registry.list());
    expect(registry.byLabel('devbox')).toMatchObject({ enrolledAt: '2026-01-05T00:00:00.000Z', revokedAt: '2026-01-05T00:00:01.000Z', retiredAt: null });
  });

  it('ends a machine once: what is known of its time is not asked for anew', () => {
    const registry = openMachineRegistry(registryFile());
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    registry.retire('devbox', NOW + 1000);
    registry.revoke('devbox', NOW + 2000);
    registry.revoke('devbox', NOW + 3000);
    registry.retire('devbox', NOW + 4000);
    expect(registry.byLabel('devbox')).toMatchObject({ retiredAt: '2026-01-05T00:00:01.000Z', revokedAt: '2026-01-05T00:00:02.000Z' });
  });

  it('keeps labels unique, also those of machines that are gone', () => {
    const registry = openMachineRegistry(registryFile());
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    registry.enrol({ machineId: machineId(), label: 'other', publicKey: KEY, nowMs: NOW });
    registry.retire('devbox', NOW);
    expect(() => registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW })).toThrow(/another machine/);
    expect(() => registry.rename('other', 'devbox')).toThrow(/another machine/);
    expect(() => registry.rename('other', 'No Label')).toThrow(/can not be a label/);
    expect(() => registry.rename('nobody', 'x')).toThrow(/no machine is called/);
  });

  it('lets a known machine in again with a new key, and keeps when it first came', () => {
    const registry = openMachineRegistry(registryFile());
    const id = machineId();
    registry.enrol({ machineId: id, label: 'devbox', publicKey: KEY, nowMs: NOW });
    registry.revoke('devbox', NOW);
    registry.enrol({ machineId: id, label: 'devbox', publicKey: 'B'.repeat(43), nowMs: NOW + 5000 });
    expect(registry.list()).toEqual([{
      machineId: id, label: 'devbox', publicKey: 'B'.repeat(43), enrolledAt: '2026-01-05T00:00:00.000Z', retiredAt: null, revokedAt: null, joinedBy: null, sshHost: null, syncHost: null, archive: false,
    }]);
  });

  it('gives the tunnel to a host to one machine: whichever had it before loses it first', () => {
    const file = registryFile();
    const registry = openMachineRegistry(file);
    for (const label of ['old', 'new', 'server']) registry.enrol({ machineId: machineId(), label, publicKey: KEY, nowMs: NOW });
    registry.setSshHost('old', 'devbox');
    registry.setSshHost('server', 'server');
    const told: string[] = [];
    registry.onChange(({ label, sshHost }) => told.push(`${label} ${sshHost}`));
    expect(registry.setSshHost('new', 'devbox')).toMatchObject({ label: 'new', sshHost: 'devbox' });
    expect(told).toEqual(['old null', 'new devbox']);
    expect(openMachineRegistry(file).list().map(({ label, sshHost }) => [label, sshHost])).toEqual([['old', null], ['new', 'devbox'], ['server', 'server']]);
    registry.setSshHost('new', null);
    registry.setSshHost('server', null);
    expect(registry.list().map(({ sshHost }) => sshHost)).toEqual([null, null, null]);
  });

  it('knows a host that was synced by its latest machine', () => {
    const registry = openMachineRegistry(registryFile());
    for (const label of ['old', 'new']) registry.enrol({ machineId: machineId(), label, publicKey: KEY, nowMs: NOW });
    registry.setSyncHost('old', 'devbox');
    registry.setSyncHost('new', 'devbox');
    expect(registry.list().map(({ syncHost }) => syncHost)).toEqual([null, 'devbox']);
  });

  it('tells whoever listens of every change, once it is on disk', () => {
    const file = registryFile();
    const registry = openMachineRegistry(file);
    const heard: { machine: EnrolledMachine; onDisk: boolean }[] = [];
    const stop = registry.onChange((machine) => heard.push({ machine, onDisk: readFileSync(file, 'utf8').includes(machine.label) }));
    registry.enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    registry.rename('devbox', 'build');
    stop();
    registry.retire('build', NOW);
    expect(heard.map(({ machine, onDisk }) => [machine.label, onDisk])).toEqual([['devbox', true], ['build', true]]);
  });

  it('keeps keys of a later version where they are', () => {
    const file = registryFile();
    openMachineRegistry(file).enrol({ machineId: machineId(), label: 'devbox', publicKey: KEY, nowMs: NOW });
    writeFileSync(file, readFileSync(file, 'utf8').replace('"label"', '"colour": "red", "label"'));
    openMachineRegistry(file).rename('devbox', 'build');
    expect(readFileSync(file, 'utf8')).toContain('"colour": "red"');
  });

  it('refuses a file it cannot read, rather than start with no machines', () => {
    const file = registryFile();
    writeFileSync(file, '{"version":1,"machines":[{"machine_id":"x"}]}');
    expect(() => openMachineRegistry(file)).toThrow(/can not be read/);
  });
});
