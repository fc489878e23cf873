import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { timeProbe, type Probe } from '../../shared/probe.ts';
import { sample } from './samples.ts';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/doctor.md', root), 'utf8');

/** IDs that the checks of a folder give. */
function idsIn(folder: string): string[] {
  return readdirSync(new URL(folder, root)).flatMap((name) => {
    const source = readFileSync(new URL(`${folder}/${name}`, root), 'utf8');
    return [...source.matchAll(/\b(?:ok|warn|fail|judge|guarded)\(\s*'([a-z-]+)'/g)].map(([, id = '']) => id);
  });
}

describe('docs/doctor.md', () => {
  it('has every check that there is, and no other', () => {
    const ids = new Set(['agent/doctor', 'collector/doctor', 'shared/doctor'].flatMap(idsIn));
    const listed = new Set([...page.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`([a-z-]+)`/g)].map(([, id = '']) => id)));
    const hops = new Set(['laptop', 'asked', 'file', 'wire', 'store', 'page', 'back']);
    expect([...listed].filter((id) => !hops.has(id)).toSorted()).toEqual([...ids].toSorted());
  });
});

describe('the sample of a probe', () => {
  it('has the delays that its own times give', () => {
    const [probe] = sample<{ probes: Probe[] }>('doctor.probe').probes;
    const hops = probe!.hops.map(({ name, at }) => ({ name, at: Date.parse(at) }));
    expect(timeProbe({ id: probe!.id, machine: probe!.machine, hops, goal: 'page' })).toEqual(probe);
  });
});
