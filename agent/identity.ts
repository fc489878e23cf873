/**
 * Who this machine is: `machine.json` (ID and label, in the earlier tool's bytes,
 * so that both tools can share it) and `machine.key`. An unreadable file is an
 * error and never replaced: a new ID would make one machine into two.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import * as z from 'zod';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { EXIT_CODES, messageOf, TtError } from '../shared/errors.ts';
import { isLabel, parseMachineId, type MachineId } from '../shared/ids.ts';
import { createKeyPair, isPublicKey, type KeyPair } from '../shared/protocol/tokens.ts';

export interface MachineIdentity {
  machineId: MachineId;
  label: string;
}

const machineFileSchema = z.looseObject({
  machine_id: z.string().transform((text, context) => {
    const id = parseMachineId(text);
    if (id !== undefined) return id;
    context.addIssue('not a UUID');
    return z.NEVER;
  }),
  label: z.string(),
});

const keyFileSchema = z.looseObject({
  version: z.literal(1),
  public_key: z.string().refine(isPublicKey),
  private_key: z.string().refine(isPublicKey),
});

/** Undefined where `init` never ran. Throws `identity_invalid`. */
export function readIdentity(file: string): MachineIdentity | undefined {
  const text = readFileIfExists(file);
  if (text === undefined) return undefined;
  try {
    const { machine_id: machineId, label } = machineFileSchema.parse(JSON.parse(text));
    return { machineId, label };
  } catch (error) {
    throw invalid(file, error);
  }
}

/** Throws `identity_missing` where `init` never ran. */
export function requireIdentity(file: string): MachineIdentity {
  const identity = readIdentity(file);
  if (identity) return identity;
  throw new TtError('identity_missing', "No machine identity found. Run 'tt-agent init' first.", {
    hint: 'tt-agent init, or tt-agent join URL --code CODE, which does both',
  });
}

function writeIdentity(file: string, { machineId, label }: MachineIdentity): void {
  makePrivateDirectory(dirname(file));
  writeFileAtomic(file, JSON.stringify({ machine_id: machineId, label }, null, 2));
}

/** Keeps an existing ID. The label changes only when one is given; `fallback` names a new machine. */
export function openIdentity(file: string, label: string | undefined, fallback: string): MachineIdentity {
  if (label !== undefined && !isLabel(label)) {
    throw new TtError('label_invalid', `${JSON.stringify(label)} is not a label`, {
      hint: 'a label is ^[a-z0-9][a-z0-9_-]{0,63}$', exitCode: EXIT_CODES.usage,
    });
  }
  const existing = readIdentity(file);
  const identity: MachineIdentity = existing
    ? { machineId: existing.machineId, label: label ?? existing.label }
    : { machineId: newMachineId(), label: label ?? fallback };
  if (!existing || existing.label !== identity.label) writeIdentity(file, identity);
  return identity;
}

function newMachineId(): MachineId {
  const id = parseMachineId(randomUUID());
  if (id === undefined) throw new Error('the platform made no UUID');
  return id;
}

/** The machine's key pair, made at the first call. The private half never leaves the file. */
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
    throw invalid(file, error);
  }
}

function invalid(file: string, cause: unknown): TtError {
  return new TtError('identity_invalid', `${file} can not be read: ${messageOf(cause)}`, {
    hint: `restore it from a backup; only if there is none, move ${file} away, then run tt-agent init and join again (the collector will see a new machine)`,
    cause,
  });
}
