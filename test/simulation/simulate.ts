/** A seed from its first action to its verdict, and the shortest list of actions that still fails. */
import { messageOf } from '../../shared/errors.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { chooseActions, perform, type Action } from './actions.ts';
import { World } from './world.ts';

export interface Outcome {
  seed: number;
  actions: readonly Action[];
  /** Undefined: all was well. */
  problem: string | undefined;
  trace: readonly string[];
  /** Of every frame that was sent and of when: equal only for equal histories. */
  digest: string;
}

const MIN_ACTIONS = 20;
const MAX_ACTIONS = 50;

export function actionsOf(seed: number): Action[] {
  const random = seededRandom(seed);
  return chooseActions(random, random.between(MIN_ACTIONS, MAX_ACTIONS));
}

export async function simulate(seed: number, actions: readonly Action[] = actionsOf(seed)): Promise<Outcome> {
  const world = await World.open(seed, 1 + (seed % 3));
  try {
    for (const action of actions) await perform(world, action);
    await world.settle({ isLast: true });
    return { seed, actions, problem: undefined, trace: world.trace, digest: world.digest() };
  } catch (error) {
    const problem = error instanceof Error && error.constructor === Error ? `${error.stack}` : messageOf(error);
    return { seed, actions, problem, trace: world.trace, digest: world.digest() };
  } finally {
    world.close();
  }
}

/** Leaves out actions, first many at once, as long as it fails in the same way. */
export async function shrink(failed: Outcome, limitRuns = 400): Promise<Outcome> {
  let best = failed;
  let runs = 0;
  const kind = kindOf(failed);
  for (let size = Math.ceil(best.actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.actions.length && runs < limitRuns;) {
      const fewer = best.actions.toSpliced(at, size);
      runs += 1;
      const outcome = await simulate(failed.seed, fewer);
      if (kindOf(outcome) === kind) best = outcome;
      else at += size;
    }
  }
  return best;
}

/** Words of a problem without what differs from run to run. */
function kindOf({ problem }: Outcome): string | undefined {
  return problem?.replaceAll(/[0-9a-f-]{8,}|\d+/g, '#').slice(0, 24);
}
