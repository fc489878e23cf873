/**
 * Two files of one session, of two machines: what is to be done so that no entry
 * is lost? Files are compared as sets of entries, by uuid and what they say. Size, time and the last
 * line prove nothing: a session that was opened and closed again has grown, and
 * what a CLI writes last has no time.
 */

export interface LineFact {
  /** The uuid of an entry, else a hash of the line. */
  key: string;
  /** Of an entry with a uuid: a hash of what it says, without its directory and session; undefined: its key says it all. */
  said?: string;
  /** Something that was said or done; false for state without an identity of its own (titles, modes, snapshots). */
  isEntry: boolean;
  /** Ms since the epoch; undefined where the line has no time. */
  atMs: number | undefined;
}

/** What one side has that the other lacks. */
export interface OwnEntries {
  count: number;
  /** Names the first of them: stays the same while they grow. */
  first: string;
}

export type MergePlan =
  /** The held file has all that the offered one has. */
  | { kind: 'keep' }
  /**
   * The offered file has all entries of the held one, and more. `carry`: lines of the held
   * file without an identity that the offered one lacks; they go in front of its line `before`.
   */
  | { kind: 'take'; carry: readonly number[]; before: number }
  /** Both went on. `newest`: whose last time is later; where they are equal, or none has one, what is held. */
  | { kind: 'diverged'; newest: 'held' | 'offered'; held: OwnEntries; offered: OwnEntries };

export function planMerge(held: readonly LineFact[], offered: readonly LineFact[]): MergePlan {
  const [ownHeld, ownOffered] = [ownOf(held, offered), ownOf(offered, held)];
  if (ownHeld && ownOffered) {
    const newest = (lastMs(offered) ?? -Infinity) > (lastMs(held) ?? -Infinity) ? 'offered' : 'held';
    return { kind: 'diverged', newest, held: ownHeld, offered: ownOffered };
  }
  if (ownHeld) return { kind: 'keep' };
  const carry = statesOnlyIn(held, offered);
  if (ownOffered) return { kind: 'take', carry, before: commonLines(held, offered) };
  // The same entries: the held one stays, unless the other only adds lines to it.
  return carry.length === 0 && statesOnlyIn(offered, held).length > 0 ? { kind: 'take', carry: [], before: 0 } : { kind: 'keep' };
}

/** The latest time of a line that has one: lines are not in the order of time, and the last has often none. */
export function lastMs(lines: readonly LineFact[]): number | undefined {
  let last: number | undefined;
  for (const { atMs } of lines) if (atMs !== undefined && (last === undefined || atMs > last)) last = atMs;
  return last;
}

/** The same for copies of one entry. Two that have one uuid and say different things are two entries, of which none may be lost. */
export function identityOf({ key, said }: Pick<LineFact, 'key' | 'said'>): string {
  return said === undefined ? key : `${key} ${said}`;
}

function ownOf(lines: readonly LineFact[], others: readonly LineFact[]): OwnEntries | undefined {
  const entries = others.filter(({ isEntry }) => isEntry);
  const [known, uuids] = [new Set(entries.map(identityOf)), new Set(entries.map(({ key }) => key))];
  // Where the other has the uuid, too, it alone would name both.
  const own = new Set(lines.filter((line) => line.isEntry && !known.has(identityOf(line))).map((line) => (uuids.has(line.key) ? identityOf(line) : line.key)));
  const [first] = own;
  return first === undefined ? undefined : { count: own.size, first };
}

/** Such lines repeat, so they are counted. */
function statesOnlyIn(lines: readonly LineFact[], others: readonly LineFact[]): number[] {
  const left = new Map<string, number>();
  for (const { key, isEntry } of others) if (!isEntry) left.set(key, (left.get(key) ?? 0) + 1);
  return lines.flatMap(({ key, isEntry }, index) => {
    if (isEntry) return [];
    const count = left.get(key) ?? 0;
    left.set(key, count - 1);
    return count > 0 ? [] : [index];
  });
}

function commonLines(held: readonly LineFact[], offered: readonly LineFact[]): number {
  let count = 0;
  while (count < held.length && held[count]?.key === offered[count]?.key) count += 1;
  return Math.min(count, offered.length);
}
