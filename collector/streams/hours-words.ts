const MINUTE_MS = 60_000;

/** `2h 30m`, `5m`, `0m`: whole minutes, rounded down. */
export function toHoursWords(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m` : `${hours}h ${minutes % 60}m`;
}
