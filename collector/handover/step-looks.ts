/** One look after another at which sessions are not in step, with what is remembered between them. */
import type { Clock } from '../../shared/clock.ts';
import type { SteppedSession } from '../../shared/step-document.ts';
import { rememberReading, type FileReading, type StepRoots, type Wished } from './in-step.ts';
import { stepMachine, type MachineStepDeps, type StepMachine, type Way } from './machine-step.ts';
import { StepMemory, type StepProblem } from './step-memory.ts';

export interface LookRequest {
  machine: StepMachine;
  wished: Wished;
  ways: readonly Way[];
  /** What this computer is called. */
  here: string;
  /** The first since it connected. */
  isFirst: boolean;
}

export interface Looked {
  /** What was done, and what failed. */
  moved: SteppedSession[];
  /** All that stands in the way now, also where it was not tried again. */
  problems: StepProblem[];
}

export interface StepLooksDeps extends Pick<MachineStepDeps, 'local' | 'remote' | 'stop'> {
  clock: Pick<Clock, 'now'>;
  roots: StepRoots;
  reading: FileReading;
}

/** Looks at different machines may run beside each other, those at one machine not. */
export type StepLook = (request: LookRequest) => Promise<Looked>;

const REMEMBERED_FILES = 20_000;

export function createStepLooks({ clock, reading, ...deps }: StepLooksDeps): StepLook {
  const memories = new Map<string, StepMemory>();
  const remembering = rememberReading(reading, REMEMBERED_FILES);
  return async ({ machine, wished, ways, here, isFirst }) => {
    const memory = memories.get(machine.id) ?? new StepMemory();
    memories.set(machine.id, memory);
    if (isFirst) memory.reconnected();
    const moved: SteppedSession[] = [];
    await stepMachine(machine, { wished, ways, isDryRun: false }, {
      ...deps, reading: remembering, here,
      isDue: ({ way }, file) => memory.isDue(way, file, clock.now()),
      onMoved(row, file) {
        memory.note(row, file, clock.now());
        moved.push(row);
      },
    });
    if (!deps.stop.aborted) memory.looked(ways, clock.now());
    return { moved, problems: memory.problems() };
  };
}
