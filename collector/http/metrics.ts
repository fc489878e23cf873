/**
 * `/metrics`, in the text format of Prometheus; off unless `metrics` is set. What
 * is not known has no sample: a zero would be a claim. The only importer of prom-client.
 */
import { Counter, Gauge, Registry } from 'prom-client';
import type { MachineId } from '../../shared/ids.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import type { StoreDocument } from '../../shared/store-document.ts';
import type { MachineLinks } from '../ingest/machine-links.ts';

export interface MetricsDeps {
  status(): CollectorStatus;
  store(): StoreDocument;
  links: Pick<MachineLinks, 'get'>;
  machines(): readonly { machineId: MachineId; label: string }[];
  live: { readonly viewers: number };
  isReady(): boolean;
}

export interface Metrics {
  /** Of `text`. */
  readonly contentType: string;
  text(): Promise<string>;
}

type Sample = number | null;
const seconds = (timestamp: string | null | undefined): Sample => (timestamp === null || timestamp === undefined ? null : Date.parse(timestamp) / 1000);
const fromMs = (ms: Sample): Sample => (ms === null ? null : ms / 1000);

interface Told<T> {
  name: string;
  help: string;
  value(from: T): Sample;
}

const OF_MACHINES: readonly Told<MachineStatus>[] = [
  { name: 'tt_machine_connected', help: 'Whether its agent is connected (1) or not (0)', value: ({ connected }) => Number(connected) },
  { name: 'tt_machine_lag_seconds', help: 'Age of the oldest byte that has not arrived', value: ({ lag_ms: ms }) => fromMs(ms) },
  { name: 'tt_machine_backlog_bytes', help: 'Bytes of its logs that have not arrived', value: (machine) => machine.backlog_bytes },
  { name: 'tt_machine_last_event_timestamp_seconds', help: 'Time of its newest event', value: ({ last_event_at: at }) => seconds(at) },
  { name: 'tt_machine_complete_until_timestamp_seconds', help: 'Its data is complete up to here', value: ({ complete_until: at }) => seconds(at) },
  { name: 'tt_machine_events_today', help: 'Its events since local midnight', value: (machine) => machine.events_today },
  { name: 'tt_machine_gaps', help: 'Open gaps: bytes declared lost that nobody has accepted', value: ({ gaps }) => gaps },
  { name: 'tt_machine_gap_bytes', help: 'Bytes in its open gaps', value: (machine) => machine.gap_bytes },
  { name: 'tt_machine_clock_offset_seconds', help: 'Its clock minus the collector\'s', value: ({ clock_offset_ms: ms }) => fromMs(ms) },
  { name: 'tt_machine_tunnel_up', help: 'Whether its tunnel is up (1) or not (0); none where it has no tunnel', value: ({ tunnel }) => (tunnel ? Number(tunnel.state === 'up') : null) },
];

const OF_STORE: readonly Told<StoreDocument>[] = [
  { name: 'tt_database_bytes', help: 'Size of the database file', value: ({ bytes }) => bytes },
  { name: 'tt_database_wal_bytes', help: 'Size of its write-ahead log', value: (store) => store.wal_bytes },
  { name: 'tt_disk_free_bytes', help: 'Free room on its disk', value: (store) => store.free_bytes },
  { name: 'tt_last_backup_timestamp_seconds', help: 'When the last backup was made here', value: ({ last_backup: backup }) => seconds(backup?.at) },
  { name: 'tt_collector_started_timestamp_seconds', help: 'When the collector was started', value: ({ started_at: at }) => seconds(at) },
];

export function createMetrics(deps: MetricsDeps): Metrics {
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    text() {
      // Each look begins with nothing: a machine that was renamed must not stay under both names.
      const registry = new Registry();
      tellCollector(registry, deps);
      tellMachines(registry, deps);
      return registry.metrics();
    },
  };
}

function gauge<L extends string>(registry: Registry, name: string, help: string, labelNames: readonly L[]): Gauge<L> {
  return new Gauge({ name, help, labelNames, registers: [registry] });
}

function tellCollector(registry: Registry, deps: MetricsDeps): void {
  const store = deps.store();
  gauge(registry, 'tt_build_info', 'Always 1; the version of the collector', ['version']).set({ version: store.version }, 1);
  gauge(registry, 'tt_ready', 'Whether events that come now are kept (1) or not (0)', []).set(Number(deps.isReady()));
  gauge(registry, 'tt_page_viewers', 'Open live streams', []).set(deps.live.viewers);
  for (const { name, help, value } of OF_STORE) {
    const known = value(store);
    // One without labels would begin at zero.
    if (known !== null) gauge(registry, name, help, []).set(known);
  }
}

function tellMachines(registry: Registry, deps: MetricsDeps): void {
  const { machines } = deps.status();
  const info = gauge(registry, 'tt_machine_info', 'Always 1; its state and the version of its agent', ['machine', 'machine_id', 'state', 'version']);
  for (const { label: machine, machine_id, state, version } of machines) info.set({ machine, machine_id, state, version: version ?? '' }, 1);
  for (const { name, help, value } of OF_MACHINES) {
    const each = gauge(registry, name, help, ['machine']);
    for (const machine of machines) {
      const known = value(machine);
      if (known !== null) each.set({ machine: machine.label }, known);
    }
  }
  const events = new Counter({
    name: 'tt_events_total', help: 'Events since the collector was started, by what became of them', labelNames: ['machine', 'verdict'], registers: [registry],
  });
  for (const { machineId, label: machine } of deps.machines()) {
    const link = deps.links.get(machineId);
    for (const verdict of ['stored', 'duplicate', 'refused'] as const) events.inc({ machine, verdict }, link?.[verdict] ?? 0);
  }
}
