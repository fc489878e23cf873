/** Entry of the thread that keeps the search index. `workerData` says where. */
import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { systemClock } from '../../shared/clock.ts';
import { keepSearchIndex } from './upkeep.ts';

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread only');
const paths = z.object({ archiveDir: z.string(), searchDatabase: z.string(), searchLockFile: z.string() }).parse(workerData);
const stop = new AbortController();
port.on('message', () => stop.abort());
await keepSearchIndex({ paths, clock: systemClock, stop: stop.signal, onFailure: (message) => port.postMessage(message) });
port.close();
