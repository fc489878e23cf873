/** `tt recompute`: times of streams are never stored, so only what is derived from events is made again. */
import { flag, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { plural } from '../../shared/status-words.ts';
import type { Control, ControlResponse } from '../control/control-methods.ts';
import { openControl } from '../control/open-control.ts';
import { derivedWords } from './rebuild.ts';

export async function recompute(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const counts = await deriveInSteps(openControl(paths, io.clock), io);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify({ schema: 1, ...counts })}\n`
    : `derived again from ${plural(counts.events, 'event')}: ${derivedWords(counts)}, and all times.\n`
      + 'Times of streams need no recomputing: they follow what is assigned the moment it is said (tt streams).\n');
  return EXIT_CODES.ok;
}

/** Stopped in between, every row is as it was or right. */
async function deriveInSteps(control: Control, { stderr }: CommandIo): Promise<NonNullable<ControlResponse<'recompute.step'>['counts']>> {
  let told = -10;
  const tell = (share: number): void => {
    const percent = Math.floor(share * 100);
    if (stderr.isTTY ? percent <= told : percent < told + 10) return;
    told = stderr.isTTY ? percent : percent - (percent % 10);
    const words = `deriving sessions, usage and times again: ${percent} %`;
    stderr.write(stderr.isTTY ? `\r${words} ` : `${words}\n`);
  };
  tell(0);
  for (let place: ControlResponse<'recompute.step'>['place'] = null; ;) {
    const answer: ControlResponse<'recompute.step'> = await control.call('recompute.step', { place });
    if (answer.counts !== null) {
      if (stderr.isTTY) stderr.write('\r\x1b[K');
      return answer.counts;
    }
    tell(answer.share);
    place = answer.place;
  }
}
