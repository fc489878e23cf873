/** What `deploy` and `undeploy` need of the running collector. */
import type { CommandIo } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { hostInUrl } from '../../shared/loopback.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { createControlClient } from '../control/control-client.ts';
import type { Control, TunnelRow } from '../control/control-methods.ts';

/** Of the running collector alone: enrolling and tunnels are its work. */
export function runningCollector(io: CommandIo): Control {
  return createControlClient(resolvePaths(io.environment, io.home).controlSocket);
}

/** A host as it was given, or that of the machine so called. */
export function hostOf(name: string, tunnels: readonly TunnelRow[]): string {
  if (tunnels.some(({ host }) => host === name)) return name;
  return tunnels.find(({ label }) => label === name)?.host ?? name;
}

/** Where the collector listens for agents, as a forward names it. */
export async function ingestAddress(control: Control, io: CommandIo): Promise<string> {
  const { ingest_host: host } = loadConfig(resolvePaths(io.environment, io.home).configFile, io.environment);
  const { ingest_port: port } = await control.call('status', {});
  return `${hostInUrl(host)}:${port ?? 0}`;
}
