/**
 * Which of some hundred words occur in a text: one pass that looks at three
 * characters at a time, so that a text without any costs next to nothing.
 */
export interface KeywordIndex<T> {
  /** Values of the words that occur in `text`, which is in lower case. */
  valuesIn(text: string): Set<T>;
}

const SLOTS = 1 << 16;

function slotOf(first: number, second: number, third: number): number {
  return ((first << 11) ^ (second << 6) ^ third) & (SLOTS - 1);
}

/** Words are in lower case; those of two characters are looked for one by one. */
export function createKeywordIndex<T>(words: readonly (readonly [word: string, value: T])[]): KeywordIndex<T> {
  const used = new Uint8Array(SLOTS);
  const slots = new Map<number, (readonly [word: string, value: T])[]>();
  const short = words.filter(([word]) => word.length < 3);
  for (const entry of words) {
    const [word] = entry;
    if (word.length < 3) continue;
    const slot = slotOf(word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2));
    used[slot] = 1;
    slots.set(slot, [...slots.get(slot) ?? [], entry]);
  }
  return {
    valuesIn(text) {
      const found = new Set<T>();
      for (const [word, value] of short) if (text.includes(word)) found.add(value);
      let [first, second] = [text.charCodeAt(0), text.charCodeAt(1)];
      for (let at = 2; at < text.length; at += 1) {
        const third = text.charCodeAt(at);
        const slot = slotOf(first, second, third);
        first = second;
        second = third;
        if (used[slot] === 0) continue;
        for (const [word, value] of slots.get(slot) ?? []) if (text.startsWith(word, at - 2)) found.add(value);
      }
      return found;
    },
  };
}
