/** Which agent is connected, and what happens when one machine comes twice (design §6, clones). */
import type { InstanceId, MachineId } from '../../shared/ids.ts';
import type { GoodbyeCode } from '../../shared/protocol/frames.ts';

/** What this needs of a connection. */
export interface Peer {
  readonly machineId: MachineId;
  readonly instance: InstanceId;
  /** Does it answer a ping within 2 s? */
  isAlive(): Promise<boolean>;
  goodbye(code: GoodbyeCode, hint: string): void;
}

export interface Connections {
  /**
   * Asks for a place. Same instance, or an older connection that does not answer:
   * the newer one has it, and the older is told `replaced`. Else `clone_suspected`.
   */
  admit(newer: Peer): Promise<'admitted' | 'clone_suspected'>;
  /** The connection is over; no effect when another one has its place. */
  remove(peer: Peer): void;
  of(machineId: MachineId): Peer | undefined;
  all(): readonly Peer[];
}

export function createConnections(): Connections {
  const placed = new Map<MachineId, Peer>();
  /** One decision at a time per machine: two newcomers must not both find the place free. */
  const deciding = new Map<MachineId, Promise<unknown>>();

  const decide = async (newer: Peer): Promise<'admitted' | 'clone_suspected'> => {
    const older = placed.get(newer.machineId);
    if (older && older.instance !== newer.instance && (await older.isAlive())) return 'clone_suspected';
    const present = placed.get(newer.machineId);
    placed.set(newer.machineId, newer);
    present?.goodbye('replaced', 'a newer connection of this machine has taken over');
    return 'admitted';
  };

  return {
    admit(newer) {
      const turn = (deciding.get(newer.machineId) ?? Promise.resolve()).then(() => decide(newer));
      deciding.set(newer.machineId, turn);
      return turn.finally(() => {
        if (deciding.get(newer.machineId) === turn) deciding.delete(newer.machineId);
      });
    },
    remove(peer) {
      if (placed.get(peer.machineId) === peer) placed.delete(peer.machineId);
    },
    of: (machineId) => placed.get(machineId),
    all: () => [...placed.values()],
  };
}
