/** Puts all files of one session in place: the transcript last, so that who resumes it finds the rest. */
import { createHash } from 'node:crypto';
import { closeSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../../shared/atomic-file.ts';
import { TtError } from '../../shared/errors.ts';
import { openIfThere } from '../../shared/regular-file.ts';
import type { Landed } from '../../shared/protocol/handover.ts';
import { isFileOfSession } from '../../shared/protocol/handover.ts';
import { forkOf } from '../../shared/session-file/fork.ts';
import { copyHeld, mergedFile, planFor, putNew, readHeld, refuseRestless, replaceHeld, type LandingDeps, type ReadFile } from './landing.ts';
import { entryAt, makeDirectories } from './safe-files.ts';
import { rewritten, type Staged } from './staging.ts';

export interface LandingPlace {
  /** Real path of Claude's `projects/`. */
  projectsDir: string;
  project: string;
  /** Ours, beside the project's files; its content is nobody's. */
  stagingDir: string;
}

interface Offered {
  session: string;
  staged: Staged;
  /** Of `staged`. */
  transcript: string;
  depth: number;
}

interface SidecarPlace {
  directory: string;
  path: string;
  offered: string;
  /** Directories between the project's and the file. */
  below: readonly string[];
}

type Outcome = Pick<Landed, 'result' | 'other' | 'files_written' | 'files_kept' | 'late_lines'> & { isReplaced: boolean };

/** Both went on, and again, and again: deeper than this nobody looks through it any more. Nothing is replaced then: forks land first. */
const MOST_FORKS = 5;

/** Throws before anything is written, as far as it can be told then; else the hint says what was done. */
export function landSession(session: string, staged: Staged, place: LandingPlace, deps: LandingDeps): Outcome {
  const landing = new SessionLanding(place, deps);
  try {
    return landing.land(session, staged, 0);
  } catch (error) {
    throw error instanceof TtError && landing.hasWritten ? halfDone(error, deps.replacedDir) : error;
  }
}

class SessionLanding {
  readonly #place: LandingPlace;
  readonly #deps: LandingDeps;
  readonly #directory: string;
  #scratch = 0;
  #filesWritten = 0;
  #filesKept = 0;
  #lateLines = 0;
  #isReplaced = false;

  constructor(place: LandingPlace, deps: LandingDeps) {
    this.#place = place;
    this.#deps = deps;
    this.#directory = makeDirectories(place.projectsDir, [place.project]);
  }

  get hasWritten(): boolean {
    return this.#filesWritten > 0 || this.#isReplaced;
  }

  land(session: string, staged: Staged, depth: number): Outcome {
    const transcript = staged.get(`${session}.jsonl`);
    const path = join(this.#directory, `${session}.jsonl`);
    if (transcript === undefined) throw new Error('a session without a transcript');
    const held = readHeld(path, this.#deps.nowMs);
    if (!held) {
      this.#landSidecars(session, staged, false);
      putNew(path, transcript);
      this.#filesWritten += 1;
      syncDirectory(this.#directory);
      return this.#outcome('new', null);
    }
    try {
      return this.#landBeside(held, { session, staged, transcript, depth });
    } finally {
      closeSync(held.fd);
    }
  }

  #landBeside(held: ReadFile, { session, staged, transcript, depth }: Offered): Outcome {
    const plan = planFor(held, transcript);
    if (plan.kind === 'keep') {
      this.#landSidecars(session, staged, false);
      return this.#outcome('kept', null);
    }
    if (plan.kind === 'take') {
      this.#landSidecars(session, staged, true);
      this.#replace(held, mergedFile(held, transcript, plan));
      return this.#outcome('longer', null);
    }
    const whose = plan.newest === 'held' ? 'offered' : 'held';
    const { first, count } = plan[whose];
    const fork = forkOf(session, first);
    if (depth >= MOST_FORKS) throw tooManyForks(session);
    if (whose === 'held') this.#sidecarPlaces(session, staged);
    this.land(fork, this.#asFork(whose === 'offered' ? staged : this.#copyHeld(session, held), session, fork), depth + 1);
    if (whose === 'held') {
      this.#landSidecars(session, staged, true);
      this.#replace(held, transcript);
    }
    return this.#outcome('diverged', { session: fork, whose, entries: count });
  }

  #outcome(result: Outcome['result'], other: Outcome['other']): Outcome {
    return { result, other, files_written: this.#filesWritten, files_kept: this.#filesKept, late_lines: this.#lateLines, isReplaced: this.#isReplaced };
  }

  #replace(held: ReadFile, offered: string): void {
    const { lateLines } = replaceHeld(held, offered, { ...this.#deps, replacedDir: join(this.#deps.replacedDir, this.#place.project) });
    this.#lateLines += lateLines;
    this.#filesWritten += 1;
    this.#isReplaced = true;
  }

  /** Lines name their session: those of a fork are its own, and say where they come from. */
  #asFork(staged: Staged, session: string, fork: string): Staged {
    const files = new Map<string, string>();
    for (const [name, path] of staged) {
      const own = name === `${session}.jsonl` ? `${fork}.jsonl` : `${fork}${name.slice(session.length)}`;
      files.set(own, name.endsWith('.jsonl') ? rewritten(path, { toSession: { from: session, to: fork } }) : path);
    }
    return files;
  }

  #copyHeld(session: string, held: ReadFile): Staged {
    const files = new Map([[`${session}.jsonl`, this.#scratchPath()]]);
    copyHeld(held, files.get(`${session}.jsonl`) ?? '');
    for (const name of this.#sidecars(session)) {
      const file = readHeld(join(this.#directory, name), this.#deps.nowMs);
      if (!file) continue;
      const path = this.#scratchPath();
      copyHeld(file, path);
      closeSync(file.fd);
      files.set(name, path);
    }
    return files;
  }

  #sidecars(session: string): string[] {
    const found: string[] = [];
    const walk = (name: string): void => {
      if (entryAt(join(this.#directory, name))?.isDirectory() !== true) return;
      for (const entry of readdirSync(join(this.#directory, name), { withFileTypes: true })) {
        const below = `${name}/${entry.name}`;
        if (entry.isDirectory()) walk(below);
        else if (entry.isFile() && isFileOfSession(below, session)) found.push(below);
      }
    };
    walk(session);
    return found;
  }

  #scratchPath(): string {
    this.#scratch += 1;
    return join(this.#place.stagingDir, `held-${this.#scratch}.part`);
  }

  /** Where the files beside the transcript go. Throws where one of them may not be replaced, before any is. */
  #sidecarPlaces(session: string, staged: Staged): SidecarPlace[] {
    const places: SidecarPlace[] = [];
    for (const [name, offered] of staged) {
      if (name === `${session}.jsonl`) continue;
      const parts = name.split('/');
      const below = parts.slice(0, -1);
      const directory = makeDirectories(this.#place.projectsDir, [this.#place.project, ...below]);
      const path = join(directory, parts.at(-1) ?? '');
      if (entryAt(path) !== undefined && !isSame(path, offered)) refuseRestless(path, this.#deps.nowMs);
      places.push({ directory, path, offered, below });
    }
    return places;
  }

  /** `isNewer`: what is offered is that of the transcript that takes the place. */
  #landSidecars(session: string, staged: Staged, isNewer: boolean): void {
    const places = this.#sidecarPlaces(session, staged);
    for (const place of places) this.#landSidecar(place, isNewer);
    for (const directory of new Set(places.map((place) => place.directory))) syncDirectory(directory);
  }

  #landSidecar({ path, offered, below }: SidecarPlace, isNewer: boolean): void {
    if (entryAt(path) === undefined) {
      putNew(path, offered);
      this.#filesWritten += 1;
      return;
    }
    if (isSame(path, offered)) return;
    const held = readHeld(path, this.#deps.nowMs);
    if (!held) return;
    try {
      const plan = path.endsWith('.jsonl') ? planFor(held, offered) : undefined;
      if (plan?.kind === 'keep') return;
      if (plan?.kind === 'diverged' || (!plan && !isNewer)) {
        this.#filesKept += 1;
        return;
      }
      const { lateLines } = replaceHeld(held, plan ? mergedFile(held, offered, plan) : offered, { ...this.#deps, replacedDir: join(this.#deps.replacedDir, this.#place.project, ...below) });
      this.#lateLines += plan ? lateLines : 0;
      this.#filesWritten += 1;
      this.#isReplaced = true;
    } finally {
      closeSync(held.fd);
    }
  }
}

function halfDone(error: TtError, replacedDir: string): TtError {
  return new TtError(error.code, error.message, {
    hint: `some of its files are in place already; what they replaced is in ${replacedDir}; doing it again does the rest`,
    exitCode: error.exitCode, retryable: error.retryable, cause: error,
  });
}

function tooManyForks(session: string): TtError {
  return new TtError('too_many_forks', `both copies of ${session} went on ${MOST_FORKS} times, each time otherwise`, {
    hint: 'go on with one of its forks: tt sessions show lists them',
  });
}

function isSame(path: string, other: string): boolean {
  const [a, b] = [openIfThere(path), openIfThere(other)];
  try {
    return a !== undefined && b !== undefined && hashOf(a.fd) === hashOf(b.fd);
  } finally {
    a?.close();
    b?.close();
  }
}

function hashOf(fd: number): string {
  const [hash, buffer] = [createHash('sha256'), Buffer.allocUnsafe(256 * 1024)];
  for (let at = 0; ;) {
    const read = readSync(fd, buffer, 0, buffer.length, at);
    if (read === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, read));
    at += read;
  }
}
