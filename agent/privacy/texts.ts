/**
 * What leaves this machine of the words in its logs (design §8): `full`,
 * `redacted` (secrets masked) or `none`, for everything or per project.
 */
import { TEXT_KEYS, TEXT_STATE_KEYS, type JsonValue } from '../../shared/event.ts';
import type { Config, TextPolicy } from '../../shared/config.ts';
import { createProjectPaths } from './project-paths.ts';
import { redact } from './redact.ts';

export interface Texts {
  /** False: one policy for everything. */
  readonly isPerProject: boolean;
  /**
   * What holds for words that were said in `cwd`. Where that is not known the strictest
   * of all policies: a text must not leave because its project is told later.
   */
  policyOf(cwd: string | undefined): TextPolicy;
}

export function createTextPolicy(config: Pick<Config, 'texts' | 'projects'>): Texts {
  const projects = Object.entries(config.projects)
    .flatMap(([path, { texts }]): [string, TextPolicy][] => (texts === undefined ? [] : [[path, texts]]))
    // Of two names of one directory the stricter holds.
    .toSorted(([, a], [, b]) => STRICTEST_FIRST.indexOf(a) - STRICTEST_FIRST.indexOf(b));
  const paths = createProjectPaths(projects);
  const strictest = strictestOf([config.texts, ...projects.map(([, texts]) => texts)]);
  return {
    isPerProject: projects.length > 0,
    policyOf: (cwd) => (cwd === undefined || cwd === '' ? strictest : paths.ruleOf(cwd) ?? config.texts),
  };
}

const STRICTEST_FIRST: readonly TextPolicy[] = ['none', 'redacted', 'full'];

export function strictestOf(policies: readonly TextPolicy[]): TextPolicy {
  return STRICTEST_FIRST.find((policy) => policies.includes(policy)) ?? 'full';
}

/** What may leave of `text`; undefined: nothing. */
export function filterText(text: string, policy: TextPolicy): string | undefined {
  if (policy === 'none') return undefined;
  return policy === 'full' ? text : redact(text);
}

const STATE_KEYS: ReadonlySet<string> = new Set(TEXT_STATE_KEYS);

export function isTextState(key: string): boolean {
  return STATE_KEYS.has(key);
}

/** Filters the text keys of an event that somebody else made, in place. */
export function filterEventTexts(event: Record<string, JsonValue | undefined>, texts: Texts): void {
  const policy = texts.policyOf(typeof event['cwd'] === 'string' ? event['cwd'] : undefined);
  for (const key of TEXT_KEYS) {
    const text = event[key];
    if (text === undefined || text === null) continue;
    // Text that is no string cannot be checked for secrets, so it stays here unless everything may go.
    const filtered = filterText(typeof text === 'string' ? text : JSON.stringify(text), policy);
    if (filtered === undefined) delete event[key];
    else if (typeof text === 'string') event[key] = filtered;
    else if (filtered !== JSON.stringify(text)) delete event[key];
  }
}
