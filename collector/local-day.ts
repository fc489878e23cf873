/**
 * Days of this computer, for what is asked again and again: zones by name, and what they
 * need, are in zoned-days.ts, which agrees with this about the zone of this computer.
 */

/** First instant of the day that `nowMs` lies in, or of the one `days` after it. */
export function startOfLocalDay(nowMs: number, days = 0): number {
  const at = new Date(nowMs);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate() + days).getTime();
}
