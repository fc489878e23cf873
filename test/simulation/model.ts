/**
 * What must, what may and what must not be in the database, from what was
 * written and from what was promised.
 *
 * Must: every complete line of a file that is there in the end, and everything
 * that was acknowledged since the database was last taken away or put back.
 * May: whatever was ever written. Nothing else.
 */
import type { SliceReceipt } from '../../agent/feed.ts';
import type { LineageEdge, SessionState } from '../../shared/event.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { ClaimKey, Said } from './claims.ts';

export class Model {
  /** Everything any file ever said, with the births of the files that said it. */
  readonly allowed = new Map<ClaimKey, Set<number>>();
  readonly allowedEdges = new Set<string>();
  readonly allowedStates = new Set<string>();
  /** Said by an ack of the present database: never to be lost again. */
  acknowledged = new Set<ClaimKey>();
  /** How far each generation was ever acknowledged. */
  readonly acknowledgedTo = new Map<string, number>();
  /** What was read of each generation, by where the range ends. */
  readonly read = new Map<string, { to: number; keys: readonly ClaimKey[] }[]>();
  /** Changes whenever the database is taken away or put back. */
  databaseEpoch = 0;

  wrote(machineId: MachineId, said: Said, bornAt: number): void {
    for (const [key, event] of said.claims) {
      // Another machine's name in our log: the collector must refuse it.
      if (!event.id.startsWith(machineId)) continue;
      const births = this.allowed.get(key);
      if (births === undefined) this.allowed.set(key, new Set([bornAt]));
      else births.add(bornAt);
    }
    for (const edge of said.edges) this.allowedEdges.add(edgeKey(edge));
    for (const state of said.states) this.allowedStates.add(stateKey(state));
  }

  /** What is read again may be another content, as long as nobody had acknowledged the first. */
  readSlice({ gen, from, to }: SliceReceipt, keys: readonly ClaimKey[]): void {
    const before = (this.read.get(gen) ?? []).filter((slice) => slice.to <= from);
    this.read.set(gen, [...before, { to, keys }]);
  }

  /** An ack arrived; it counts only when the database that it speaks of is still the one. */
  promised({ gen, to }: SliceReceipt, keys: readonly ClaimKey[], epoch: number | undefined): void {
    this.acknowledgedTo.set(gen, Math.max(this.acknowledgedTo.get(gen) ?? 0, to));
    if (epoch !== this.databaseEpoch) return;
    for (const key of keys) this.acknowledged.add(key);
  }
}

export function edgeKey({ child, parent, via }: LineageEdge): string {
  return `${child} ${parent} ${via}`;
}

export function stateKey(state: Pick<SessionState, 'session_id' | 'key' | 'offset' | 'after' | 'value'>): string {
  return JSON.stringify([state.session_id, state.key, state.offset, state.after, state.value]);
}
