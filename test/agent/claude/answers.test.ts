// What a person decided stands in tool results, which are bulk for everything else: their words must come through.
import { describe, expect, it } from 'vitest';
import { extract, type Collected } from '../../support/extraction.ts';
import { Transcript } from '../../support/transcript.ts';

const REFUSED = "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file).";
const OLDER = `${REFUSED} To tell you how to proceed, the user said:\n`;
const NEWER = `${REFUSED} The user provided the following reason for the rejection:  `;

function answers(collected: Collected): unknown[] {
  return collected.ofType('user_message').map((event) => [event['kind'], event['text'], event['length']]);
}

/** A refused tool as versions print it that do not mark it otherwise. */
function refused(content: string): Collected {
  const log = new Transcript({ version: '2.1.39' });
  return extract([log.toolUse('toolu_1'), log.toolResult('toolu_1', content, { toolUseResult: `Error: ${content}` }, { is_error: true })]);
}

describe('what a person decided', () => {
  it('keeps its words beside a long question', () => {
    const log = new Transcript();
    const questions = [{ question: 'Which one?', options: [{ label: 'the second', preview: 'p'.repeat(6000) }] }];
    const collected = extract([
      log.toolUse('toolu_1', 'AskUserQuestion', { questions }),
      log.toolResult('toolu_1', `User has answered: ${'p'.repeat(6000)}`, { toolUseResult: { questions, answers: { 'Which one?': 'the second' } } }),
    ]);
    expect(answers(collected)).toEqual([['answer', 'the second', 10]]);
  });

  it.each([['older', OLDER], ['newer', NEWER]])('keeps the reason of a refusal in the %s wording, short or long', (_age, start) => {
    const long = `not there, ${'because '.repeat(900)}it is shared`;
    expect(answers(refused(`${start}use the other file`))).toEqual([['answer', 'use the other file', 18]]);
    expect(answers(refused(`${start}${long}`))).toEqual([['answer', expect.stringMatching(/^not there, because/), long.length]]);
  });

  it('is no longer than what the person said, whatever they quote and the harness adds', () => {
    const hint = "\n\nNote: The user's next message may contain a correction or preference. Pay close attention.";
    expect(answers(refused(`${OLDER}as the user said: no${hint}`))).toEqual([['answer', 'as the user said: no', 20]]);
    expect(answers(refused(`${REFUSED} STOP what you are doing.${hint}`))).toEqual([['answer', '', 0]]);
  });

  it('is not in a long output that only quotes it', () => {
    const output = `the log says: ${NEWER}no`.padEnd(9000, '.');
    const log = new Transcript();
    const collected = extract([log.toolUse('toolu_1'), log.toolResult('toolu_1', output, { toolUseResult: { stdout: `${output}"answers"` } }, { is_error: true })]);
    expect(answers(collected)).toEqual([]);
  });
});
