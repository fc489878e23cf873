/** What a side of a session is called that becomes a session of its own, because both sides went on. */
import { createHash } from 'node:crypto';

/** The same for the same two sides, however far they have gone on meanwhile: handing over again makes no second one. */
export function forkOf(session: string, firstOwn: string): string {
  const hex = createHash('sha256').update(`${session}\n${firstOwn}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
