/**
 * Who wins a fact: a function of the set of claims and of lineage, never of the
 * order of arrival (design §4). Pure.
 */
import type { Claim } from './claim.ts';

export interface OrderContext {
  enrolledAtMs(machine: number): number | null;
  machineId(machine: number): string;
  sessionId(session: number): string;
  /** Does `session` repeat or continue `other`'s history, over any number of steps? */
  descends(session: number, other: number): boolean;
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Earliest first, unknown last. */
function compareTimes(a: number | null, b: number | null): number {
  return compare(a ?? Infinity, b ?? Infinity);
}

/** Negative: `a` goes before `b`. Total over claims of one fact. */
export function compareClaims(a: Claim, b: Claim, context: OrderContext): number {
  return compareTimes(a.bornAt, b.bornAt)
    || compareTimes(context.enrolledAtMs(a.machine), context.enrolledAtMs(b.machine))
    || compare(context.machineId(a.machine), context.machineId(b.machine))
    || compare(context.sessionId(a.session), context.sessionId(b.session))
    || compare(a.at, b.at)
    || compare(a.discriminator, b.discriminator)
    || compare(a.kind, b.kind);
}

/** `claims` is not empty. A circle of lineage (damaged logs) makes nobody an heir: then all stay in. */
export function winnerOf<C extends Claim>(claims: readonly C[], context: OrderContext): C {
  const originals = claims.filter(
    (claim) => !claims.some((other) => other.session !== claim.session && context.descends(claim.session, other.session)),
  );
  const candidates = originals.length > 0 ? originals : claims;
  return candidates.reduce((best, claim) => (compareClaims(claim, best, context) < 0 ? claim : best));
}
