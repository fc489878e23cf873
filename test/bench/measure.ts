/** What the system says about a process, and rows of the one table. */
import { readFileSync } from 'node:fs';

const CLOCK_TICKS = 100;

/** User and system time of all its threads, in seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

function statusKiB(pid: number, key: string): number {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((each) => each.startsWith(`${key}:`));
  return Number(/\d+/.exec(line ?? '')?.[0] ?? Number.NaN);
}

/** Peak resident memory in MB (10^6 bytes). */
export function peakRss(pid: number): number {
  return (statusKiB(pid, 'VmHWM') * 1024) / 1e6;
}

export function rss(pid: number): number {
  return (statusKiB(pid, 'VmRSS') * 1024) / 1e6;
}

/** Bytes the process has asked the kernel to read, from anywhere. */
export function bytesRead(pid: number): number {
  return Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
}

export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 50);

export interface Row {
  name: string;
  measured: number | undefined;
  unit?: string;
  /** At most, or at least where `atLeast`. Absent: for information. */
  target?: number;
  atLeast?: boolean;
  note?: string;
}

export function isMissed({ measured, target, atLeast }: Row): boolean {
  if (measured === undefined || target === undefined) return false;
  return Number.isNaN(measured) || (atLeast === true ? measured < target : measured > target);
}

/** Rows of the parts that are wanted, one part after the other. `after`: whatever became of a part. */
export async function measureParts(
  parts: Readonly<Record<string, () => Row[] | Promise<Row[]>>>,
  { only, say, after }: { only: readonly string[] | undefined; say: (name: string) => void; after?: () => Promise<void> },
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (only !== undefined && !only.includes(name)) continue;
    say(name);
    try {
      rows.push(...await measure());
    } catch (error) {
      // The other parts are worth their time all the same.
      rows.push({ name: `${name} failed`, measured: Number.NaN, target: 0, note: error instanceof Error ? error.message : String(error) });
    } finally {
      await after?.();
    }
  }
  return rows;
}

export function printTable(rows: readonly Row[]): string {
  const number = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2));
  const cells = rows.map((row) => [
    row.name,
    row.measured === undefined ? '–' : `${number(row.measured)}${row.unit === undefined ? '' : ` ${row.unit}`}`,
    row.target === undefined ? '' : `${row.atLeast === true ? '≥' : '≤'} ${number(row.target)}`,
    row.measured === undefined ? 'skipped' : row.target === undefined ? '' : isMissed(row) ? 'MISS' : 'ok',
    row.note ?? '',
  ]);
  const all = [['what', 'measured', 'target', '', ''], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) => `${row.map((cell, column) => (column === 4 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()}\n`).join('');
}
