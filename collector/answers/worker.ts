/** Entry of the thread that answers. `workerData` says what it reads. */
import { parentPort, workerData } from 'node:worker_threads';
import * as z from 'zod';
import { modelPriceSchema } from '../../shared/model-price.ts';
import { openAnswering } from './answer.ts';
import type { Asked } from './questions.ts';

const port = parentPort;
if (!port) throw new Error('worker.ts runs as a worker thread only');
const answering = openAnswering(z.object({
  database: z.string(), machineFile: z.string(), prices: z.record(z.string(), modelPriceSchema),
  archiveDir: z.string(), searchDatabase: z.string(), claudeDirs: z.array(z.string()),
}).parse(workerData));
const reply = async (asked: Asked): Promise<void> => port.postMessage(await answering.answer(asked));
port.on('message', (message: Asked | 'close') => {
  if (message !== 'close') {
    reply(message).catch((error: unknown) => {
      throw error;
    });
    return;
  }
  answering.close();
  port.close();
});
