/**
 * What is known of each machine's connection since this collector started: for
 * `tt status` and the page. Nothing here decides anything.
 */
import type { Clock } from '../../shared/clock.ts';
import type { MachineId } from '../../shared/ids.ts';
import type { HelloFrame, StatusFrame } from '../../shared/protocol/frames.ts';
import type { CommitSummary } from '../writer/messages.ts';

export interface LinkProblem {
  atMs: number;
  /** A goodbye or refusal code. */
  code: string;
  message: string;
}

export interface MachineLink {
  connected: boolean;
  /** Start of the present connection; null when there is none. */
  connectedSinceMs: number | null;
  /** Last time anything was heard; null before the first. */
  lastSeenMs: number | null;
  instance: string | null;
  endpoint: string | null;
  /** Of the last hello or status. */
  version: string | null;
  host: string | null;
  /** The agent's wall clock minus ours, ms, at the last status; includes half a round trip. */
  clockOffsetMs: number | null;
  /** Last status the agent sent; kept after it has gone, as of `statusAtMs`. */
  status: StatusFrame | null;
  statusAtMs: number | null;
  /** Why it is not connected, or last was not; null after a connection that worked. */
  problem: LinkProblem | null;
  /** Verdicts since this collector started. */
  stored: number;
  duplicate: number;
  refused: number;
  /** Greatest timestamp among events stored since this collector started. */
  lastEventAtMs: number | null;
}

export interface MachineLinks {
  /** Undefined: not heard of since this collector started. */
  get(machineId: MachineId): MachineLink | undefined;
  /** A machine's values changed. Returns the way to stop. */
  onChange(listener: (machineId: MachineId) => void): () => void;

  connected(machineId: MachineId, hello: HelloFrame, endpoint: string): void;
  heard(machineId: MachineId, status: StatusFrame): void;
  disconnected(machineId: MachineId, problem: Omit<LinkProblem, 'atMs'> | null): void;
  refused(machineId: MachineId, problem: Omit<LinkProblem, 'atMs'>): void;
  committed(summary: CommitSummary): void;
}

const UNHEARD: MachineLink = {
  connected: false, connectedSinceMs: null, lastSeenMs: null, instance: null, endpoint: null, version: null,
  host: null, clockOffsetMs: null, status: null, statusAtMs: null, problem: null, stored: 0, duplicate: 0, refused: 0,
  lastEventAtMs: null,
};

export function createMachineLinks(clock: Pick<Clock, 'now'>): MachineLinks {
  const links = new Map<MachineId, MachineLink>();
  const listeners = new Set<(machineId: MachineId) => void>();
  const update = (machineId: MachineId, change: Partial<MachineLink>): void => {
    links.set(machineId, { ...(links.get(machineId) ?? UNHEARD), ...change });
    for (const listener of listeners) listener(machineId);
  };
  return {
    get: (machineId) => links.get(machineId),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    connected(machineId, hello, endpoint) {
      const now = clock.now();
      const { instance, version, host } = hello;
      update(machineId, {
        connected: true, connectedSinceMs: now, lastSeenMs: now, instance, endpoint, version, host,
        clockOffsetMs: hello.clock - now, problem: null,
      });
    },
    heard(machineId, status) {
      const now = clock.now();
      update(machineId, {
        status, statusAtMs: now, lastSeenMs: now, version: status.version, clockOffsetMs: status.clock - now,
      });
    },
    disconnected(machineId, problem) {
      const now = clock.now();
      update(machineId, {
        connected: false, connectedSinceMs: null, lastSeenMs: now, problem: problem && { ...problem, atMs: now },
      });
    },
    refused: (machineId, problem) => update(machineId, { problem: { ...problem, atMs: clock.now() } }),
    committed(summary) {
      for (const { machineId, stored, duplicate, refused, lastEventAtMs } of summary.machines) {
        const link = links.get(machineId) ?? UNHEARD;
        update(machineId, {
          stored: link.stored + stored,
          duplicate: link.duplicate + duplicate,
          refused: link.refused + refused,
          lastEventAtMs: greater(link.lastEventAtMs, lastEventAtMs),
        });
      }
    },
  };
}

function greater(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
