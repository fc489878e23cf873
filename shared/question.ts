/** A question to the person at the terminal: the one way to ask, so that Ctrl-C ends every one of them. */
import type { Readable } from 'node:stream';
import type { CommandIo } from './cli.ts';
import { EXIT_CODES, TtError } from './errors.ts';

/** What is answered is a word, a number, a code. */
const LONGEST_BYTES = 1024;

export function isPersonAt(stdin: Readable): boolean {
  return 'isTTY' in stdin && stdin.isTTY === true;
}

/**
 * The first line of stdin, without blanks around it; '' where there is none.
 * `question` is printed where a person sees it. Throws `interrupted` (exit code
 * 130) when they stop it instead: a caller does nothing before it has the answer.
 */
export function readAnswer({ stdin, stderr, stop }: Pick<CommandIo, 'stdin' | 'stderr' | 'stop'>, question: string): Promise<string> {
  const isPerson = isPersonAt(stdin);
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const leave = (): void => {
      stdin.off('data', take).off('end', finish).off('error', fail);
      stop.removeEventListener('abort', interrupt);
      // Paused, it keeps no process alive and has the next question's answer; a destroyed one has none.
      stdin.pause();
    };
    const finish = (): void => {
      leave();
      resolve((answer.toString('utf8').split('\n')[0] ?? '').trim());
    };
    const fail = (error: Error): void => {
      leave();
      reject(error);
    };
    const take = (chunk: Buffer | string): void => {
      answer = Buffer.concat([answer, Buffer.from(chunk)]);
      if (answer.includes('\n') || answer.length > LONGEST_BYTES) finish();
    };
    const interrupt = (): void => {
      // Behind the ^C that the terminal shows.
      if (isPerson) stderr.write('\n');
      fail(new TtError('interrupted', 'stopped at the question; nothing was done', { hint: 'the same command asks again', exitCode: EXIT_CODES.interrupted }));
    };
    if (isPerson) stderr.write(question);
    stop.addEventListener('abort', interrupt, { once: true });
    if (stop.aborted) return interrupt();
    if (stdin.readableEnded) return finish();
    stdin.on('data', take).on('end', finish).on('error', fail);
    stdin.resume();
  });
}
