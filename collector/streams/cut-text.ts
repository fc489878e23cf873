/** At most so many bytes of UTF-8, whole characters, and `...` behind what was cut. */
export function cutText(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text;
  const cut = Buffer.from(text).subarray(0, bytes);
  // A character that was cut in two is no character.
  return `${new TextDecoder().decode(cut).replace(/\uFFFD+$/, '')}...`;
}
