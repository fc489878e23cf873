/** What `deploy` and `undeploy` need: the running collector, and a shell at the other machine. */
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import type { CommandIo } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { createControlClient } from '../control/control-client.ts';
import type { Control, TunnelRow } from '../control/control-methods.ts';
import { openRemoteShell, type RemoteShell } from '../deploy/remote-shell.ts';
import { sshHostInvalid } from '../enrolment/machine-registry.ts';
import { isSshDestination, sshRunner } from '../ssh.ts';

/** Of the running collector alone: enrolling and tunnels are its work. */
export function runningCollector(io: CommandIo): Control {
  return createControlClient(resolvePaths(io.environment, io.home).controlSocket);
}

export function shellAt(host: string, io: CommandIo): RemoteShell {
  if (!isSshDestination(host)) throw sshHostInvalid(host);
  const { runtimeDir } = resolvePaths(io.environment, io.home);
  // The collector makes it; it may never have run here.
  makePrivateDirectory(runtimeDir);
  const name = Math.floor(io.clock.random() * 2 ** 32).toString(16);
  // `%` begins a word of ssh's own.
  const sharedLogin = `${runtimeDir.replaceAll('%', '%%')}/ssh-${name}`;
  return openRemoteShell(host, { runSsh: sshRunner(io.environment), clock: io.clock, stop: io.stop, sharedLogin });
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
  return `${host.includes(':') ? `[${host}]` : host}:${port ?? 0}`;
}
