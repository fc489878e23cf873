/** When the last backup was made and where to, for `tt doctor`. Only words depend on it. */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { printTimestamp } from '../shared/timestamp.ts';

export interface LastBackup {
  file: string;
  atMs: number;
}

const noteSchema = z.looseObject({ version: z.literal(1), file: z.string(), at: z.string() });

export function noteBackup(noteFile: string, { file, atMs }: LastBackup): void {
  makePrivateDirectory(dirname(noteFile));
  writeFileAtomic(noteFile, `${JSON.stringify({ version: 1, file, at: printTimestamp(atMs) })}\n`);
}

/** Null where there was none, or the note can not be read. */
export function readLastBackup(noteFile: string): LastBackup | null {
  try {
    const text = readFileIfExists(noteFile);
    if (text === undefined) return null;
    const { file, at } = noteSchema.parse(JSON.parse(text));
    return { file, atMs: Date.parse(at) };
  } catch {
    return null;
  }
}
