/**
 * Which machines may write: `machines.json`, outside the database, so that a
 * restored database neither locks machines out nor lets revoked ones in. Only
 * the process that holds the collector's lock writes it.
 */
import * as z from 'zod';
import { readFileIfExists, writeFileAtomic } from '../../shared/atomic-file.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import { isLabel, parseMachineId, type MachineId, type Timestamp } from '../../shared/ids.ts';
import { isPublicKey, type PublicKey } from '../../shared/protocol/tokens.ts';
import { parseTimestamp, printTimestamp } from '../../shared/timestamp.ts';
import { isSshDestination } from '../ssh.ts';

/** An enrolled device. Times are canonical timestamps. */
export interface EnrolledMachine {
  readonly machineId: MachineId;
  /** Unique, also among retired and revoked ones: history keeps its names. */
  readonly label: string;
  readonly publicKey: PublicKey;
  readonly enrolledAt: Timestamp;
  readonly retiredAt: Timestamp | null;
  readonly revokedAt: Timestamp | null;
  /** The address that its `join` dialled; null: an agent that did not tell. */
  readonly joinedBy: string | null;
  /** Where ssh reaches it, for the tunnel of its own; null: it comes by itself. */
  readonly sshHost: string | null;
  /** Where `tt sync` found it last; null: it never did. */
  readonly syncHost: string | null;
  /** Are the files of its sessions to be archived? */
  readonly archive: boolean;
}

export interface MachineRegistry {
  list(): readonly EnrolledMachine[];
  byId(machineId: MachineId): EnrolledMachine | undefined;
  byLabel(label: string): EnrolledMachine | undefined;
  /** Adds a machine, or gives a known one a new key and label and admits it again. Durable when it returns. */
  enrol(machine: { machineId: MachineId; label: string; publicKey: PublicKey; joinedBy?: string | null; nowMs: number }): EnrolledMachine;
  /** It came again by its code, from another address. */
  moved(machineId: MachineId, joinedBy: string): void;
  /** Throw `machine_unknown`, `label_taken` or `label_invalid`. */
  rename(label: string, newLabel: string): EnrolledMachine;
  /** A machine ends once: what it was asked for until then is not asked for again by a second `revoke` or `retire`. */
  revoke(label: string, nowMs: number): EnrolledMachine;
  retire(label: string, nowMs: number): EnrolledMachine;
  /** Null: it has no tunnel any more. A host has one tunnel: whichever machine had it before loses it. */
  setSshHost(label: string, sshHost: string | null): EnrolledMachine;
  setSyncHost(label: string, syncHost: string): EnrolledMachine;
  setArchive(label: string, archive: boolean): EnrolledMachine;
  /** Called after every change with the machine as it is now. Returns the way to stop. */
  onChange(listener: (machine: EnrolledMachine) => void): () => void;
}

function parsed<T>(parse: (text: string) => T | undefined, what: string): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue(`not a ${what}`);
    return z.NEVER;
  });
}
const timestamp = parsed(parseTimestamp, 'timestamp');

// Loose: keys of a later version stay where they are.
const machineSchema = z.looseObject({
  machine_id: parsed(parseMachineId, 'UUID'),
  label: z.string().refine(isLabel),
  public_key: z.string().refine(isPublicKey),
  enrolled_at: timestamp,
  retired_at: timestamp.nullable().default(null),
  revoked_at: timestamp.nullable().default(null),
  joined_by: z.string().nullable().default(null),
  ssh_host: z.string().refine(isSshDestination).nullable().default(null),
  sync_host: z.string().refine(isSshDestination).nullable().default(null),
  archive: z.boolean().default(false),
});
type MachineRow = z.infer<typeof machineSchema>;
const registrySchema = z.looseObject({ version: z.literal(1), machines: z.array(machineSchema) });

export function parseMachineRows(text: string, file: string): MachineRow[] {
  try {
    return registrySchema.parse(JSON.parse(text)).machines;
  } catch (error) {
    throw new TtError('registry_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `restore it from a backup (tt collector restore FILE), or correct ${file}`,
      cause: error,
    });
  }
}

