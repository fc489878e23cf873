/**
 * Which sessions may be mirrored. A mirror is byte for byte, so nothing in it is
 * masked: a project goes whole or not at all, and one that restricts its words
 * (`texts` of its own other than `full`, or none in general) stays here unless it
 * says `archive = true` itself.
 */
import type { Config } from '../../shared/config.ts';
import { createProjectPaths } from '../privacy/project-paths.ts';

export interface ProjectRule {
  /** Nothing may be mirrored. */
  readonly isClosed: boolean;
  /** It depends on the project: every directory that a session names must be known first. */
  readonly needsDirectories: boolean;
  /** `directories`: all that a session names as its own; one that may not be mirrored keeps all of it here, as does none at all. */
  allows(directories: Iterable<string>): boolean;
}

export function createProjectRule({ archive, texts, projects }: Pick<Config, 'archive' | 'texts' | 'projects'>): ProjectRule {
  const general = texts !== 'none';
  const rules = Object.entries(projects)
    .filter(([, rule]) => rule.archive !== undefined || rule.texts !== undefined)
    .map(([path, rule]) => [path, rule.archive ?? rule.texts === 'full'] as const)
    // Of two names of one directory the closed one holds.
    .toSorted(([, a], [, b]) => Number(a) - Number(b));
  const verdicts = new Set([general, ...rules.map(([, isOpen]) => isOpen)]);
  const paths = createProjectPaths(rules);
  const mayMirror = (directory: string): boolean => paths.ruleOf(directory) ?? general;
  const needsDirectories = archive && verdicts.size === 2;
  const isClosed = !archive || !verdicts.has(true);
  return {
    isClosed, needsDirectories,
    allows(directories) {
      if (!needsDirectories) return !isClosed;
      const all = [...directories];
      return all.length > 0 && all.every(mayMirror);
    },
  };
}
