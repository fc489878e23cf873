/** A built collector with machines enrolled, and what is measured of it from outside. */
import { openReader } from '../../collector/store/database.ts';
import { rss } from '../bench/measure.ts';
import { startCollector, type RunningCollector } from '../support/fleet.ts';
import { createMachineHome, type MachineHome } from '../support/machine-home.ts';
import type { JoinedMachine } from '../support/scripted-agent.ts';
import { enrolOffline } from './enrolled.ts';

export interface LoadedCollector {
  readonly home: MachineHome;
  readonly machines: readonly JoinedMachine[];
  readonly url: string;
  process(): RunningCollector;
  rssMb(): number;
  /** Stops it, leaves it down for so long, starts it where it was. */
  restart(downMs: number): Promise<void>;
  /** IDs of all events in its database. */
  storedIds(): string[];
  close(): Promise<void>;
}

export async function openLoadedCollector(machines: number): Promise<LoadedCollector> {
  const home = createMachineHome('load');
  const enrolled = await enrolOffline(home, machines);
  let collector = await startCollector(home);
  return {
    home, machines: enrolled,
    url: `http://127.0.0.1:${collector.ingestPort}`,
    process: () => collector,
    rssMb: () => rss(collector.pid),
    async restart(downMs) {
      await collector.stop();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      collector = await startCollector(home);
    },
    storedIds() {
      const reader = openReader(home.paths.database);
      try {
        return reader.prepare<[], { id: string }>('SELECT id FROM events').all().map(({ id }) => id);
      } finally {
        reader.close();
      }
    },
    async close() {
      await collector.stop().catch(() => collector.kill());
      home.remove();
    },
  };
}

export interface Compared {
  written: number;
  missing: number;
  unexpected: number;
  repeated: number;
}

/** Sets of IDs: what agents wrote against what the database has. */
export function compare(stored: readonly string[], written: readonly string[]): Compared {
  const [has, wanted] = [new Set(stored), new Set(written)];
  return {
    written: wanted.size,
    missing: written.filter((id) => !has.has(id)).length,
    unexpected: stored.filter((id) => !wanted.has(id)).length,
    repeated: stored.length - has.size,
  };
}