/** Reads `file` (none: no machine yet). Throws `registry_invalid`. */
export function openMachineRegistry(file: string): MachineRegistry {
  const text = readFileIfExists(file);
  const rows = new Map((text === undefined ? [] : parseMachineRows(text, file)).map((row) => [row.machine_id, row]));
  const listeners = new Set<(machine: EnrolledMachine) => void>();

  /** All or none; told of in the order given. */
  const saveAll = (changed: readonly MachineRow[]): void => {
    const next = new Map([...rows.values(), ...changed].map((row) => [row.machine_id, row]));
    writeFileAtomic(file, `${JSON.stringify({ version: 1, machines: [...next.values()] }, null, 2)}\n`);
    for (const row of changed) rows.set(row.machine_id, row);
    for (const row of changed) for (const listener of listeners) listener(toMachine(row));
  };
  const save = (row: MachineRow): EnrolledMachine => {
    saveAll([row]);
    return toMachine(row);
  };
  const find = (label: string): MachineRow | undefined => [...rows.values()].find((row) => row.label === label);
  const require = (label: string): MachineRow => {
    const row = find(label);
    if (row) return row;
    throw new TtError('machine_unknown', `no machine is called ${JSON.stringify(label)}`, {
      hint: '`tt machines` lists them',
      exitCode: EXIT_CODES.usage,
    });
  };
  const endOnce = (label: string, key: 'revoked_at' | 'retired_at', nowMs: number): EnrolledMachine => {
    const row = require(label);
    return save({ ...row, [key]: row[key] ?? printTimestamp(nowMs) });
  };
  /** A host is one machine's: who had it before has it no more. */
  const takeHost = (label: string, key: 'ssh_host' | 'sync_host', host: string | null): EnrolledMachine => {
    if (host !== null && !isSshDestination(host)) throw sshHostInvalid(host);
    const row = { ...require(label), [key]: host };
    const others = host === null ? [] : [...rows.values()].filter((other) => other[key] === host && other.machine_id !== row.machine_id);
    saveAll([...others.map((other) => ({ ...other, [key]: null })), row]);
    return toMachine(row);
  };

  return {
    list: () => [...rows.values()].map(toMachine),
    byId: (machineId) => optional(rows.get(machineId)),
    byLabel: (label) => optional(find(label)),
    enrol({ machineId, label, publicKey, joinedBy = null, nowMs }) {
      requireFreeLabel(label, find(label), machineId);
      const known = rows.get(machineId);
      const enrolled_at = known?.enrolled_at ?? printTimestamp(nowMs);
      return save({ ...known, machine_id: machineId, label, public_key: publicKey, enrolled_at, retired_at: null, revoked_at: null, joined_by: joinedBy, ssh_host: known?.ssh_host ?? null, sync_host: known?.sync_host ?? null, archive: known?.archive ?? false });
    },
    moved(machineId, joinedBy) {
      const row = rows.get(machineId);
      if (row && row.joined_by !== joinedBy) save({ ...row, joined_by: joinedBy });
    },
    rename(label, newLabel) {
      const row = require(label);
      requireFreeLabel(newLabel, find(newLabel), row.machine_id);
      return save({ ...row, label: newLabel });
    },
    revoke: (label, nowMs) => endOnce(label, 'revoked_at', nowMs),
    retire: (label, nowMs) => endOnce(label, 'retired_at', nowMs),
    // In one account the tunnels of two machines remove each other's sockets: theirs closes before this one opens.
    setSshHost: (label, sshHost) => takeHost(label, 'ssh_host', sshHost),
    setSyncHost: (label, syncHost) => takeHost(label, 'sync_host', syncHost),
    setArchive: (label, archive) => save({ ...require(label), archive }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function requireFreeLabel(label: string, holder: MachineRow | undefined, machineId: MachineId): void {
  if (!isLabel(label)) {
    throw new TtError('label_invalid', `${JSON.stringify(label)} can not be a label`, {
      hint: 'use lower case letters, digits, - and _, at most 64, starting with a letter or digit',
      exitCode: EXIT_CODES.usage,
    });
  }
  if (holder && holder.machine_id !== machineId) throw labelTaken(label);
}

export function sshHostInvalid(text: string): TtError {
  return new TtError('host_invalid', `${JSON.stringify(text)} is no host for ssh`, {
    hint: 'give it as ssh takes it: a name of ~/.ssh/config, HOST or USER@HOST; no blanks, and not an option', exitCode: EXIT_CODES.usage,
  });
}

export function labelTaken(label: string): TtError {
  return new TtError('label_taken', `another machine is called ${JSON.stringify(label)}`, {
    hint: `choose another label, or first give that one another name: tt machines rename ${label} NEW`,
    exitCode: EXIT_CODES.usage,
  });
}

function optional(row: MachineRow | undefined): EnrolledMachine | undefined {
  return row && toMachine(row);
}

function toMachine(row: MachineRow): EnrolledMachine {
  return {
    machineId: row.machine_id,
    label: row.label,
    publicKey: row.public_key,
    enrolledAt: row.enrolled_at,
    retiredAt: row.retired_at,
    revokedAt: row.revoked_at,
    joinedBy: row.joined_by,
    sshHost: row.ssh_host,
    syncHost: row.sync_host,
    archive: row.archive,
  };
}
