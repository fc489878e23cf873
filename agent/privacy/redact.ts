/**
 * Masks secrets in what a person or a model said. The rules are those of
 * gitleaks, kept as data (docs/decisions), and some of our own.
 *
 * Limit: a secret that looks like ordinary words is not recognised. Who cannot
 * live with that sets `texts = none`.
 */
import { createKeywordIndex } from './keyword-index.ts';
import { OWN_RULES } from './own-rules.ts';
import { SECRET_RULES, type SecretRule } from './secret-rules.ts';

export const MASK = '[redacted]';

interface Compiled {
  pattern: RegExp | undefined;
  rule: SecretRule;
}

const compiled: Compiled[] = [...OWN_RULES, ...SECRET_RULES].map((rule) => ({ rule, pattern: undefined }));
const always = compiled.filter(({ rule }) => rule.keywords.length === 0);
const index = createKeywordIndex(compiled.flatMap((entry) => entry.rule.keywords.map((word) => [word, entry] as const)));

/** Rules that look for "name = value" take any value for a secret; their entropy tells words from keys. */
const ASSIGNMENT = ':{1,3}=';

type Range = [from: number, to: number];

/** `text` with each secret replaced by `MASK`. A text without a hint of one is returned as it is. */
export function redact(text: string): string {
  const candidates = [...always, ...index.valuesIn(text.toLowerCase())];
  if (candidates.length === 0) return text;
  const ranges = candidates.flatMap((candidate) => secretsOf(candidate, text)).toSorted((a, b) => a[0] - b[0]);
  let masked = '';
  let at = 0;
  for (const [from, to] of ranges) {
    if (to <= at) continue;
    // Ranges that overlap are one secret that several rules know.
    if (from >= at) masked += text.slice(at, from) + MASK;
    at = to;
  }
  return masked + text.slice(at);
}

function secretsOf(candidate: Compiled, text: string): Range[] {
  const { rule } = candidate;
  // Few rules are ever needed; the others cost no memory for their automata.
  candidate.pattern ??= new RegExp(rule.source, rule.flags);
  const ranges: Range[] = [];
  for (const match of text.matchAll(candidate.pattern)) {
    const range = rangeOf(rule, match);
    if (range[1] > range[0] && isSecret(rule, text.slice(...range))) ranges.push(range);
  }
  return ranges;
}

function rangeOf(rule: SecretRule, match: RegExpExecArray): Range {
  const { indices } = match;
  const groups = rule.group === undefined ? indices?.slice(1) : [indices?.[rule.group]];
  // Groups that took no part are undefined, whatever the types say.
  const [from, to] = groups?.find((group: Range | undefined) => group !== undefined && group[1] > group[0]) ?? [match.index, match.index + match[0].length];
  return [from, to];
}

function isSecret(rule: SecretRule, secret: string): boolean {
  return rule.entropy === undefined || !rule.source.includes(ASSIGNMENT) || entropyOf(secret) > rule.entropy;
}

/** Shannon entropy in bits per character. */
function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length);
  return entropy;
}
