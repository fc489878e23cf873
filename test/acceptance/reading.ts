// Ways to read one folder of logs. All must come to the same facts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClaudeCodeSource } from '../../agent/claude/source.ts';
import type { SourceKind } from '../../agent/extraction.ts';
import type { JsonValue } from '../../shared/event.ts';
import { Collected, FULL_TEXTS, GENERATION, linesOf, MACHINE } from '../support/extraction.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

export interface Reading {
  name: string;
  read(files: readonly string[]): Collected;
}

export function sourceOf(folder: string): SourceKind {
  return createClaudeCodeSource({ configDirs: [folder], machineId: MACHINE, texts: FULL_TEXTS });
}

export function logFiles(folder: string, source: SourceKind): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => source.matches(path))
    .toSorted();
}

function readFile(source: SourceKind, path: string, into: Collected, interrupted: boolean): void {
  let extractor = openAgain(source, path, undefined);
  for (const { bytes, start, end } of linesOf(readFileSync(path))) {
    extractor.line(Buffer.from(bytes), start, end, into);
    if (interrupted) extractor = openAgain(source, path, JSON.parse(JSON.stringify(extractor.carry())) as JsonValue);
  }
}

function openAgain(source: SourceKind, path: string, carry: JsonValue | undefined): ReturnType<SourceKind['open']> & object {
  const extractor = source.open({ gen: GENERATION, path }, carry);
  if (extractor === undefined) throw new Error(`${path}: the carry-over was refused`);
  return extractor;
}

export function readings(source: SourceKind, random: SeededRandom): Reading[] {
  const all = (files: readonly string[], interrupted = false): Collected => {
    const collected = new Collected();
    for (const path of files) readFile(source, path, collected, interrupted);
    return collected;
  };
  return [
    { name: 'from nothing', read: (files) => all(files) },
    { name: 'a restart after every line', read: (files) => all(files, true) },
    { name: 'files backwards', read: (files) => all(files.toReversed()) },
    { name: 'files shuffled', read: (files) => all(shuffled(files, random)) },
    { name: 'twice', read: (files) => all([...files, ...files]) },
  ];
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  return items.map((item) => ({ item, at: random.next() })).toSorted((a, b) => a.at - b.at).map(({ item }) => item);
}
