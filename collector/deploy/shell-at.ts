/** A shell at another machine, as the user's own ssh reaches it. */
import { makePrivateDirectory } from '../../shared/atomic-file.ts';
import type { CommandIo } from '../../shared/cli.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { sshHostInvalid } from '../enrolment/machine-registry.ts';
import { isSshDestination, sshRunner } from '../ssh.ts';
import { openRemoteShell, type RemoteShell } from './remote-shell.ts';

export type ShellIo = Pick<CommandIo, 'environment' | 'home' | 'clock' | 'stop'>;

export function shellAt(host: string, io: ShellIo): RemoteShell {
  if (!isSshDestination(host)) throw sshHostInvalid(host);
  const { runtimeDir } = resolvePaths(io.environment, io.home);
  // The collector makes it; it may never have run here.
  makePrivateDirectory(runtimeDir);
  const name = Math.floor(io.clock.random() * 2 ** 32).toString(16);
  // `%` begins a word of ssh's own.
  const sharedLogin = `${runtimeDir.replaceAll('%', '%%')}/ssh-${name}`;
  return openRemoteShell(host, { runSsh: sshRunner(io.environment), clock: io.clock, stop: io.stop, sharedLogin });
}
