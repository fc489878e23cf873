/**
 * The archive of one machine, compared with its session files: bytes with bytes.
 *
 * Must: every file that is there, from its first byte to its last; whatever was
 * archived once, under its name, as a previous content beside it, or with its
 * session in another project. May: more behind the end of a file that was cut off.
 * Never: a byte of a project that its owner keeps there.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MachineHome } from '../support/machine-home.ts';

/** One of the projects that sessions are written in. */
const KEPT_THERE = '/srv/a b';

/** Its owner allows the archive, but for one project where `keepsOneThere`. */
export function allowArchive(home: MachineHome, { keepsOneThere }: { keepsOneThere: boolean }): void {
  home.environment['TT_ARCHIVE'] = 'true';
  if (!keepsOneThere) return;
  mkdirSync(dirname(home.paths.configFile), { recursive: true });
  writeFileSync(home.paths.configFile, `[projects.${JSON.stringify(KEPT_THERE)}]\narchive = false\n`);
}

export class Mirrored {
  readonly #projects: string;
  readonly #archived: string;
  readonly #keepsOneThere: boolean;
  /** Contents that were archived once, none of them the start of another. */
  readonly #once = new Map<string, Buffer[]>();

  constructor(projects: string, archived: string, { keepsOneThere }: { keepsOneThere: boolean }) {
    this.#projects = projects;
    this.#archived = archived;
    this.#keepsOneThere = keepsOneThere;
  }

  /** What lies there stays from now on. */
  see(): void {
    for (const [name, bytes] of filesBelow(this.#archived)) {
      const known = this.#once.get(fileOf(name)) ?? [];
      if (known.some((content) => startsWith(content, bytes))) continue;
      this.#once.set(fileOf(name), [...known.filter((content) => !startsWith(bytes, content)), bytes]);
    }
  }

  /** `wasDestroyed`: were bytes ever lost of what was at this path? */
  problems(wasDestroyed: (path: string) => boolean): string[] {
    const archive = filesBelow(this.#archived);
    const there = [...filesBelow(this.#projects)].filter(([name]) => name.endsWith('.jsonl'));
    return [...there.flatMap(([name, bytes]) => this.#problem(name, bytes, archive.get(name), wasDestroyed)), ...this.#gone(archive), ...this.#leaked(archive)];
  }

  #problem(name: string, bytes: Buffer, archived: Buffer | undefined, wasDestroyed: (path: string) => boolean): string[] {
    // A session of which no directory is known may be of any project.
    if (this.#keepsOneThere && (isOf(bytes, KEPT_THERE) || !bytes.includes('"cwd":'))) return [];
    if (archived === undefined) return [`${name} of ${bytes.length} bytes is not archived`];
    if (!startsWith(archived, bytes)) return [`${name} is archived otherwise: ${archived.length} bytes, there ${bytes.length}`];
    // Nothing was cut off where a file was deleted and made anew, and holds nothing yet.
    const isLonger = archived.length > bytes.length && bytes.length > 0 && !wasDestroyed(join(this.#projects, name));
    return isLonger ? [`${name} was never cut off, and has ${archived.length - bytes.length} bytes more in the archive`] : [];
  }

  #gone(archive: ReadonlyMap<string, Buffer>): string[] {
    const present = new Map<string, Buffer[]>();
    for (const [name, bytes] of archive) present.set(fileOf(name), [...present.get(fileOf(name)) ?? [], bytes]);
    return [...this.#once].flatMap(([file, contents]) => contents
      .filter((content) => present.get(file)?.some((bytes) => startsWith(bytes, content)) !== true)
      .map((content) => `${content.length} bytes of ${file} were archived, and are gone`));
  }

  #leaked(archive: ReadonlyMap<string, Buffer>): string[] {
    if (!this.#keepsOneThere) return [];
    return [...archive].filter(([, bytes]) => isOf(bytes, KEPT_THERE)).map(([name]) => `${name} was to stay there, and is archived`);
  }
}

/** The same in whichever project its session is, and for what it had before. */
function fileOf(name: string): string {
  return name.slice(name.indexOf('/') + 1).replace(/\.before-[^/]*$/, '');
}

function isOf(bytes: Buffer, directory: string): boolean {
  return bytes.includes(`"cwd":${JSON.stringify(directory)}`);
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  return bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0;
}

/** Also while files come and go. */
function filesBelow(directory: string, prefix = ''): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const entry of reading(() => readdirSync(join(directory, prefix), { withFileTypes: true })) ?? []) {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) for (const [below, bytes] of filesBelow(directory, `${name}/`)) found.set(below, bytes);
    const bytes = entry.isFile() ? reading(() => readFileSync(join(directory, name))) : undefined;
    if (bytes !== undefined) found.set(name, bytes);
  }
  return found;
}

function reading<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
