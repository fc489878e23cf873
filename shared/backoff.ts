/** Full jitter: anywhere in [0, min(ceiling, first · 2^attempt)), so that many agents spread out. */
export function backoffMs(attempt: number, random: number, firstMs: number, ceilingMs: number): number {
  return Math.floor(random * Math.min(ceilingMs, firstMs * 2 ** Math.min(attempt, 30)));
}
