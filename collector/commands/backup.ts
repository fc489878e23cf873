import { resolve } from 'node:path';
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { noteBackup } from '../last-backup.ts';
import { openControl } from '../control/open-control.ts';
import { acceptBackup } from '../store/backup.ts';

/** `tt collector backup FILE`: of a running collector as well, without stopping it. */
export async function backup(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const file = resolve(parsed.args[0] ?? '');
  const paths = resolvePaths(io.environment, io.home);
  const sealed = `${file}.unchecked`;
  const { bytes } = await openControl(paths, io.clock).call('backup', { file: sealed });
  // Here and not by the collector, which goes on storing meanwhile.
  acceptBackup(sealed, file);
  noteBackup(paths.lastBackupFile, { file, atMs: io.clock.now() });
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: 1, file, bytes })}\n`
    : `${file}: ${bytes} bytes, checked. It holds this collector's private key: keep it as you keep one.\n`);
  return EXIT_CODES.ok;
}
