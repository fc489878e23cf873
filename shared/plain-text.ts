/**
 * Text of somebody else, for a terminal: no escape sequence, no line of its own,
 * nothing invisible. Paths, versions, titles and hints come from other machines,
 * some before they have proved who they are.
 */
export function toPlainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** The same for text that may have several lines, with tabs, which are layout. */
export function toVisibleLines(text: string): string {
  return text.split('\n').map((line) => line.split('\t').map(toPlainText).join('\t')).join('\n');
}

/** The same for text that may have several lines. */
export function toPlainLines(text: string): string {
  return text.split('\n').map(toPlainText).join('\n');
}
