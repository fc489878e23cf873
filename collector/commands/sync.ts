/** `tt sync`: fetches what machines have where nothing is installed. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { bytesWords, plural } from '../../shared/status-words.ts';
import { SYNC_SCHEMA, type SyncDocument } from '../../shared/sync-document.ts';
import { createControlClient } from '../control/control-client.ts';
import { readShippedFiles } from '../deploy/shipped-files.ts';
import { sshRunner } from '../ssh.ts';
import { syncHost, type HostOutcome } from '../sync/sync-host.ts';
import { eachHost, toSyncedHost } from '../sync/sync-hosts.ts';
import { machineNames } from './machine-names.ts';
import { syncSessions } from './session-sync.ts';
import { syncEvery } from './sync-every.ts';

/** Hosts that are named must all succeed; without names it fetches what can be had. */
export async function sync(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (parsed.options['every'] !== undefined) return syncEvery(parsed, io);
  const named = [...new Set(parsed.args)];
  const label = textOption(parsed, 'label') ?? null;
  if (label !== null && named.length !== 1) throw usageError('--label names one machine', 'give one host with it');
  const isOnly = flag(parsed, 'sessionsOnly');
  const isJson = flag(parsed, 'json');
  if (isJson && !isOnly && flag(parsed, 'sessions')) throw usageError('--json is one document', 'tt sync --json, then tt sessions sync MACHINE --json');
  if (isOnly && named.length > 0) return sessionsOf(named, parsed, io);
  const control = createControlClient(resolvePaths(io.environment, io.home).controlSocket);
  const { targets } = await control.call('sync.targets', {});
  const hosts = named.length > 0 ? named : targets.map(({ host }) => host);
  if (isOnly) {
    await sessionsOf(hosts, parsed, io);
    return EXIT_CODES.ok;
  }
  const agent = await promisify(gzip)(readShippedFiles(io.program.file).agent);
  const fetched = await eachHost(hosts, async (host) => {
    const outcome = await syncHost({ host, label }, {
      control, agent, clock: io.clock, runSsh: sshRunner(io.environment), stop: io.stop,
      onProgress: (bytes) => io.stderr.write(`${host}: ${bytes === null ? 'looking' : `${bytesWords(bytes)} to go`}\n`),
    });
    if (!isJson) tell(host, outcome, io);
    return { host, outcome };
  });
  const document: SyncDocument = { schema: SYNC_SCHEMA, hosts: fetched.map(({ host, outcome }) => toSyncedHost(host, outcome)) };
  if (isJson) io.stdout.write(`${JSON.stringify(document)}\n`);
  else if (hosts.length === 0) io.stdout.write('nothing to fetch: every machine that ssh reaches is connected; for another: tt sync HOST\n');
  const reached = fetched.flatMap(({ host, outcome }) => (outcome.machine === null ? [] : [host]));
  const ofSessions = flag(parsed, 'sessions') ? await sessionsOf(reached, parsed, io) : EXIT_CODES.ok;
  return named.length === 0 && !io.stop.aborted ? EXIT_CODES.ok : agreed([...fetched.flatMap(({ outcome: { error } }) => error?.exitCode ?? []), ofSessions]);
}

/** Of machines that are known by that host; a host that is none's is a failure, after the others. */
async function sessionsOf(hosts: readonly string[], { options }: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const names = machineNames(resolvePaths(io.environment, io.home));
  const labels = hosts.flatMap((host) => names.labelOfHost(host) ?? []);
  const code = labels.length === 0 ? EXIT_CODES.ok : await syncSessions({ args: labels, options }, io);
  const unknown = hosts.filter((host) => names.labelOfHost(host) === undefined);
  for (const host of unknown) io.stderr.write(`${host}: no machine is known by that host; its sessions stay where they are\n  next: tt machines lists them; a new one: tt sync ${host}\n`);
  return unknown.length === 0 ? code : EXIT_CODES.failed;
}

function tell(host: string, { state, machine, stored, duplicates, refused, badLines, gaps, error }: HostOutcome, { stdout, stderr }: CommandIo): void {
  const name = machine === null || machine === host ? host : `${host} (${machine})`;
  if (state === 'connected') return stdout.write(`${name}: connected, what it writes comes by itself\n`);
  const notes = [
    `${plural(stored, 'event')} new`, `${plural(duplicates, 'duplicate')}`, `${refused} refused`,
    ...(badLines > 0 ? [plural(badLines, 'bad line')] : []), ...(gaps > 0 ? [plural(gaps, 'gap')] : []),
  ].join(', ');
  if (error === null) return stdout.write(`${name}: ${notes}\n`);
  if (stored + duplicates + refused > 0) stdout.write(`${name}: ${notes}; not all\n`);
  return stderr.write(`${host}: ${error.message}\n  next: ${error.hint}\n`);
}

/** That of the failures where they agree. */
function agreed(codes: readonly ExitCode[]): ExitCode {
  const failures = new Set(codes.filter((code) => code !== EXIT_CODES.ok));
  const [only = EXIT_CODES.ok] = failures;
  return failures.size > 1 ? EXIT_CODES.failed : only;
}
