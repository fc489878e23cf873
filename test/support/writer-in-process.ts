import { MessageChannel } from 'node:worker_threads';
import type { Clock } from '../../shared/clock.ts';
import type { OpenStore } from '../../collector/writer/group-commit.ts';
import type { FromWriter } from '../../collector/writer/messages.ts';
import { openStore } from '../../collector/writer/open-store.ts';
import { runWriterLoop } from '../../collector/writer/writer-loop.ts';
import { createWriter, type Writer, type WriterChannel } from '../../collector/writer/writer.ts';

/** The writer's own loop on a message channel: everything but the thread. */
export function openWriterChannel(clock: Clock, open: () => OpenStore): WriterChannel {
  const { port1, port2 } = new MessageChannel();
  const ended = runWriterLoop({ port: port2, open, clock });
  return {
    post: (message, transfer) => port1.postMessage(message, transfer),
    onMessage: (listener) => port1.on('message', (message: FromWriter) => listener(message)),
    onExit: (listener) => {
      port1.on('close', () => listener(undefined));
      ended.catch((error: Error) => listener(error));
    },
  };
}

export function startWriterInProcess(clock: Clock, open: () => OpenStore): Writer {
  return createWriter(openWriterChannel(clock, open));
}

export function startTestWriter(clock: Clock, database: string): Writer {
  return startWriterInProcess(clock, () => openStore(database, clock));
}
