/**
 * What leaves this machine of the words in its logs (design §8): `full`,
 * `redacted` (secrets masked) or `none`, for everything or per project.
 */
import { TEXT_KEYS, TEXT_STATE_KEYS, type JsonValue } from '../../shared/event.ts';
import type { Config, TextPolicy } from '../../shared/config.ts';
import { redact } from './redact.ts';

export interface Texts {
  /** What may leave of `text` when the work went on in `cwd`; undefined: nothing. */
  filter(text: string, cwd: string | undefined): string | undefined;
}

/**
 * The longest configured path prefix of `cwd` that says so wins, whole path components only.
 * Where `cwd` is not known, the strictest of all policies holds: a text must not
 * leave because its project is told later.
 */
export function createTextPolicy(config: Pick<Config, 'texts' | 'projects'>): Texts {
  const projects = Object.entries(config.projects)
    .flatMap(([path, { texts }]) => (texts === undefined ? [] : [{ path: path.length > 1 ? path.replace(/\/+$/, '') : path, texts }]))
    .toSorted((a, b) => b.path.length - a.path.length);
  const strictest = strictestOf([config.texts, ...projects.map(({ texts }) => texts)]);
  const policyOf = (cwd: string | undefined): TextPolicy => {
    if (cwd === undefined || cwd === '') return strictest;
    return projects.find(({ path }) => isInside(cwd, path))?.texts ?? config.texts;
  };
  return {
    filter(text, cwd) {
      const policy = projects.length === 0 ? config.texts : policyOf(cwd);
      if (policy === 'none') return undefined;
      return policy === 'full' ? text : redact(text);
    },
  };
}

function isInside(cwd: string, path: string): boolean {
  return cwd === path || cwd.startsWith(path.endsWith('/') ? path : `${path}/`);
}

function strictestOf(policies: readonly TextPolicy[]): TextPolicy {
  if (policies.includes('none')) return 'none';
  return policies.includes('redacted') ? 'redacted' : 'full';
}

const STATE_KEYS: ReadonlySet<string> = new Set(TEXT_STATE_KEYS);

export function isTextState(key: string): boolean {
  return STATE_KEYS.has(key);
}

/** Filters the text keys of an event that somebody else made, in place. */
export function filterEventTexts(event: Record<string, JsonValue | undefined>, texts: Texts): void {
  const cwd = typeof event['cwd'] === 'string' ? event['cwd'] : undefined;
  for (const key of TEXT_KEYS) {
    const text = event[key];
    if (text === undefined || text === null) continue;
    // Text that is no string cannot be checked for secrets, so it stays here unless everything may go.
    const filtered = texts.filter(typeof text === 'string' ? text : JSON.stringify(text), cwd);
    if (filtered === undefined) delete event[key];
    else if (typeof text === 'string') event[key] = filtered;
    else if (filtered !== JSON.stringify(text)) delete event[key];
  }
}
