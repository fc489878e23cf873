import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCollectorIdentity, type CollectorIdentity } from '../../collector/enrolment/collector-identity.ts';
import { createEnrolmentCodes, type EnrolmentCodes } from '../../collector/enrolment/codes.ts';
import { createEnrolmentDesk } from '../../collector/enrolment/enrolment-desk.ts';
import { openMachineRegistry, type MachineRegistry } from '../../collector/enrolment/machine-registry.ts';
import { createMachineEndpoints, type EndpointPolicy } from '../../collector/ingest/endpoint-policy.ts';
import { createIngest, type Ingest } from '../../collector/ingest/ingest.ts';
import type { ListenerOptions } from '../../collector/ingest/listener.ts';
import { createMachineLinks, type MachineLinks } from '../../collector/ingest/machine-links.ts';
import { createCollectorProbes, type CollectorProbes } from '../../collector/ingest/probes.ts';
import type { Writer } from '../../collector/writer/writer.ts';
import { silentLog } from '../../shared/log.ts';
import { ManualClock } from './manual-clock.ts';
import { startTestWriter } from './writer-in-process.ts';

export interface IngestFixture {
  directory: string;
  clock: ManualClock;
  identity: CollectorIdentity;
  registry: MachineRegistry;
  codes: EnrolmentCodes;
  writer: Writer;
  links: MachineLinks;
  probes: CollectorProbes;
  ingest: Ingest;
  database: string;
  url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface IngestFixtureOptions {
  endpointAllowed?: EndpointPolicy;
  listen?: (directory: string) => ListenerOptions;
}

/** A listener on a free port over a real database, with its clock held. */
export async function openIngest({ endpointAllowed, listen }: IngestFixtureOptions = {}): Promise<IngestFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'tt-ingest-'));
  const clock = new ManualClock();
  const identity = await openCollectorIdentity(join(directory, 'collector.json'));
  const registry = openMachineRegistry(join(directory, 'machines.json'));
  const codes = createEnrolmentCodes(clock);
  const desk = createEnrolmentDesk({ identity, registry, codes, clock });
  const database = join(directory, 'collector.db');
  const writer = startTestWriter(clock, database);
  await writer.opened();
  const links = createMachineLinks(clock);
  const probes = createCollectorProbes(clock);
  const ingest = createIngest({
    clock, probes, log: silentLog, identity, registry, desk, writer, links, endpointAllowed: endpointAllowed ?? createMachineEndpoints({ urls: [] }).allows,
  });
  const listener = await ingest.listen(listen?.(directory) ?? { listen: { host: '127.0.0.1', port: 0 } });
  return {
    directory, clock, identity, registry, codes, writer, links, probes, ingest, database,
    url: `http://127.0.0.1:${listener.port ?? 0}`,
    async [Symbol.asyncDispose]() {
      await ingest.close();
      await writer.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
