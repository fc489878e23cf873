/** Which session is meant by `ID`, its first characters, or either with `@machine`: by its files. */
import { usageError, type CommandIo } from '../../shared/cli.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { chooseFile, type ChosenFile } from '../session-files/session-copies.ts';
import { findSessionFiles, sessionIdsWith, type SessionFile } from '../session-files/session-files.ts';
import { machineNames, type MachineNames } from './machine-names.ts';

export interface NamedSession extends ChosenFile {
  sessionId: string;
  names: MachineNames;
}

const SHORTEST_PREFIX = 4;
const NAMED = 5;

/** Throws a usage error where no file of it is here, or where it could be several. */
export function namedSession(name: string, io: CommandIo): NamedSession {
  const paths = resolvePaths(io.environment, io.home);
  const names = machineNames(paths);
  const roots = { archiveDir: paths.archiveDir, claudeDirs: claudeConfigDirs(io.environment, io.home) };
  const at = name.lastIndexOf('@');
  const [prefix, machine] = at === -1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
  const isThere = (file: SessionFile): boolean => machine === undefined || labelOf(file, names) === machine || file.machine === machine;
  const exact = findSessionFiles(prefix, roots).filter(isThere);
  const ids = exact.length > 0 ? [prefix] : prefix.length < SHORTEST_PREFIX ? [] : sessionIdsWith(prefix, roots);
  const found = ids.flatMap((id) => {
    const chosen = chooseFile(findSessionFiles(id, roots).filter(isThere));
    return chosen ? [{ sessionId: id, ...chosen }] : [];
  });
  const [only, other] = found;
  if (only === undefined) {
    throw usageError(`there is no file of a session called ${JSON.stringify(name)} here`, `sessions of other machines are here while they are archived: tt archive on LABEL; \`tt sessions\` lists all, give at least the first ${SHORTEST_PREFIX} characters`);
  }
  if (other === undefined) return { ...only, names };
  const several = found.slice(0, NAMED).map(({ sessionId }) => sessionId).join(', ');
  throw usageError(`${JSON.stringify(name)} could be ${several}${found.length > NAMED ? ' and more' : ''}`, 'give more of it');
}

/** Null: a file of this computer that belongs to no machine, since no agent has joined here. */
export function labelOf({ machine }: SessionFile, names: MachineNames): string | null {
  const id = machine ?? names.here;
  return id === null ? null : names.labelOf(id);
}
