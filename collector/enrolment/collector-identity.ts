/**
 * Who this collector is: ID and key pair in `collector.json`. Lies outside the
 * database, so that a restored or deleted database is still the same collector.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import { parseCollectorId, type CollectorId } from '../../shared/ids.ts';
import { createKeyPair, isPublicKey, type KeyPair } from '../../shared/protocol/tokens.ts';

export interface CollectorIdentity {
  collectorId: CollectorId;
  keys: KeyPair;
}

const identityFileSchema = z.looseObject({
  version: z.literal(1),
  collector_id: z.string().transform((text, context) => {
    const id = parseCollectorId(text);
    if (id !== undefined) return id;
    context.addIssue('not a UUID');
    return z.NEVER;
  }),
  public_key: z.string().refine(isPublicKey),
  private_key: z.string().refine(isPublicKey),
});

export function parseCollectorIdentity(text: string, file: string): CollectorIdentity {
  try {
    const parsed = identityFileSchema.parse(JSON.parse(text));
    return { collectorId: parsed.collector_id, keys: { publicKey: parsed.public_key, privateKey: parsed.private_key } };
  } catch (error) {
    // Never replaced by a new one: every machine has pinned this key.
    throw new TtError('identity_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `restore it from a backup (tt collector restore FILE); only if there is none, move ${file} away and let every machine join again`,
      cause: error,
    });
  }
}

/** The identity of an existing collector; undefined where none was ever started. */
export function readCollectorIdentity(file: string): CollectorIdentity | undefined {
  const text = readFileIfExists(file);
  return text === undefined ? undefined : parseCollectorIdentity(text, file);
}

/** Reads `file`, or creates it at the first start. The caller holds the collector's lock. */
export async function openCollectorIdentity(file: string): Promise<CollectorIdentity> {
  const existing = readCollectorIdentity(file);
  if (existing) return existing;
  const keys = await createKeyPair();
  makePrivateDirectory(dirname(file));
  const content = { version: 1, collector_id: randomUUID(), public_key: keys.publicKey, private_key: keys.privateKey };
  const text = `${JSON.stringify(content, null, 2)}\n`;
  writeFileAtomic(file, text);
  return parseCollectorIdentity(text, file);
}
