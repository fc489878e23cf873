/** `tt doctor`: what is wrong with the collector and its machines, and what to do about it. */
import { existsSync } from 'node:fs';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig, type SyncRule } from '../../shared/config.ts';
import { doctorText, exitCodeOf, toDoctorDocument, type Check } from '../../shared/doctor/check.ts';
import type { ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { timeProbe, type Probe } from '../../shared/probe.ts';
import { readService } from '../../shared/service/actions.ts';
import type { ServiceProgram } from '../../shared/service/service.ts';
import { printTimestamp } from '../../shared/timestamp.ts';
import { VERSION } from '../../shared/version.ts';
import { createControlClient, isNotRunning } from '../control/control-client.ts';
import { examineCollector } from '../doctor/doctor.ts';
import { noteCheck } from '../last-check.ts';
import { readStatus } from './status.ts';

export async function doctor(parsed: ParsedCommand, io: CommandIo, service: ServiceProgram): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const machine = textOption(parsed, 'machine');
  const isProbe = flag(parsed, 'probe');
  if (machine !== undefined && !isProbe) throw usageError('--machine names whose agent is to send a probe', `tt doctor --probe --machine ${machine}`);
  const checks = isProbe ? [] : await examine(paths, io, service, flag(parsed, 'deep'));
  note(checks, paths, { atMs: io.clock.now(), deep: flag(parsed, 'deep') });
  const probes = isProbe ? await probe(paths, io, machine) : [];
  const document = toDoctorDocument({ role: 'collector', version: VERSION, checks, probes });
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : doctorText(document, 'The collector'));
  return exitCodeOf(document);
}

function examine(paths: Paths, io: CommandIo, service: ServiceProgram, deep: boolean): Promise<Check[]> {
  const nowMs = io.clock.now();
  if (io.stderr.isTTY) io.stderr.write(deep ? 'looking at every row and index, which takes a while …\n' : 'looking …\n');
  return examineCollector({
    paths, nowMs, deep,
    nodeVersion: io.program.nodeVersion,
    status: () => readStatus(paths, nowMs),
    reports: () => readReports(paths),
    archives: () => readArchives(paths),
    checkConfig: () => void loadConfig(paths.configFile, io.environment),
    rules: () => rulesOf(paths, io),
    service: () => readService(service, io),
  });
}

/** What is wrong with the configuration is told by a check of its own. */
function rulesOf({ configFile }: Paths, io: CommandIo): readonly SyncRule[] {
  try {
    return loadConfig(configFile, io.environment).sync;
  } catch {
    return [];
  }
}

/** What it found of the database, for the page. Where it can not be noted, the answer is the same. */
function note(checks: readonly Check[], { database, lastCheckFile }: Paths, { atMs, deep }: { atMs: number; deep: boolean }): void {
  const found = checks.filter(({ id }) => id === 'database');
  if (found.length === 0 || !existsSync(database)) return;
  try {
    noteCheck(lastCheckFile, { at: printTimestamp(atMs), deep, problems: found.flatMap(({ state, summary }) => (state === 'ok' ? [] : [summary])) });
  } catch {
    // Only words depend on it.
  }
}

async function readReports({ controlSocket }: Paths) {
  try {
    return (await createControlClient(controlSocket).call('machines.reports', {})).machines;
  } catch (error) {
    if (isNotRunning(error)) return null;
    throw error;
  }
}

async function readArchives({ controlSocket }: Paths) {
  try {
    return (await createControlClient(controlSocket).call('archive.list', {})).machines;
  } catch (error) {
    if (isNotRunning(error)) return null;
    throw error;
  }
}

/** Of one machine, or of all that are connected. Throws `collector_not_running`. */
async function probe(paths: Paths, io: CommandIo, machine: string | undefined): Promise<Probe[]> {
  const control = createControlClient(paths.controlSocket);
  const { machines } = await control.call('status', {});
  const named = machines.find(({ label, machine_id }) => label === machine || machine_id === machine);
  if (machine !== undefined && named === undefined) throw usageError(`no machine is called ${JSON.stringify(machine)}`, '`tt machines` lists them');
  const asked = named === undefined ? machines.filter(({ connected }) => connected) : [named];
  if (asked.length === 0) return [timeProbe({ id: '', machine: null, hops: [], goal: 'page', problem: 'no agent is connected: tt status' })];
  if (io.stderr.isTTY) io.stderr.write(`asking ${asked.map(({ label }) => label).join(', ')} for a probe …\n`);
  return Promise.all(asked.map(({ label }) => control.call('machines.probe', { label })));
}
