/** What `tt doctor` last found of the database, for the page. Only words depend on it. */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { lastCheckSchema, type LastCheckDocument } from '../shared/store-document.ts';

const noteSchema = z.looseObject({ version: z.literal(1), ...lastCheckSchema.shape });

export function noteCheck(noteFile: string, check: LastCheckDocument): void {
  makePrivateDirectory(dirname(noteFile));
  writeFileAtomic(noteFile, `${JSON.stringify({ version: 1, ...check })}\n`);
}

/** Null where there was none, or the note can not be read. */
export function readLastCheck(noteFile: string): LastCheckDocument | null {
  try {
    const text = readFileIfExists(noteFile);
    if (text === undefined) return null;
    const { at, deep, problems } = noteSchema.parse(JSON.parse(text));
    return { at, deep, problems };
  } catch {
    return null;
  }
}
