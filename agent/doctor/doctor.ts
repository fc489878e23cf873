/** Every check of one machine, in the order of what rests on what. Reads only, and works with the agent stopped. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandIo } from '../../shared/cli.ts';
import { guarded, type Check } from '../../shared/doctor/check.ts';
import { judgeRoom, readRoom } from '../../shared/doctor/disk-room.ts';
import { judgeNode } from '../../shared/doctor/node-version.ts';
import { judgeModes, readModes } from '../../shared/doctor/private-files.ts';
import { judgeService, type ServiceFacts } from '../../shared/doctor/service-kept.ts';
import { loadConfig } from '../../shared/config.ts';
import { claudeConfigDirs, resolvePaths, type Paths } from '../../shared/paths.ts';
import type { RunProgram } from '../../shared/service/service.ts';
import type { AgentStatus } from '../../shared/status.ts';
import { VERSION } from '../../shared/version.ts';
import { readEndpointFile, readUplink } from '../uplink-file.ts';
import { createHttpClient } from '../uplink/http-client.ts';
import { judgeClaudeDirectories, judgeRetention, readClaudeDirectory } from './claude-directories.ts';
import { judgeReach, judgeRunning, readReach } from './connection.ts';
import { judgeHookActivity, readHookActivity } from './hook-activity.ts';
import { judgeClones, judgeIdentity, readCloneFacts, readIdentityFacts } from './identity.ts';
import { judgeReading } from './reading.ts';
import { judgeTmuxHooks } from './tmux-hooks.ts';
import { readTmux } from './tmux.ts';
import { judgeWatchLimits, readWatchLimits } from './watch-limits.ts';

export interface AgentDoctorDeps {
  io: Pick<CommandIo, 'environment' | 'home' | 'clock'>;
  /** Of the running agent, else what it said last. */
  status: AgentStatus;
  /** An agent runs, and does not say what it does. */
  skew?: Check | undefined;
  /** `process.versions.node`. */
  nodeVersion: string | undefined;
  run: RunProgram;
  service: () => Promise<ServiceFacts>;
}

export async function examineMachine({ io, status, skew, nodeVersion, run, service }: AgentDoctorDeps): Promise<Check[]> {
  const paths = resolvePaths(io.environment, io.home);
  const nowMs = io.clock.now();
  const claudeDirs = claudeConfigDirs(io.environment, io.home);
  const found = await Promise.all([
    guarded('node', () => (nodeVersion === undefined ? [] : judgeNode(nodeVersion))),
    guarded('config', () => {
      loadConfig(paths.configFile, io.environment);
      return [];
    }),
    guarded('identity', () => judgeIdentity(readIdentityFacts(paths))),
    guarded('clone', () => judgeClones(readCloneFacts(paths, status))),
    guarded('agent', () => (skew === undefined ? judgeRunning(status, VERSION) : [skew])),
    guarded('collector', () => examineReach(paths, io)),
    guarded('service', async () => judgeService(await service())),
    guarded('backlog', () => judgeReading(status, nowMs)),
    guarded('claude-directories', () => examineClaude(claudeDirs)),
    guarded('tmux-hooks', async () => {
      const tmux = await readTmux(run);
      return [...judgeTmuxHooks(tmux), ...judgeHookActivity(readHookActivity(paths, claudeDirs, nowMs), { usesTmux: tmux.running })];
    }),
    guarded('watches', () => judgeWatchLimits(readWatchLimits([paths.dataDir, ...claudeDirs.map((directory) => join(directory, 'projects'))]))),
    guarded('permissions', () => judgeModes(readModes(privatePaths(paths)))),
    guarded('disk', () => judgeRoom(readRoom(paths.dataDir))),
  ]);
  return found.flat();
}

/** Nothing to ask where it has not joined: the check "identity" says so. */
async function examineReach(paths: Paths, { clock }: Pick<CommandIo, 'clock'>): Promise<Check[]> {
  const uplink = readUplink(paths.uplinkFile);
  if (!uplink) return [];
  const fromTunnel = readEndpointFile(paths.endpointFile);
  const way = { url: fromTunnel ?? uplink.url, collectorId: uplink.collectorId, isFromTunnel: fromTunnel !== undefined };
  return judgeReach(await readReach(way, createHttpClient(clock), clock));
}

function examineClaude(claudeDirs: readonly string[]): Check[] {
  const directories = claudeDirs.map(readClaudeDirectory);
  return [...judgeClaudeDirectories(directories), ...judgeRetention(directories)];
}

/** Our directories, and what lies directly in them: events and keys. */
function privatePaths({ dataDir, stateDir, runtimeDir, logDir, checkpointDir, keptDir, badDir }: Paths): string[] {
  const directories = [dataDir, stateDir, runtimeDir, logDir, checkpointDir, keptDir, badDir];
  return [...directories, ...[dataDir, stateDir].flatMap(filesIn)];
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => join(directory, name)).filter(isOurs);
  } catch {
    return [];
  }
}

/** The earlier tool's files, and the hooks' (which hold nothing private), have the modes they were given. */
function isOurs(path: string): boolean {
  return !/(?:^|\/)(?:tt\.db.*|events\.jsonl\.1|hook\.sh|tmux-hooks\.conf|\.[^/]*|.*\.sh)$/.test(path);
}
