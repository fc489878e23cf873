/** The status line of a running collector, put together. */
import type { Clock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import type { Paths } from '../../shared/paths.ts';
import type { CollectorStatus } from '../../shared/status.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';
import { createFleet } from '../sessions/fleet.ts';
import { openReader } from '../store/database.ts';
import { openSessionReader } from '../store/read-sessions.ts';
import { openUsageReader } from '../store/read-usage.ts';
import { openPrices } from '../usage/prices.ts';
import { keepStatusline, type StatuslineKeeper } from './keeper.ts';
import { presentStatusline } from './present.ts';

export interface StatuslineDeps {
  paths: Pick<Paths, 'database' | 'statuslineFile'>;
  config: Pick<Config, 'prices'>;
  clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  log: Log;
  links: Pick<MachineLinks, 'onChange'>;
  status(): CollectorStatus;
}

/** Opens the database read-only: the writer must have opened it before. */
export function openStatusline({ paths, config, clock, log, links, status }: StatuslineDeps): StatuslineKeeper {
  const database = openReader(paths.database);
  const [sessions, usage, prices] = [openSessionReader(database), openUsageReader(database), openPrices(config.prices)];
  const keeper = keepStatusline(paths.statuslineFile, {
    clock, log,
    onChange: (listener) => links.onChange(listener),
    present() {
      const { machines } = status();
      return presentStatusline({ sessions, usage, prices, fleet: createFleet(machines, clock.now(), null) }, machines);
    },
  });
  return {
    close() {
      keeper.close();
      database.close();
    },
  };
}
