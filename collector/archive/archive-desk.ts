/**
 * What connected agents mirror, onto the disk. Nothing of it goes through the
 * database: what lies in the archive is the authority on what is archived.
 */
import type { MachineId } from '../../shared/ids.ts';
import type { CollectorFrame } from '../../shared/protocol/frames.ts';
import { MachineDesk, type ArchiveSession, type MachineDeskDeps } from './machine-desk.ts';
import type { MachineRegistry } from '../enrolment/machine-registry.ts';

export interface ArchiveDeskDeps extends MachineDeskDeps {
  registry: Pick<MachineRegistry, 'byId' | 'onChange'>;
}

export interface ArchiveDesk {
  open(machineId: MachineId, send: (frame: CollectorFrame) => void): ArchiveSession;
  /** Has the agent hash these; undefined when it is not connected or does not answer. */
  audit(machineId: MachineId, files: { name: string; size: number }[]): Promise<(string | null)[] | undefined>;
  /** Puts archived files aside, so that they are sent again; answers how many. */
  sendAgain(machineId: MachineId, names: readonly string[]): Promise<number>;
  /** Is an agent connected that can `archive`? */
  isServed(machineId: MachineId): boolean;
  /** Why nothing is taken at present. */
  problem(machineId: MachineId): string | null;
  /** Called each time something has reached the disk. */
  onStored(listener: () => void): void;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

export function createArchiveDesk(deps: ArchiveDeskDeps): ArchiveDesk {
  const { registry } = deps;
  const machines = new Map<MachineId, MachineDesk>();
  const listeners: (() => void)[] = [];
  const onStored = (): void => listeners.forEach((listener) => listener());
  const deskOf = (machineId: MachineId): MachineDesk => {
    const desk = machines.get(machineId) ?? new MachineDesk(machineId, deps, onStored);
    machines.set(machineId, desk);
    return desk;
  };
  registry.onChange(({ machineId }) => machines.get(machineId)?.wish());
  return {
    open: (machineId, send) => deskOf(machineId).open(send),
    audit: (machineId, files) => deskOf(machineId).audit(files),
    sendAgain: (machineId, names) => deskOf(machineId).sendAgain(names),
    isServed: (machineId) => machines.get(machineId)?.isServed ?? false,
    problem: (machineId) => machines.get(machineId)?.problem ?? null,
    onStored: (listener) => void listeners.push(listener),
    async idle() {
      await Promise.all([...machines.values()].map((desk) => desk.idle()));
    },
  };
}
