/** Which thing `tt forget NAME` means: a session, a project's directory or a machine. */
import { usageError } from '../../shared/cli.ts';
import type { MachineRegistry } from '../enrolment/machine-registry.ts';
import type { Database } from '../store/database.ts';
import { knownMachine, knownSessions } from '../store/forget-scope.ts';
import { readTombstones, type ForgetScope, type ForgetTarget } from '../store/tombstones.ts';

const SHORTEST_SESSION = 4;

export interface TargetContext {
  database: Database;
  registry: Pick<MachineRegistry, 'byLabel'>;
  home: string;
}

/** Throws a usage error for what is not known, or could be more than one thing. */
export function parseTarget(name: string, scope: ForgetScope | undefined, context: TargetContext): ForgetTarget {
  if (scope === 'project' || (scope === undefined && /^[/~]/.test(name))) return { scope: 'project', value: toDirectory(name, context.home) };
  const found = [
    ...(scope === 'session' ? [] : machinesCalled(name, context)),
    ...(scope === 'machine' ? [] : sessionsCalled(name, context)),
  ];
  const [only, other] = found;
  if (only === undefined) {
    throw usageError(`nothing here is called ${JSON.stringify(name)}`, 'give the ID of a session (its first characters are enough), a label of `tt machines`, or the path of a directory');
  }
  if (other !== undefined) {
    const names = found.slice(0, 5).map((target) => `${target.scope} ${target.value}`).join(', ');
    throw usageError(`${JSON.stringify(name)} could be ${names}`, 'give more of it, or say which: --as session or --as machine');
  }
  return only;
}

function toDirectory(path: string, home: string): string {
  const absolute = /^~(\/|$)/.test(path) ? home + path.slice(1) : path;
  const directory = absolute.replace(/\/+$/, '');
  if (absolute.startsWith('/') && directory !== '') return directory;
  throw usageError(`${JSON.stringify(path)} is not the path of a project`, 'give an absolute path below /, as its machine knows it');
}

function machinesCalled(name: string, { database, registry }: TargetContext): ForgetTarget[] {
  const value = registry.byLabel(name)?.machineId ?? knownMachine(database, name) ?? tombstone(database, 'machine', name)?.value;
  return value === undefined ? [] : [{ scope: 'machine', value }];
}

function sessionsCalled(name: string, { database }: TargetContext): ForgetTarget[] {
  const forgotten = readTombstones(database).filter(({ scope }) => scope === 'session').map(({ value }) => value);
  const known = [...new Set([...knownSessions(database, name), ...forgotten.filter((value) => value.startsWith(name))])];
  const exact = known.filter((value) => value === name);
  const meant = exact.length > 0 ? exact : name.length >= SHORTEST_SESSION ? known : [];
  return meant.map((value) => ({ scope: 'session', value }));
}

function tombstone(database: Database, scope: ForgetScope, value: string): ForgetTarget | undefined {
  return readTombstones(database).find((stone) => stone.scope === scope && stone.value === value);
}
