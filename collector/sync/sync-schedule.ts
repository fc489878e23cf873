/** Fetches by itself what hosts without an agent have, as often as `tt sync --every` said: in the collector, so that it lives wherever that is kept. */
import type { Clock } from '../../shared/clock.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import type { Log } from '../../shared/log.ts';
import type { SyncedHost } from '../../shared/sync-document.ts';
import { noteSyncRun, readSyncEvery, type SyncEvery } from './sync-every.ts';
import type { HostOutcome, SyncRequest } from './sync-host.ts';
import { eachHost, toSyncedHost } from './sync-hosts.ts';
import type { SyncRuns } from './sync-runs.ts';

export interface SyncScheduleDeps {
  clock: Pick<Clock, 'now' | 'every'>;
  log: Pick<Log, 'info' | 'warn'>;
  file: string;
  runs: Pick<SyncRuns, 'targets'>;
  /** Never rejects. */
  fetch(request: SyncRequest, stop: AbortSignal): Promise<HostOutcome>;
}

export interface SyncSchedule {
  /** Ends what is running; what was acknowledged stays. */
  close(): Promise<void>;
}

/** A laptop that slept over its time is woken into the next run. */
const TICK_MS = 10_000;

export function createSyncSchedule({ clock, log, file, runs, fetch }: SyncScheduleDeps): SyncSchedule {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  let told = new Set<string>();

  const tell = (results: readonly SyncedHost[]): void => {
    const now = new Set<string>();
    for (const { host, new: stored, error } of results) {
      if (stored > 0) log.info({ host, events: stored }, 'fetched');
      if (!error) continue;
      now.add(`${host} ${error.code}`);
      if (!told.has(`${host} ${error.code}`)) log.warn({ host, code: error.code, hint: error.hint }, `not fetched: ${error.message}`);
    }
    told = now;
  };
  const run = async (of: SyncEvery): Promise<void> => {
    const startedMs = clock.now();
    const hosts = of.hosts.length > 0 ? of.hosts : runs.targets().map(({ host }) => host);
    const results = await eachHost(hosts, async (host) => toSyncedHost(host, await fetch({ host, label: null }, stop.signal).catch(failed)));
    if (stop.signal.aborted) return;
    tell(results);
    noteSyncRun(file, { startedMs, results, of });
  };
  const stopTicking = clock.every(TICK_MS, () => {
    const every = readSyncEvery(file);
    if (running !== undefined || !isDue(every, clock.now())) return;
    running = run(every)
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'what was fetched could not be noted'))
      .finally(() => {
        running = undefined;
      });
  });
  return {
    async close() {
      stopTicking();
      stop.abort();
      await running;
    },
  };
}

/** A clock that was set back does not hold it up. */
function isDue({ every_ms: everyMs, last_ms: lastMs }: SyncEvery, nowMs: number): boolean {
  return everyMs !== null && (lastMs === null || lastMs > nowMs || nowMs - lastMs >= everyMs);
}

function failed(error: unknown): HostOutcome {
  const known = error instanceof TtError ? error : new TtError('failed', messageOf(error), { hint: 'by hand: tt sync HOST', cause: error });
  return { state: 'failed', machine: null, stored: 0, duplicates: 0, refused: 0, badLines: 0, gaps: 0, error: known };
}
