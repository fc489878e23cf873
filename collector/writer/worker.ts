/** Entry of the writer's thread. `workerData.database` is the path of the database. */
import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { openStore } from './open-store.ts';
import { runWriterLoop } from './writer-loop.ts';

const { database } = z.object({ database: z.string() }).parse(workerData);
if (!parentPort) throw new Error('worker.ts runs as a worker thread only');
await runWriterLoop({
  port: parentPort,
  clock: systemClock,
  open: () => openStore(database, systemClock),
});
