/** The session that a command names, by its files. */
import type { CommandIo } from '../../shared/cli.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { namedSessionFile, type NamedFile } from '../session-files/named-session.ts';
import { machineNames, type MachineNames } from './machine-names.ts';

export interface NamedSession extends NamedFile {
  names: MachineNames;
}

/** Throws a usage error where no file of it is here, or where it could be several. */
export function namedSession(name: string, io: CommandIo): NamedSession {
  const paths = resolvePaths(io.environment, io.home);
  const names = machineNames(paths);
  return { ...namedSessionFile(name, { archiveDir: paths.archiveDir, claudeDirs: claudeConfigDirs(io.environment, io.home) }, names), names };
}
