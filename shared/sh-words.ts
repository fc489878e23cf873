/** In single quotes a POSIX shell takes every character for itself but a single quote. */
export function quoteForSh(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
