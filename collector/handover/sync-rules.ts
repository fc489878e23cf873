/** What the rules of the configuration say of one machine. */
import type { SyncRule } from '../../shared/config.ts';
import { parseRepositoryWish, type RepositoryWish } from '../../shared/session-file/repository-wish.ts';
import type { Wished } from './in-step.ts';

const DAY_MS = 86_400_000;
/** Written so lately that it may go on at any moment. */
const QUIET_MS = 60_000;

export function wishesOf(repositories: readonly string[]): RepositoryWish[] {
  return repositories.flatMap((text) => parseRepositoryWish(text) ?? []);
}

/** Undefined: no rule names it. */
export function wishedBy(rules: readonly SyncRule[], label: string, nowMs: number): Wished | undefined {
  const any = rules.filter((rule) => namesMachine(rule, label)).map(({ repositories, days }) => ({ sinceMs: nowMs - days * DAY_MS, repositories: wishesOf(repositories) }));
  return any.length === 0 ? undefined : { any, quietSinceMs: nowMs - QUIET_MS };
}

export function namesMachine({ machines }: Pick<SyncRule, 'machines'>, label: string): boolean {
  return machines.includes('*') || machines.includes(label);
}
