/** Of the files that there are of one session, on several machines: which has most of it, and what do others have of their own? */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { readLines } from '../../shared/session-file/file-lines.ts';
import { lastMs, planMerge, type LineFact } from '../../shared/session-file/merge.ts';
import type { SessionFile } from './session-files.ts';

export interface ChosenFile {
  file: SessionFile;
  /** Files that have entries which this one lacks. */
  others: { file: SessionFile; entries: number }[];
}

/** Undefined: there is none. Among those that went on each for itself the newest. */
export function chooseFile(files: readonly SessionFile[]): ChosenFile | undefined {
  const [first, ...rest] = files;
  if (first === undefined) return undefined;
  if (rest.length === 0) return { file: first, others: [] };
  const read = files.map((file) => ({ file, lines: factsOf(file.path) }));
  const best = read.reduce((a, b) => {
    const plan = planMerge(a.lines, b.lines);
    return plan.kind === 'take' || (plan.kind === 'diverged' && (lastMs(b.lines) ?? -Infinity) > (lastMs(a.lines) ?? -Infinity)) ? b : a;
  });
  const others = read.flatMap(({ file, lines }) => {
    const plan = planMerge(best.lines, lines);
    return plan.kind === 'diverged' ? [{ file, entries: plan.offered.count }] : [];
  });
  return { file: best.file, others };
}

export function factsOf(path: string): LineFact[] {
  const fd = openSync(path, 'r');
  try {
    return readLines(fd, fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}
