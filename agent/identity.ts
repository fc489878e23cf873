/**
 * Who this machine is: `machine.json`, in the earlier tool's bytes, so that both
 * can share it. An unreadable file is an error and never replaced: a new ID
 * would make one machine into two. Checked by hand: `ingest` loads nothing heavy.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { EXIT_CODES, messageOf, TtError } from '../shared/errors.ts';
import { isLabel, parseMachineId, type MachineId } from '../shared/ids.ts';

export interface MachineIdentity {
  machineId: MachineId;
  label: string;
}

/** Undefined where `init` never ran. Throws `identity_invalid`. */
export function readIdentity(file: string): MachineIdentity | undefined {
  const text = readFileIfExists(file);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) throw new Error('it holds no object');
    const machineId = 'machine_id' in value && typeof value.machine_id === 'string' ? parseMachineId(value.machine_id) : undefined;
    if (machineId === undefined) throw new Error('machine_id is not a UUID in lower case');
    if (!('label' in value) || typeof value.label !== 'string') throw new Error('label is missing');
    return { machineId, label: value.label };
  } catch (error) {
    throw new TtError('identity_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `correct it, or restore it from a backup; only if there is none, move it away, then run tt-agent init and join again (the collector will see a new machine)`,
      cause: error,
    });
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

/** Keeps an existing ID. The label changes only when one is given; `fallback` names a new machine. */
export function openIdentity(file: string, label: string | undefined, fallback: string): MachineIdentity {
  if (label !== undefined && !isLabel(label)) {
    throw new TtError('label_invalid', `${JSON.stringify(label)} is not a label`, {
      hint: 'use lower case letters, digits, - and _, at most 64, starting with a letter or digit', exitCode: EXIT_CODES.usage,
    });
  }
  const existing = readIdentity(file);
  const identity: MachineIdentity = existing
    ? { machineId: existing.machineId, label: label ?? existing.label }
    : { machineId: createMachineId(), label: label ?? fallback };
  if (!existing || existing.label !== identity.label) writeIdentity(file, identity);
  return identity;
}

/** The collector owns the labels: what it calls this machine is what it is called here from now on. */
export function adoptLabel(file: string, identity: MachineIdentity, label: string): void {
  if (identity.label === label || !isLabel(label)) return;
  identity.label = label;
  writeIdentity(file, identity);
}

function createMachineId(): MachineId {
  const id = parseMachineId(randomUUID());
  if (id === undefined) throw new Error('the platform made no UUID');
  return id;
}

function writeIdentity(file: string, { machineId, label }: MachineIdentity): void {
  makePrivateDirectory(dirname(file));
  writeFileAtomic(file, JSON.stringify({ machine_id: machineId, label }, null, 2));
}
