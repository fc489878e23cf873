/** How a command reaches the collector's state: through the running collector, or under its lock. */
import { existsSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import type { Paths } from '../../shared/paths.ts';
import { openMachineRegistry } from '../enrolment/machine-registry.ts';
import { databaseMissing } from '../store/database.ts';
import type { WriterCalls, WriterMethod } from '../writer/messages.ts';
import { openStore } from '../writer/open-store.ts';
import type { WriterPort } from '../writer/writer.ts';
import { takeCollectorLock } from './collector-lock.ts';
import { createControlClient, isNotRunning } from './control-client.ts';
import type { Control, ControlHandlers, ControlMethod, ControlRequest, ControlResponse } from './control-methods.ts';
import { createControlHandlers } from './handlers.ts';

/**
 * Calls the running collector; where none runs, takes the lock, does the work
 * and releases it. What only reads takes no lock. Methods that only a running
 * collector can answer throw `collector_not_running`.
 */
export function openControl(paths: Paths, clock: Pick<Clock, 'now' | 'monotonic'>): Control {
  const remote = createControlClient(paths.controlSocket);
  return {
    async call(method, request) {
      try {
        return await remote.call(method, request);
      } catch (error) {
        if (!isNotRunning(error)) throw error;
        return await callHere(paths, clock, method, request);
      }
    },
  };
}

/** On a home where nothing was ever collected these must not make a database first. */
const ABOUT_WHAT_IS_THERE: ReadonlySet<ControlMethod> = new Set(['backup', 'rebuild', 'recompute.step', 'forget.compact', 'machines.rewind', 'gaps.accept']);

/** Answered by files that are replaced whole, so also while a command writes. */
const READING: ReadonlySet<ControlMethod> = new Set(['machines.list', 'tunnels.list', 'archive.list', 'archive.audit']);

async function callHere<M extends ControlMethod>(
  paths: Paths, clock: Pick<Clock, 'now' | 'monotonic'>, method: M, request: ControlRequest<M>,
): Promise<ControlResponse<M>> {
  const lock = READING.has(method) ? undefined : takeCollectorLock(paths.collectorLockFile);
  const writer = createLocalWriter(paths.database, clock, { mayCreate: !ABOUT_WHAT_IS_THERE.has(method) });
  try {
    const registry = openMachineRegistry(paths.machinesFile);
    const handlers: ControlHandlers = createControlHandlers({ clock, registry, paths, writer, live: undefined });
    return await handlers[method](request);
  } finally {
    writer.close();
    lock?.release();
  }
}

/** The writer's calls in this thread; the database is opened by the first of them. */
function createLocalWriter(
  database: string, clock: Pick<Clock, 'now' | 'monotonic'>, { mayCreate }: { mayCreate: boolean },
): Pick<WriterPort, 'call'> & { close(): void } {
  let store: ReturnType<typeof openStore> | undefined;
  return {
    async call<M extends WriterMethod>(method: M, ...args: WriterCalls[M]['args']): Promise<WriterCalls[M]['result']> {
      if (!mayCreate && !existsSync(database)) throw databaseMissing(database);
      store ??= openStore(database, clock);
      return (await store.committer.call(method, args)) as WriterCalls[M]['result'];
    },
    close: () => store?.close(),
  };
}
