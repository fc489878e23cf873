/** `tt-agent forget PATH`: releases what is kept of a deleted log, or of all below a directory. */
import { resolve } from 'node:path';
import * as z from 'zod';
import { flag, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { silentLog } from '../../shared/log.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { askAgent } from '../control-client.ts';
import { requireIdentity } from '../identity.ts';
import { takeAgentLock } from '../lock.ts';
import type { Processes } from '../processes.ts';
import { openSources } from '../sources.ts';
import { createTail } from '../tail/tail.ts';

const FORGET_SCHEMA = 1;
const forgottenSchema = z.array(z.object({ path: z.string(), bytes: z.number(), lostBytes: z.number(), onTheWayBytes: z.number().default(0) }));
type Forgotten = z.infer<typeof forgottenSchema>;

export async function forget(parsed: ParsedCommand, io: CommandIo, processes: Processes): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const [given] = parsed.args;
  if (given === undefined) throw usageError('PATH is missing', 'e.g. tt-agent forget ~/.claude/projects/-home-me-shop');
  const path = resolve(given);
  const request = { method: 'POST', path: '/forget', body: { path } } as const;
  const forgotten = (await askAgent(paths.agentSocket, io.clock, request, (body) => forgottenSchema.parse(body)))
    ?? (await forgetAlone(path, io, processes));
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(toJson(forgotten), null, 2)}\n` : print(path, forgotten));
  return EXIT_CODES.ok;
}

/** No agent runs; none can start meanwhile. */
async function forgetAlone(path: string, io: CommandIo, processes: Processes): Promise<Forgotten> {
  const paths = resolvePaths(io.environment, io.home);
  const config = loadConfig(paths.configFile, io.environment);
  const identity = requireIdentity(paths.machineFile);
  const lock = takeAgentLock(paths.agentLockFile, { clock: io.clock, processes });
  try {
    const tail = createTail({
      clock: io.clock, log: silentLog, watchers: { chokidar: null, plain: null },
      sources: openSources({ paths, config, claudeDirs: claudeConfigDirs(io.environment, io.home), identity }),
      checkpointDir: paths.checkpointDir, badDir: paths.badDir, keptDir: paths.keptDir,
    }, { keptLimitBytes: config.kept_limit_bytes });
    const forgotten = tail.forget(path);
    await tail.close();
    return forgotten;
  } finally {
    lock.release();
  }
}

function toJson(forgotten: Forgotten): unknown {
  return {
    schema: FORGET_SCHEMA, role: 'agent',
    released: forgotten.map(({ path, bytes, lostBytes, onTheWayBytes }) => ({ path, bytes, lost_bytes: lostBytes, on_the_way_bytes: onTheWayBytes })),
  };
}

function print(path: string, forgotten: Forgotten): string {
  if (forgotten.length === 0) return `Nothing is kept of ${path}\n`;
  return forgotten.map(({ path: each, bytes, lostBytes, onTheWayBytes }) => {
    if (bytes === 0 && lostBytes === 0 && onTheWayBytes === 0) return `${each}: still there, and followed as before\n`;
    const lost = [
      ...(lostBytes === 0 ? [] : [`lost: ${lostBytes} bytes that the collector does not have`]),
      ...(onTheWayBytes === 0 ? [] : [`${onTheWayBytes} bytes are on their way: tt gaps names them if they do not arrive`]),
    ];
    return `${each}: ${bytes} bytes released; ${lost.length === 0 ? 'nothing was lost' : lost.join('; ')}\n`;
  }).join('');
}
