/** Which machine this computer is, as its agent wrote it down. */
import * as z from 'zod';
import { readFileIfExists } from '../../shared/atomic-file.ts';

const identitySchema = z.looseObject({ machine_id: z.string() });

/** The agent's file; null where there is none, or none that can be read: only words depend on it. */
export function readThisMachine(file: string): string | null {
  try {
    const text = readFileIfExists(file);
    return text === undefined ? null : identitySchema.parse(JSON.parse(text)).machine_id;
  } catch {
    return null;
  }
}
