/**
 * What must, may and must not be in the database, from what was written alone.
 *
 * A line is its facts and the place of its newline; nothing here reads a log as
 * the product does.
 *
 * Must: complete lines of files that are there; those of deleted files that the
 * agent once had a second name for; and whatever was seen in this database.
 * May: everything that was ever written, and what was cut off before it was seen.
 * Nothing else, and nothing twice.
 */

export interface WrittenLine {
  /** Offset behind its newline. */
  end: number;
  facts: readonly string[];
  /** Does a session's file start with it? */
  starts: boolean;
}

/** One life of one file: from its creation to its deletion, through all renames and cuts. */
export interface Log {
  path: string;
  /** All it ever had. */
  readonly paths: Set<string>;
  lines: WrittenLine[];
  size: number;
  /** A line whose first part is written. */
  torn: { rest: Buffer; facts: readonly string[]; starts: boolean } | undefined;
  /** Its agent has read it while it was there, so a second name of it exists. */
  isHeld: boolean;
  /** Since everything was read last: something that tells a fact; a cut. */
  wasWritten: boolean;
  wasCut: boolean;
}

export function newLog(path: string): Log {
  return { path, paths: new Set([path]), lines: [], size: 0, torn: undefined, isHeld: false, wasWritten: false, wasCut: false };
}

export interface DeclaredGap {
  machineId: string;
  path: string;
  from: number;
  to: number;
  reason: string;
}

interface Destroyed {
  paths: ReadonlySet<string>;
  from: number;
  to: number;
}

/** What one machine's files say. */
export class MachineOwed {
  readonly logs = new Set<Log>();
  /** Of deleted files, in `kept/` of the agent. */
  #held = new Map<string, string>();
  readonly #heldLogs: Log[] = [];
  readonly #destroyed: Destroyed[] = [];
  /** What was read in this round was perhaps read a week ago. */
  #weekPassed = false;
  readonly #everything: EverythingWritten;
  /** False where `kept/` lies on another file system than the logs: only what is not acknowledged yet is kept there, as a copy. */
  readonly canHold: (path: string) => boolean;

  constructor(everything: EverythingWritten, canHold: (path: string) => boolean) {
    this.#everything = everything;
    this.canHold = canHold;
  }

  /** Before the bytes are written: what is stored is part of it at every moment. */
  willSay(facts: readonly string[]): void {
    for (const fact of facts) this.#everything.said(fact);
  }

  renamed(log: Log, path: string): void {
    log.path = path;
    log.paths.add(path);
  }

  /** `to` is the end of a line, or 0. */
  cut(log: Log, to: number): void {
    this.#destroyed.push({ paths: log.paths, from: to, to: log.size });
    log.lines = log.lines.filter(({ end }) => end <= to);
    Object.assign(log, { size: to, torn: undefined, wasCut: true });
  }

  /**
   * Its name is gone. What its successor holds too is as good as kept there: the agent may take both
   * for one file. Cut just before, it may have been read half before and half after.
   */
  removed(log: Log, successor?: Log): void {
    this.logs.delete(log);
    const complete = log.lines.at(-1)?.end ?? 0;
    if (log.isHeld && !log.wasCut && this.canHold(log.path)) {
      const lines = log.lines.filter((line) => successor?.lines.includes(line) !== true);
      for (const { facts } of lines) for (const fact of facts) this.#held.set(fact, log.path);
      this.#destroyed.push({ paths: log.paths, from: complete, to: log.size });
      this.#heldLogs.push(log);
    } else this.#destroyed.push({ paths: log.paths, from: 0, to: log.size });
  }

  /** Everything that is there was read. */
  wasRead(): void {
    for (const log of this.logs) {
      if (log.wasWritten && !this.#weekPassed) log.isHeld = true;
      Object.assign(log, { wasWritten: false, wasCut: false });
    }
    this.#weekPassed = false;
  }

  /** More than seven days went by on the agent's clock: second names of what was acknowledged may go. */
  weekPassed(): void {
    for (const log of this.logs) log.isHeld = false;
    this.#held = new Map();
    for (const { paths, size } of this.#heldLogs.splice(0)) this.#destroyed.push({ paths, from: 0, to: size });
    this.#weekPassed = true;
  }

  *mustSay(): Iterable<string> {
    yield* this.#held.keys();
    for (const { lines } of this.logs) for (const { facts } of lines) yield* facts;
  }

  /** Which file owes this, for whoever reads of a failure. */
  whoSays(fact: string): string | undefined {
    const log = [...this.logs].find(({ lines }) => lines.some(({ facts }) => facts.includes(fact)));
    if (log !== undefined) return log.path;
    return this.#held.has(fact) ? `${this.#held.get(fact)} (deleted)` : undefined;
  }

  /** What went of the file at this path, for whoever reads of a failure. */
  destroyedOf(path: string): string {
    return this.#destroyed.filter(({ paths }) => paths.has(path)).map(({ from, to }) => `${from}-${to}`).join(', ');
  }

  /**
   * `exact`: it ends in bytes that were destroyed (it may begin before them: whether what is left of
   * a file is what was there, nobody can tell who had not read it). `vague`: it reaches beyond them,
   * as it may where the file went on growing between a look and a read, and where copies stand for
   * links. `false`: nothing was ever lost of that file.
   */
  explain({ path, to }: DeclaredGap): 'exact' | 'vague' | 'false' {
    const ranges = this.#destroyed.filter((range) => range.paths.has(path));
    if (ranges.some((range) => range.from < to && to <= range.to)) return 'exact';
    return ranges.length > 0 || !this.canHold(path) ? 'vague' : 'false';
  }
}

export interface Difference {
  missing: string[];
  unexpected: string[];
}

/** What all of them said, and what the database was seen to hold. */
export class EverythingWritten {
  readonly #written = new Set<string>();
  /** Seen in this database: it never goes again, as long as the database stays. */
  #seen = new Set<string>();

  get count(): number {
    return this.#written.size;
  }

  said(fact: string): void {
    this.#written.add(fact);
  }

  compare(stored: ReadonlySet<string>, machines: readonly MachineOwed[]): Difference {
    const missing = new Set<string>();
    for (const fact of this.#seen) if (!stored.has(fact)) missing.add(fact);
    for (const machine of machines) for (const fact of machine.mustSay()) if (!stored.has(fact)) missing.add(fact);
    return { missing: [...missing], unexpected: [...stored].filter((fact) => !this.#written.has(fact)) };
  }

  saw(stored: ReadonlySet<string>): void {
    this.#seen = new Set(stored);
  }

  /** What a backup made now holds at least. */
  get seen(): ReadonlySet<string> {
    return this.#seen;
  }

  /** The database is now another one. */
  databaseReplaced(by: ReadonlySet<string>): void {
    this.#seen = new Set([...by].filter((fact) => this.#seen.has(fact)));
  }
}
