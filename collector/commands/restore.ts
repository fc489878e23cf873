import { resolve } from 'node:path';
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { restoreArchive, type Restored } from '../control/archive.ts';
import { takeCollectorLock } from '../control/collector-lock.ts';

/** `tt collector restore FILE`: refuses while a collector runs. */
export async function restore(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const file = resolve(parsed.args[0] ?? '');
  const paths = resolvePaths(io.environment, io.home);
  const lock = takeCollectorLock(paths.collectorLockFile);
  try {
    const restored = restoreArchive(file, paths, io.clock.now());
    io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(toJson(restored))}\n` : toText(restored, paths.database));
  } finally {
    lock.release();
  }
  return EXIT_CODES.ok;
}

function toJson(restored: Restored): object {
  return { schema: 1, set_aside: restored.setAside, took_identity: restored.tookIdentity, took_machines: restored.tookMachines };
}

function toText({ setAside, tookIdentity, tookMachines }: Restored, database: string): string {
  return [
    `${database} is restored; agents send again what came after the backup`,
    ...(setAside === null ? [] : [`the database that was there is ${setAside} now`]),
    tookIdentity ? 'this is the collector of the backup now: its machines connect without joining again' : 'the identity that was here stays',
    tookMachines ? 'its machines are known here' : 'the machines that were known here stay',
  ].map((line) => `${line}\n`).join('');
}
