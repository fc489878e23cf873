/** `machine.key`: the key pair by which this machine proves itself. The private half never leaves the file. */
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { messageOf, TtError } from '../shared/errors.ts';
import { createKeyPair, isPublicKey, type KeyPair } from '../shared/protocol/tokens.ts';

const keyFileSchema = z.looseObject({
  version: z.literal(1),
  public_key: z.string().refine(isPublicKey),
  private_key: z.string().refine(isPublicKey),
});

/** Reads the pair, or makes one where there is none. Throws `key_invalid`; an unreadable key is never replaced. */
export async function openMachineKey(file: string): Promise<KeyPair> {
  const text = readFileIfExists(file);
  if (text !== undefined) return parseKey(text, file);
  const keys = await createKeyPair();
  makePrivateDirectory(dirname(file));
  const content = { version: 1, public_key: keys.publicKey, private_key: keys.privateKey };
  writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`);
  return keys;
}

function parseKey(text: string, file: string): KeyPair {
  try {
    const parsed = keyFileSchema.parse(JSON.parse(text));
    return { publicKey: parsed.public_key, privateKey: parsed.private_key };
  } catch (error) {
    throw new TtError('key_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `restore it from a backup, or move it away and join again with a code of: tt machines add LABEL --again`,
      cause: error,
    });
  }
}
