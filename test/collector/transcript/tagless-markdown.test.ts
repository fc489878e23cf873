import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taglessMarkdown } from '../../../collector/transcript/tagless-markdown.ts';

const IMG = '<img src=x onerror=alert(1)>';
const ESCAPED = '&lt;img src=x onerror=alert(1)>';
const lines = (...all: string[]): string => all.join('\n');

describe('Markdown of somebody else', () => {
  it.each([
    ['in a numbered list', '1. x'],
    ['in a list', '- x'],
  ])('a fence %s is written at the first column: what is in it is code however a renderer counts blanks', (_where, item) => {
    for (const indent of [' ', '  ', '   ', '     ', '\t']) {
      expect(taglessMarkdown(lines(item, `${indent}\`\`\``, IMG, `${indent}\`\`\``, IMG))).toBe(lines(item, '```', IMG, '```', ESCAPED));
    }
  });

  it('code that is fenced in a list keeps its own indent', () => {
    expect(taglessMarkdown(lines('1. do', '   ~~~sh', '   if a', '     b', ' c', '   ~~~', '2. so'))).toBe(lines('1. do', '~~~sh', 'if a', '  b', 'c', '~~~', '2. so'));
  });

  it('a fence on the line of its mark is written below it', () => {
    expect(taglessMarkdown(lines('text', '- ```', '  <b>', '  ```', IMG))).toBe(lines('text', '', '-', '```', '<b>', '```', ESCAPED));
    expect(taglessMarkdown(lines('1. - ~~~', IMG))).toBe(lines('', '1. -', '~~~', IMG, '~~~'));
  });

  it.each([
    ['of fewer signs', '````', '```'],
    ['of other signs', '```', '~~~'],
    ['with words behind it', '```', '``` x'],
    ['indented as code', '```', '    ```'],
    ['indented by a tab', '```', '\t```'],
  ])('a fence %s ends nothing; one left open is closed', (_what, open, other) => {
    expect(taglessMarkdown(lines(open, other, IMG))).toBe(lines(open, other, IMG, open));
  });

  it.each([
    ['a quote', lines('> ```', `> ${IMG}`, '> ```'), lines('> ```', `> ${ESCAPED}`, '> ```')],
    ['code by indentation', `    ${IMG}`, `    ${ESCAPED}`],
    ['code in a line', `\`${IMG}\``, `\`${ESCAPED}\``],
    ['code over lines', lines('``a', IMG, 'b``'), lines('``a', ESCAPED, 'b``')],
    ['a run that is no fence for the grave accent behind it', lines('```a`', IMG, '```a`'), lines('```a`', ESCAPED, '```a`')],
    ['a run that a backslash takes apart', lines('\\```', IMG), lines('\\```', ESCAPED)],
    ['a run behind a blank that is none', lines('\u00a0```', IMG), lines('\u00a0```', ESCAPED)],
    ['a comment, a declaration, an instruction and an end', '<!-- <!A <?x </p>', '&lt;!-- &lt;!A &lt;?x &lt;/p>'],
    ['the words of a fence', lines('~~~ ` <b>', 'a < b', '~~~'), lines('~~~ ` &lt;b>', 'a < b', '~~~')],
  ])('%s is no fenced code', (_what, text, written) => {
    expect(taglessMarkdown(text)).toBe(written);
  });

  it('of any pieces, tags stand only between fences of the first column, and no fence is left open', () => {
    const piece = fc.constantFrom('', ' ', '   ', '    ', '\t', '- ', '1. ', '> ', '```', '````', '~~~', '`', 'a', IMG, '\n', '\n', '\n');
    fc.assert(fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      let fence = '';
      const wrong = taglessMarkdown(pieces.join('')).split('\n').filter((line) => {
        const [run = ''] = /^ {0,3}(?:`{3,}(?=[^`]*$)|~{3,})/.exec(line) ?? [];
        const [isOpening, isEnd] = [fence === '' && run !== '', fence !== '' && run.trim().startsWith(fence) && run.length === line.trimEnd().length];
        const isCode = fence !== '' && !isEnd;
        if (isOpening || isEnd) fence = isEnd ? '' : run;
        return (isOpening && line.startsWith(' ')) || (!isCode && /<(?=[A-Za-z/!?])/.test(line));
      });
      expect([wrong, fence]).toEqual([[], '']);
    }));
  });
});
