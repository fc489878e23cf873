/** The logs of Claude Code below its configuration directories. */
import { basename, join, relative, sep } from 'node:path';
import type { MachineId } from '../../shared/ids.ts';
import type { SourceKind } from '../extraction.ts';
import type { Texts } from '../privacy/texts.ts';
import { openTranscript, type TranscriptPlace } from './extractor.ts';
import { createInheritance } from './inheritance.ts';

export interface ClaudeCodeSourceOptions {
  /** Directories such as `~/.claude`; one that is itself called `projects` is taken as that. */
  configDirs: readonly string[];
  machineId: MachineId;
  texts: Texts;
}

const LOG_NAME = /^[^.].*\.jsonl$/;
const AGENT_NAME = /^agent-(.+)\.jsonl$/;

/** Where the sessions of these configuration directories lie. */
export function projectRoots(configDirs: readonly string[]): string[] {
  return [...new Set(configDirs.map((directory) => (basename(directory) === 'projects' ? directory : join(directory, 'projects'))))];
}

export function createClaudeCodeSource({ configDirs, machineId, texts }: ClaudeCodeSourceOptions): SourceKind {
  const roots = projectRoots(configDirs);
  const inheritance = createInheritance(roots);
  const placeOf = (path: string): TranscriptPlace | undefined => {
    for (const root of roots) {
      const place = placeBelow(pathBelow(root, path));
      if (place !== undefined) return place;
    }
    return undefined;
  };
  return {
    name: 'claude-code',
    roots,
    matches: (path) => placeOf(path) !== undefined,
    // A file that was moved out of the roots since keeps its name at least. What it inherits is asked for at each
    // opening: its carry-over may be from a time without such rules, and its session has gone on.
    open({ gen, path }, carry) {
      const place = placeOf(path) ?? strayPlace(path);
      const inherited = place.isSubagent && texts.isPerProject ? inheritance.of(path, place.sessionId) : undefined;
      return openTranscript({ gen, machineId, texts, place, inherited }, carry);
    },
  };
}

/** `relative` takes both paths apart, and a look asks for every file there is: nearly all are plainly below. */
function pathBelow(root: string, path: string): string {
  const isPlain = path.startsWith(root) && path[root.length] === sep && !UNTIDY.some((part) => path.includes(part, root.length));
  return isPlain ? path.slice(root.length + 1) : relative(root, path);
}

/** Before a path with one of these can be cut, it must be normalised. */
const UNTIDY = [`${sep}${sep}`, `${sep}.`] as const;

/** `<project>/<session>.jsonl`, or `<project>/<session>/subagents/…/agent-<id>.jsonl`. */
function placeBelow(path: string): TranscriptPlace | undefined {
  const parts = path.split(sep);
  const name = parts.at(-1) ?? '';
  if (!LOG_NAME.test(name) || name === 'journal.jsonl' || parts[0] === '..') return undefined;
  if (parts.length === 2) return strayPlace(name);
  const agentId = AGENT_NAME.exec(name)?.[1];
  const sessionId = parts[1];
  if (parts.length < 4 || parts[2] !== 'subagents' || agentId === undefined || sessionId === undefined) return undefined;
  return { sessionId, agentId, isSubagent: true };
}

function strayPlace(path: string): TranscriptPlace {
  const stem = basename(path, '.jsonl');
  const agentId = AGENT_NAME.exec(basename(path))?.[1];
  return { sessionId: stem, agentId, isSubagent: agentId !== undefined };
}
