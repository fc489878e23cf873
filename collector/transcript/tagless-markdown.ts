/**
 * Markdown that somebody else wrote, as a part of a document of ours.
 *
 * Guarantee: for a renderer of CommonMark nothing in it is HTML, and it leaves
 * no block of its own open. `<` stays as it is only in fenced code, and each
 * fence is written at the first column, where it ends every list and quote:
 * whether a line is in it depends on nothing that renderers read differently.
 *
 * Limits: code that was fenced within a list stands after it, and of a list
 * that goes on a new one begins; in a quote, in a line or by indentation `<`
 * of code is shown as `&lt;`.
 */
const OPENING_FENCE = /^((?:[ \t]|(?:[-+*]|\d{1,9}[.)])[ \t])*)(?:(`{3,})([^`]*)|(~{3,})(.*))$/;
const CLOSING_FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*$/;

interface Fence {
  run: string;
  /** What its lines have in front of the code. */
  indent: string;
}

export function taglessMarkdown(text: string): string {
  const written: string[] = [];
  let fence: Fence | undefined;
  for (const line of text.split('\n')) {
    if (fence) {
      const code = withoutIndent(line, fence.indent);
      const isEnd = CLOSING_FENCE.exec(code)?.[1]?.startsWith(fence.run) === true;
      written.push(isEnd ? fence.run : code);
      if (isEnd) fence = undefined;
      continue;
    }
    const [, before = '', ticks, language = '', tildes = '', words = ''] = OPENING_FENCE.exec(line) ?? [];
    const run = ticks ?? tildes;
    if (run === '') {
      written.push(escapeTags(line));
      continue;
    }
    fence = { run, indent: before.replace(/[^\t]/g, ' ') };
    // A mark alone on its line would make a heading of the line before.
    if (before.trim() !== '') written.push('', before.trimEnd());
    written.push(`${run}${escapeTags(language + words)}`);
  }
  return [...written, ...(fence ? [fence.run] : [])].join('\n');
}

function escapeTags(line: string): string {
  return line.replace(/<(?=[A-Za-z/!?])/g, '&lt;');
}

/** As much of the indent as the line has. */
function withoutIndent(line: string, indent: string): string {
  let length = 0;
  while (length < indent.length && line[length] === indent[length]) length += 1;
  return line.slice(length);
}
