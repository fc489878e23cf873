/** Asks the person at the terminal whether it is to be done. */
import type { CommandIo } from '../../shared/cli.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { isPersonAt, readAnswer } from '../../shared/question.ts';

/** Only the whole word is a yes. Throws `not_confirmed` where nobody is there to be asked, `interrupted` after Ctrl-C. */
export async function isConfirmed(io: CommandIo, question: string, hint: string): Promise<boolean> {
  if (!isPersonAt(io.stdin)) throw new TtError('not_confirmed', `${question} Nobody is there to ask`, { hint, exitCode: EXIT_CODES.usage });
  return (await readAnswer(io, `${question} Type yes: `)).toLowerCase() === 'yes';
}
