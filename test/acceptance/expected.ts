// The table of a corpus: a Markdown table whose header begins with `folder`, one row per folder.
export type Counts = Record<string, number>;

export function parseExpected(readme: string): Map<string, Counts> {
  const rows = readme.split('\n').filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
  const at = rows.findIndex((row) => row[0] === 'folder');
  const header = rows[at] ?? [];
  const expected = new Map<string, Counts>();
  for (const row of at === -1 ? [] : rows.slice(at + 2)) {
    const counts = header.slice(1).map((name, index): [string, number] => [name, Number(row[index + 1])]);
    expected.set(row[0] ?? '', Object.fromEntries(counts));
  }
  return expected;
}
