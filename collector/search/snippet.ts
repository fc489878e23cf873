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
  const first = matchesIn(text, pattern, 1)[0]?.[0] ?? 0;
  const from = first <= BEFORE ? 0 : wordStart(text, first - BEFORE, first);
  const to = Math.min(text.length, from + LENGTH);
  const cut = `${from > 0 ? '…' : ''}${toPlainText(wellFormed(text.slice(from, to))).replace(/\s+/g, ' ').trim()}${to < text.length ? '…' : ''}`;
  return { text: cut, marks: matchesIn(cut, pattern, 50) };
}

function patternOf(terms: SearchQuery['all'][number]): RegExp {
  const parts = terms.map(({ words, isPrefix }) => `${words.map((word) => fold(word).text).join('[^\\p{L}\\p{N}\\p{Co}]+')}${isPrefix ? '' : '(?![\\p{L}\\p{N}\\p{Co}])'}`);
  return new RegExp(`(?<![\\p{L}\\p{N}\\p{Co}])(?:${parts.join('|')})`, 'gu');
}

function matchesIn(text: string, pattern: RegExp, most: number): [number, number][] {
  const folded = fold(text);
  const found: [number, number][] = [];
  for (const match of folded.text.matchAll(pattern)) {
    if (match[0] !== '') found.push([folded.places[match.index] ?? 0, folded.places[match.index + match[0].length] ?? text.length]);
    if (found.length === most) break;
  }
  return found;
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
