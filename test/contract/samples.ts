/** Frozen samples: what older and newer versions must go on understanding. Add to them; never change one. */
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('./samples/', import.meta.url);

export function sampleText(name: string): string {
  return readFileSync(new URL(`${name}.json`, folder), 'utf8');
}

export function sample<T = unknown>(name: string): T {
  return JSON.parse(sampleText(name)) as T;
}

/** Names with this prefix, without `.json`. */
export function sampleNames(prefix: string): string[] {
  return readdirSync(folder).filter((file) => file.startsWith(prefix)).map((file) => file.replace(/\.json$/, '')).toSorted();
}
