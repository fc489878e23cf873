/** Machines as directories, each with a home, repositories and a Claude directory, and sessions that go from one to another. */
import { mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { renameFile } from '../../agent/receive/landing.ts';
import { receiveSession, type ReceiveDeps, type ReceiveOptions } from '../../agent/receive/receive.ts';
import { openBundle } from '../../collector/handover/bundle.ts';
import { findSessionFiles } from '../../collector/session-files/session-files.ts';
import type { HandoverAnswer, HandoverRequest } from '../../shared/protocol/handover.ts';
import { projectDirectoryName } from '../../shared/session-file/project-directory.ts';

export const SESSION = '5e551077-0000-4000-8000-000000000001';
export const NOW = Date.parse('2026-03-01T12:00:00Z');
/** Nobody runs. */
const processes: ReceiveDeps['processes'] = { isAlive: () => false, isRunning: () => false, pidDomain: null };

export interface Line {
  type: string;
  uuid?: string;
  parentUuid?: string | null;
  sessionId?: string;
  cwd?: string;
  timestamp?: string;
  forkedFrom?: unknown;
}

/** A repository below `home`. */
export function makeRepository(home: string, path: string, remote?: string): string {
  const directory = join(home, path);
  mkdirSync(join(directory, '.git'), { recursive: true });
  writeFileSync(join(directory, '.git/config'), remote === undefined ? '' : `[core]\n\tbare = false\n[remote "origin"]\n\turl = ${remote}\n`);
  return directory;
}

export const sessionFileOf = ({ projects }: { projects: string }, directory: string, session = SESSION): string => join(projects, projectDirectoryName(directory), `${session}.jsonl`);

export const linesOf = (path: string): Line[] => readFileSync(path, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Line);

export class HandedMachine {
  readonly home: string;
  readonly name: string;

  constructor(name: string, home = mkdtempSync(join(tmpdir(), `tt-${name}-`))) {
    this.name = name;
    this.home = home;
  }

  repository(path: string, remote?: string): string {
    return makeRepository(this.home, path, remote);
  }

  get projects(): string {
    return join(this.home, '.claude/projects');
  }

  fileOf(directory: string, session = SESSION): string {
    return sessionFileOf(this, directory, session);
  }

  /** Quiet for an hour. */
  write(path: string, content: string): string {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    utimesSync(path, NOW / 1000 - 3600, NOW / 1000 - 3600);
    return path;
  }

  lines(path: string): Line[] {
    return linesOf(path);
  }

  /** As this machine's own file, or as the archive has it. */
  request(session = SESSION, { archiveDir, to = null }: { archiveDir?: string; to?: string | null } = {}): { request: HandoverRequest; content: () => Readable } {
    const [file] = findSessionFiles(session, archiveDir === undefined ? { archiveDir: '/nowhere', claudeDirs: [join(this.home, '.claude')] } : { archiveDir, claudeDirs: [] });
    if (!file) throw new Error('there is no such session');
    const bundle = openBundle(file, { machine: this.name, home: this.home, isHere: archiveDir === undefined });
    return { request: { ...bundle.request, action: 'put', to, is_own: false }, content: bundle.content };
  }

  receive({ request, content }: { request: unknown; content: () => Readable }, more: Partial<ReceiveDeps & ReceiveOptions> = {}): Promise<HandoverAnswer> {
    const input = new PassThrough();
    input.write(`${JSON.stringify(request)}\n`);
    content().on('error', (error) => input.destroy(error)).pipe(input);
    const { isAllowed = true, ...deps } = more;
    return receiveSession(
      { input, clock: { now: () => NOW, random: () => 0.5 }, processes, rename: renameFile, ...deps },
      { home: this.home, configDirs: [join(this.home, '.claude')], replacedDir: join(this.home, 'replaced'), isAllowed },
    );
  }
}

/** A chain of entries, each after the last of `lines`. */
export function chain(lines: readonly string[], count: number, more: { name: string; cwd: string; atMs?: number; session?: string }): string[] {
  const made: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const parent = [...lines, ...made].map((line) => JSON.parse(line) as Line).findLast(({ uuid }) => uuid !== undefined);
    made.push(JSON.stringify({
      parentUuid: parent?.uuid ?? null, type: n % 2 === 0 ? 'user' : 'assistant', uuid: `${more.name}-${n}`, sessionId: more.session ?? SESSION, cwd: more.cwd,
      timestamp: new Date((more.atMs ?? NOW - 86_400_000) + n * 1000).toISOString(), message: { role: 'user', content: `${more.name} ${n} in /somewhere/shop` },
    }));
  }
  return [...lines, ...made];
}

export const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** Every entry once, each behind its parent. */
export function isValidChain(lines: readonly Line[]): boolean {
  const seen = new Set<string>();
  for (const { uuid, parentUuid } of lines) {
    if (uuid === undefined) continue;
    if (seen.has(uuid) || (parentUuid !== null && !seen.has(parentUuid ?? ''))) return false;
    seen.add(uuid);
  }
  return true;
}
