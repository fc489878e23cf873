import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { configSchema, loadConfig } from '../../shared/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'tt-examples-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const root = join(import.meta.dirname, '../..');
const toml = readFileSync(join(root, 'deploy/config.example.toml'), 'utf8');
const dotenv = readFileSync(join(root, '.env.example'), 'utf8');
const defaults = loadConfig(join(directory, 'none.toml'), {});
const keys = Object.keys(configSchema.shape);

/** What stands commented out, in force: prose has a blank behind its #. */
function uncommented(text: string): string {
  return text.replaceAll(/^#(?=[[\w"])/gm, '');
}

function load(text: string): ReturnType<typeof loadConfig> {
  const file = join(directory, 'config.toml');
  writeFileSync(file, text);
  return loadConfig(file, {});
}

describe('the example of a configuration', () => {
  it('changes nothing as it is', () => {
    expect(load(toml)).toEqual(defaults);
  });

  it('has every key, at its default where that is no table', () => {
    const all = load(uncommented(toml));
    // As they stand there: what is missing would be filled in while it is read, and behind the first table it would be the table's.
    const named = [...toml.slice(0, toml.search(/^#\[/m)).matchAll(/^#([a-z_]+) = /gm)].map(([, key = '']) => key);
    expect([...named, 'projects', 'tunnels', 'sync', 'prices'].toSorted()).toEqual(keys.toSorted());
    const { label, projects, tunnels, sync, prices, ...plain } = all;
    expect(defaults).toMatchObject(plain);
    expect(label).toBe('devbox');
    for (const table of [projects, tunnels, prices, sync]) expect(Object.keys(table)).toHaveLength(1);
  });
});

describe('the example of an environment', () => {
  const variables = new Map([...dotenv.matchAll(/^#([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

  it('has the variable of every key, at its default', () => {
    for (const key of keys) expect([...variables.keys()]).toContain(`TT_${key.toUpperCase()}`);
    const { label, ...rest } = loadConfig(join(directory, 'none.toml'), Object.fromEntries(variables));
    expect(rest).toEqual(defaults);
    expect(label).toBe('devbox');
  });

  it('explains HOST_MACHINE, which other tools set', () => {
    expect(dotenv).toMatch(/# .*HOST_MACHINE.*\n(# .*\n)*#TT_LABEL=.*\n#HOST_MACHINE=/);
  });
});
