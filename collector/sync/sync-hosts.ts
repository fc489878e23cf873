/** One run of `tt sync` over several hosts, some at a time. */
import type { SyncedHost } from '../../shared/sync-document.ts';
import type { HostOutcome } from './sync-host.ts';

/** Logins at one time. */
const AT_ONCE = 8;

/** In the order in which they were named. */
export async function eachHost<R>(hosts: readonly string[], work: (host: string) => Promise<R>): Promise<R[]> {
  const results = new Map<number, R>();
  const waiting = [...hosts.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results.set(next[0], await work(next[1]));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, worker));
  return hosts.flatMap((_host, at) => results.get(at) ?? []);
}

export function toSyncedHost(host: string, { state, machine, stored, duplicates, refused, badLines, gaps, error }: HostOutcome): SyncedHost {
  return {
    host, machine, state, new: stored, duplicates, refused, bad_lines: badLines, gaps,
    error: error && { code: error.code, message: error.message, hint: error.hint },
  };
}
