/**
 * A copy of a machine (a cloned image, a restored home) becomes a machine of its own.
 *
 * Lines of our own logs that name the copied machine and are later than what it
 * had acknowledged were written here: `former-machines.json` says so, and they
 * are read as this machine's. Earlier ones stay the other's, who sent them.
 * Limit: what the original had written and not yet sent when it was copied counts
 * for both. Copied logs of a harness need nothing: the same entry is the same fact.
 */
import { closeSync, fstatSync, openSync, readSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { messageOf, systemCode, TtError } from '../shared/errors.ts';
import { parseMachineId, type MachineId } from '../shared/ids.ts';
import { HOOK_LINE_BYTES } from '../shared/limits.ts';
import type { Paths } from '../shared/paths.ts';
import { parseTimestamp, printTimestamp } from '../shared/timestamp.ts';
import { checkpointPaths, loadCheckpoint } from './checkpoint/checkpoint-files.ts';
import { isObject, parseEntry } from '../shared/json-line.ts';
import { readIdentity } from './identity.ts';

/** Machine → timestamp of the last line that is still that machine's; '' where none is. */
export type FormerMachines = ReadonlyMap<MachineId, string>;

const fileSchema = z.looseObject({ version: z.literal(1), machines: z.array(z.looseObject({ machine_id: z.string(), until: z.string() })) });

/** Throws `former_machines_invalid`. */
export function readFormerMachines(file: string): FormerMachines {
  const text = readFileIfExists(file);
  if (text === undefined) return new Map();
  try {
    return new Map(fileSchema.parse(JSON.parse(text)).machines.flatMap(({ machine_id, until }) => {
      const id = parseMachineId(machine_id);
      return id === undefined ? [] : [[id, until] as const];
    }));
  } catch (error) {
    throw new TtError('former_machines_invalid', `${file} can not be read: ${messageOf(error)}`, {
      hint: `correct it, or move it away: lines that name a machine this one was copied from are refused then`, cause: error,
    });
  }
}

type IdentityPaths = Pick<Paths, 'machineFile' | 'machineKeyFile' | 'formerMachinesFile' | 'checkpointDir' | 'dataDir'>;

/**
 * Sets identity and key aside; `init` makes new ones then. The caller holds the
 * agent's lock. Repeating it after a crash is safe. False: there was none.
 */
export function leaveIdentity(paths: IdentityPaths, nowMs: number): boolean {
  const identity = readIdentity(paths.machineFile);
  if (!identity) return false;
  const former = new Map(readFormerMachines(paths.formerMachinesFile)).set(identity.machineId, acknowledgedUntil(paths, nowMs));
  const machines = [...former].map(([machine_id, until]) => ({ machine_id, until }));
  writeFileAtomic(paths.formerMachinesFile, `${JSON.stringify({ version: 1, machines }, null, 2)}\n`);
  const suffix = `before-${printTimestamp(nowMs).replace(/[-:]/g, '').replace(/\.\d+/, '')}`;
  // The identity last: without it the next try would not know what to set aside.
  for (const file of [paths.machineKeyFile, paths.machineFile]) setAside(file, `${file}.${suffix}`);
  return true;
}

function setAside(file: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function acknowledgedUntil({ checkpointDir, dataDir }: IdentityPaths, nowMs: number): string {
  const { records } = loadCheckpoint(checkpointPaths(checkpointDir), nowMs);
  const own = [...records.values()].filter(({ path, offset }) => dirname(path) === dataDir && offset > 0);
  return own.map(({ path, offset }) => timestampBefore(path, offset)).reduce((a, b) => (a > b ? a : b), '');
}

/** Of the last line that ends at or before `offset`; '' where the file is gone, or says nothing. */
function timestampBefore(path: string, offset: number): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const end = Math.min(offset, fstatSync(fd).size);
    const bytes = Buffer.alloc(Math.min(end, 2 * HOOK_LINE_BYTES));
    readSync(fd, bytes, 0, bytes.length, end - bytes.length);
    const lines = bytes.toString('utf8').trimEnd().split('\n');
    const line = parseEntry(lines.at(-1) ?? '');
    const timestamp = line !== undefined && isObject(line) ? line['timestamp'] : undefined;
    return (typeof timestamp === 'string' ? parseTimestamp(timestamp) : undefined) ?? '';
  } catch {
    return '';
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
