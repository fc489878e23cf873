/** The part of a text that shows why it was found: plain text and where in it the words are. Never HTML. */
import { wellFormed } from '../../shared/json-line.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import type { SearchQuery } from './query.ts';

export interface Snippet {
  text: string;
  /** `[from, to)` in UTF-16 units of `text`. */
  marks: [number, number][];
}

const BEFORE = 60;
const LENGTH = 200;

export function snippetOf(text: string, { all }: SearchQuery): Snippet {
  const pattern = patternOf(all.flat());
  const first = firstMatch(text, pattern);
  const from = first <= BEFORE ? 0 : wordStart(text, first - BEFORE, first);
  const to = Math.min(text.length, from + LENGTH);
  const cut = `${from > 0 ? '…' : ''}${toPlainText(wellFormed(text.slice(from, to))).replace(/\s+/g, ' ').trim()}${to < text.length ? '…' : ''}`;
  return { text: cut, marks: marksIn(cut, pattern) };
}

/** What stands before it is looked at afterwards: a pattern that begins with plain words is looked for many times faster. */
function patternOf(terms: SearchQuery['all'][number]): RegExp {
  const parts = terms.map(({ words, isPrefix }) => `${words.map((word) => fold(word).text).join('[^\\p{L}\\p{N}\\p{Co}]+')}${isPrefix ? '' : '(?![\\p{L}\\p{N}\\p{Co}])'}`);
  return new RegExp(parts.join('|'), 'gu');
}

const IN_WORD = /[\p{L}\p{N}\p{Co}]$/u;

function* matchesIn(folded: string, pattern: RegExp): Generator<{ index: number; end: number }> {
  for (const { index, 0: { length } } of folded.matchAll(pattern)) {
    if (length > 0 && !IN_WORD.test(folded.slice(Math.max(0, index - 2), index))) yield { index, end: index + length };
  }
}

/** Lower case is enough for nearly every text; accents are only taken off where it is not. */
function firstMatch(text: string, pattern: RegExp): number {
  const lower = text.toLowerCase();
  for (const { index } of lower.length === text.length ? matchesIn(lower, pattern) : []) return index;
  const folded = fold(text);
  for (const { index } of matchesIn(folded.text, pattern)) return folded.places[index] ?? 0;
  return 0;
}

function marksIn(cut: string, pattern: RegExp): [number, number][] {
  const folded = fold(cut);
  return [...matchesIn(folded.text, pattern)].map(({ index, end }) => [folded.places[index] ?? 0, folded.places[end] ?? cut.length]);
}

/** In lower case and without marks, as the index compares; `places[n]`: where in `text` unit n came from. */
function fold(text: string): { text: string; places: number[] } {
  const places: number[] = [];
  const parts: string[] = [];
  let at = 0;
  for (const character of text) {
    const folded = character.charCodeAt(0) < 0x80 ? character.toLowerCase() : character.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
    for (let unit = 0; unit < folded.length; unit += 1) places.push(at);
    parts.push(folded);
    at += character.length;
  }
  places.push(at);
  return { text: parts.join(''), places };
}

/** Not in the middle of a word, where there is a gap before what was found. */
function wordStart(text: string, from: number, before: number): number {
  const gap = text.slice(from, before).search(/\s/);
  return gap === -1 ? from : from + gap + 1;
}
