/** Which session is meant by `ID`, its first characters, or either with `@machine`: by its files. */
import { usageError } from '../../shared/cli.ts';
import { chooseFile, type ChosenFile } from './session-copies.ts';
import { findSessionFiles, sessionIdsWith, type SessionFile, type SessionRoots } from './session-files.ts';

export interface FileOwners {
  labelOf(machineId: string): string;
  /** ID of this computer's own agent. */
  readonly here: string | null;
}

export interface NamedFile extends ChosenFile {
  sessionId: string;
}

const SHORTEST_PREFIX = 4;
const NAMED = 5;

/** Throws a usage error where no file of it is here, or where it could be several. */
export function namedSessionFile(name: string, roots: SessionRoots, owners: FileOwners, choose = chooseFile): NamedFile {
  const at = name.lastIndexOf('@');
  const [prefix, machine] = at === -1 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
  const isThere = (file: SessionFile): boolean => machine === undefined || ownerOf(file, owners) === machine || file.machine === machine;
  const exact = findSessionFiles(prefix, roots).filter(isThere);
  const ids = exact.length > 0 ? [prefix] : prefix.length < SHORTEST_PREFIX ? [] : sessionIdsWith(prefix, roots);
  const found = ids.flatMap((id) => {
    const chosen = choose(findSessionFiles(id, roots).filter(isThere));
    return chosen ? [{ sessionId: id, ...chosen }] : [];
  });
  const [only, other] = found;
  if (only === undefined) {
    throw usageError(`there is no file of a session called ${JSON.stringify(name)} here`, `sessions of other machines are here while they are archived: tt archive on LABEL; \`tt sessions\` lists all, give at least the first ${SHORTEST_PREFIX} characters`);
  }
  if (other === undefined) return only;
  const several = found.slice(0, NAMED).map(({ sessionId }) => sessionId).join(', ');
  throw usageError(`${JSON.stringify(name)} could be ${several}${found.length > NAMED ? ' and more' : ''}`, 'give more of it');
}

/** Its label; null: a file of this computer that belongs to no machine, since no agent has joined here. */
export function ownerOf({ machine }: SessionFile, { labelOf, here }: FileOwners): string | null {
  const id = machine ?? here;
  return id === null ? null : labelOf(id);
}
