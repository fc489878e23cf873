/** Entry of the thread that keeps sessions in step. `workerData` says for whom. */
import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { readFiles } from './in-step.ts';
import { localReceiver, openRemoteReceiver } from './receiver.ts';
import { createStepLooks } from './step-looks.ts';
import type { FromStepWorker, ToStepWorker } from './step-thread.ts';

const port = parentPort;
if (!port) throw new Error('step-worker.ts runs as a worker thread only');
const { home, environment, program } = z.object({
  home: z.string(), environment: z.record(z.string(), z.string().optional()), program: z.object({ node: z.string(), file: z.string() }),
}).parse(workerData);
const stop = new AbortController();
const io = { home, environment, program, clock: systemClock, stop: stop.signal };
const look = createStepLooks({
  clock: systemClock, reading: readFiles, stop: stop.signal,
  roots: { archiveDir: resolvePaths(environment, home).archiveDir, claudeDirs: claudeConfigDirs(environment, home), home },
  local: () => localReceiver(io),
  remote: (host) => openRemoteReceiver(host, io),
});
const running = new Set<Promise<void>>();
const say = (message: FromStepWorker): void => port.postMessage(message);

port.on('message', (message: ToStepWorker) => {
  if (message === 'close') {
    stop.abort();
    Promise.all(running).then(() => port.close(), () => port.close());
    return;
  }
  const { id, request } = message;
  const done: Promise<void> = look(request)
    .then((looked) => say({ id, looked }), (error: unknown) => say({ id, failure: messageOf(error) }))
    .finally(() => running.delete(done));
  running.add(done);
});
