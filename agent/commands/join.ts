import { hostname } from 'node:os';
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { toLabel, type CollectorId } from '../../shared/ids.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { parseEndpoint, type Endpoint } from '../../shared/protocol/endpoint.ts';
import { readAnswer } from '../../shared/question.ts';
import { enrol, type Enrolment } from '../enrol.ts';
import { openIdentity } from '../identity.ts';
import { openMachineKey } from '../machine-key.ts';
import { readUplink, writeUplink, type Uplink } from '../uplink-file.ts';
import { createHttpClient, type HttpClient } from '../uplink/http-client.ts';
import { fetchChallenge } from '../uplink/handshake.ts';

/** `tt-agent join URL --code CODE|-`: enrols without asking anything; safe to repeat. */
export async function join(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const config = loadConfig(paths.configFile, io.environment);
  const endpoint = parseEndpoint(parsed.args[0] ?? '');
  const given = textOption(parsed, 'code') ?? '';
  const code = given === '-' ? await readAnswer(io, 'Paste the code, then press Enter: ') : given;
  if (code === '') throw usageError('there is no code', 'on the laptop: tt machines add LABEL; it prints the code');
  const http = createHttpClient(io.clock);
  const pinned = readUplink(paths.uplinkFile);
  const mayReplace = flag(parsed, 'replace');
  // Asked first, so that another collector's code is not spent on a mistake.
  if (pinned && !mayReplace) await fetchChallenge(http, endpoint, pinned).catch(explainOther);
  const { uplink, label } = await joinBy({
    http, endpoint, code, paths, wish: textOption(parsed, 'label'), name: config.label ?? toLabel(hostname()), stays: mayReplace ? undefined : pinned,
  });
  io.stdout.write(`Joined as ${label}: collector ${uplink.collectorId} at ${uplink.url}\n`);
  return EXIT_CODES.ok;
}

export interface JoinOptions {
  http: HttpClient;
  endpoint: Endpoint;
  code: string;
  paths: Pick<Paths, 'machineFile' | 'machineKeyFile' | 'uplinkFile'>;
  /** The label that was asked for here, and the one to have without that; the code's own wins over both. */
  wish?: string | undefined;
  name: string;
  /** The collector that must be the one that answers; undefined: any. */
  stays?: Uplink | undefined;
}

/** Makes an identity and a key where there are none, enrols, and pins the collector. */
export async function joinBy({ http, endpoint, code, paths, wish, name, stays }: JoinOptions): Promise<Enrolment> {
  const identity = openIdentity(paths.machineFile, wish, name);
  const keys = await openMachineKey(paths.machineKeyFile);
  const enrolment = await enrol(http, { endpoint, code, identity, keys });
  requireSame(stays, enrolment.uplink.collectorId);
  writeUplink(paths.uplinkFile, enrolment.uplink);
  openIdentity(paths.machineFile, enrolment.label, enrolment.label);
  return enrolment;
}

function requireSame(pinned: Uplink | undefined, collectorId: CollectorId): void {
  if (pinned && pinned.collectorId !== collectorId) throw otherCollector(undefined);
}

function explainOther(error: unknown): never {
  if (error instanceof TtError && error.code === 'wrong_collector') throw otherCollector(error);
  throw error;
}

function otherCollector(cause: unknown): TtError {
  return new TtError('other_collector', 'this machine has joined another collector already', {
    hint: 'to leave that one, run the same command with --replace; everything is then sent to the new one',
    cause,
  });
}
