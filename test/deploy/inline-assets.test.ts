import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inlineInto } from '../../deploy/inline-assets.ts';

describe('inlining assets into a bundle', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'assets-'));
    writeFileSync(join(folder, 'schema.sql'), "-- `a` \\ ${b} $& 'c'\nSELECT 1;\n");
    writeFileSync(join(folder, 'worker.ts'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const inline = (source: string) => inlineInto(source, join(folder, 'source.ts'), (file) => (file === join(folder, 'worker.ts') ? 'tt-worker.mjs' : undefined));

  it('replaces the read by the text, byte for byte', () => {
    const source = inline("x = readFileSync(new URL('./schema.sql', import.meta.url), 'utf8');");
    const text = /^x = (.*);$/.exec(source)?.[1] ?? '';
    expect(JSON.parse(text)).toBe("-- `a` \\ ${b} $& 'c'\nSELECT 1;\n");
  });

  it('accepts the read over several lines', () => {
    expect(inline("readFileSync(\n  new URL('./schema.sql', import.meta.url),\n  'utf8',\n)")).toMatch(/^"-- /);
  });

  it('points a thread at its bundle', () => {
    expect(inline("new Worker(new URL('./worker.ts', import.meta.url))")).toBe("new Worker(new URL('./tt-worker.mjs', import.meta.url))");
  });

  it('refuses a file that would be missing beside the bundle', () => {
    expect(() => inline("readFile(new URL('./schema.sql', import.meta.url))")).toThrow(/would be missing/);
  });

  it('fails on a text that does not exist', () => {
    expect(() => inline("readFileSync(new URL('./absent.sql', import.meta.url), 'utf8')")).toThrow(/ENOENT/);
  });

  it('leaves alone what is found at run time', () => {
    expect(inline("new URL('./web/', import.meta.url)")).toBe("new URL('./web/', import.meta.url)");
  });
});
