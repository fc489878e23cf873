/** What is fetched by itself, and the rules that keep sessions in step: does it work, do they name machines that there are? */
import type { SyncRule } from '../../shared/config.ts';
import { ok, warn, type Check } from '../../shared/doctor/check.ts';
import { agoWords, durationWords } from '../../shared/status-words.ts';
import type { SyncEveryDocument } from '../../shared/sync-document.ts';

/** Of hosts that nobody named these are no failure: they are off, or elsewhere. */
const AWAY: ReadonlySet<string> = new Set(['ssh_name', 'ssh_timeout', 'ssh_unreachable', 'ssh_connection_lost']);

export function judgeSyncEvery({ every_ms: everyMs, hosts, last_at: last, results }: SyncEveryDocument, nowMs: number): Check[] {
  if (everyMs === null) return [];
  const often = `fetched every ${durationWords(everyMs)}`;
  const failed = results.flatMap(({ host, error }) => (error === null || (hosts.length === 0 && AWAY.has(error.code)) ? [] : [warn('sync', `${often}, but not the last time: ${error.message}`, error.hint, host)]));
  if (failed.length > 0) return failed;
  return [ok('sync', `${often}${hosts.length === 0 ? '' : `: ${hosts.join(', ')}`}; ${last === null ? 'not yet' : `last ${agoWords(last, nowMs)}`}`)];
}

export function judgeRules(rules: readonly SyncRule[], labels: readonly string[]): Check[] {
  const named = new Set(rules.flatMap(({ machines }) => machines));
  return [...named].filter((label) => label !== '*' && !labels.includes(label))
    .map((label) => warn('sync', `[sync] names ${label}, but no machine is called so`, 'tt machines lists them; correct machines in config.toml'));
}
