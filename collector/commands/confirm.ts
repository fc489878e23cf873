/** Asks the person at the terminal. */
import type { CommandIo } from '../../shared/cli.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';

/** Only the whole word is a yes. Throws `not_confirmed` where nobody is there to be asked. */
export async function isConfirmed(io: CommandIo, question: string, hint: string): Promise<boolean> {
  if (!('isTTY' in io.stdin && io.stdin.isTTY === true)) {
    throw new TtError('not_confirmed', `${question} Nobody is there to ask`, { hint, exitCode: EXIT_CODES.usage });
  }
  io.stderr.write(`${question} Type yes: `);
  for await (const chunk of io.stdin as AsyncIterable<Buffer | string>) return String(chunk).trim().toLowerCase() === 'yes';
  return false;
}
