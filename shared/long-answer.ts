/** Answers of any length on stdout: to a reader that may be slow, or leave. */
import type { CommandIo } from './cli.ts';
import { nextTurn } from './clock.ts';

/** Pieces are gathered to writes of about this many characters. */
const WRITE_CHARACTERS = 64 * 1024;

type AnswerIo = Pick<CommandIo, 'stdout' | 'stop'>;

/**
 * Prints piece by piece, the first at once, and no faster than they are taken, so that
 * the memory does not grow with the answer, and a reader that has left (`| head`) ends it.
 * False: it was stopped, and what was printed is not whole.
 */
export async function printPieces(pieces: Iterable<string>, io: AnswerIo): Promise<boolean> {
  let text = '';
  let enough = 1;
  for (const piece of pieces) {
    text += piece;
    if (text.length < enough) continue;
    io.stdout.write(text);
    text = '';
    enough = Math.min(WRITE_CHARACTERS, enough * 2);
    if (!(await hasRoom(io))) return false;
  }
  if (text !== '') io.stdout.write(text);
  return true;
}

/** Waits until more can be printed, and lets everybody else have a turn. False: it was stopped. */
export async function hasRoom({ stdout, stop }: AnswerIo): Promise<boolean> {
  if (stop.aborted) return false;
  let onStop = (): void => {};
  const stopped = new Promise<void>((resolve) => {
    onStop = resolve;
    stop.addEventListener('abort', onStop, { once: true });
  });
  await Promise.race([stdout.room?.() ?? nextTurn(), stopped]);
  stop.removeEventListener('abort', onStop);
  return !stop.aborted;
}
