/**
 * `tt-agent drain`: the far end of `tt sync`. One agent from its first look to
 * the last ack of what that look met, its way to the collector being the stdin
 * and stdout it was started with. It writes what every agent writes, below the
 * two directories of tt, and nothing else.
 */
import { hostname } from 'node:os';
import type { CommandIo, ParsedCommand } from '../../shared/cli.ts';
import { usageError } from '../../shared/cli.ts';
import { loadConfig, type Config } from '../../shared/config.ts';
import { EXIT_CODES, messageOf, TtError, type ExitCode } from '../../shared/errors.ts';
import { toLabel } from '../../shared/ids.ts';
import { aborted } from '../../shared/lifecycle.ts';
import { createLog } from '../../shared/log.ts';
import { claudeConfigDirs, resolvePaths, type Paths } from '../../shared/paths.ts';
import { parseEndpoint } from '../../shared/protocol/endpoint.ts';
import { createPipe, type Pipe } from '../../shared/protocol/pipe.ts';
import { goSchema, type FromAgent, type Go } from '../../shared/protocol/sync-messages.ts';
import type { AgentStatus } from '../../shared/status.ts';
import { VERSION } from '../../shared/version.ts';
import { openAgent, type Agent } from '../agent.ts';
import type { Processes } from '../processes.ts';
import { readUplink } from '../uplink-file.ts';
import { createHttpClient } from '../uplink/http-client.ts';
import { joinBy } from './join.ts';

const LOOK_MS = 200;
const PROBLEM_CHARACTERS = 1000;

export async function drain(_parsed: ParsedCommand, io: CommandIo, processes: Processes): Promise<ExitCode> {
  const { bytes } = io;
  const isTerminal = 'isTTY' in io.stdin && io.stdin.isTTY === true;
  if (!bytes || isTerminal) throw usageError('there is no pipe to drain into', 'on the laptop: tt sync HOST');
  const answer = createAnswer();
  const pipe = createPipe({ input: io.stdin, output: bytes }, { onMessage: answer.take });
  const say = (message: FromAgent): void => pipe.say(message);
  try {
    const paths = resolvePaths(io.environment, io.home);
    const config = loadConfig(paths.configFile, io.environment);
    say({ type: 'here', version: VERSION, collector_id: readUplink(paths.uplinkFile)?.collectorId ?? null });
    const over = Promise.race([pipe.ended, aborted(io.stop)]).then(() => Promise.reject(cutOff()));
    const go = await Promise.race([answer.promise, over]);
    const { files, bad_lines: badLines, gaps } = await Promise.race([drainBy(go, pipe, { io, paths, config, processes }), over]);
    say({ type: 'drained', files: files ?? 0, bad_lines: badLines ?? 0, gaps: gaps.length });
    return EXIT_CODES.ok;
  } catch (error) {
    const { code, hint, exitCode } = error instanceof TtError ? error : { code: 'failed', hint: 'ssh there and see: is its home writable, is its disk full?', exitCode: EXIT_CODES.failed };
    say({ type: 'failed', code, message: messageOf(error), hint, exit_code: exitCode });
    return exitCode;
  } finally {
    pipe.close();
  }
}

interface Surroundings {
  io: CommandIo;
  paths: Paths;
  config: Config;
  processes: Processes;
}

async function drainBy({ endpoint: url, code }: Go, pipe: Pipe, { io, paths, config, processes }: Surroundings): Promise<AgentStatus> {
  const { clock } = io;
  const endpoint = parseEndpoint(url);
  const connect = (): ReturnType<Pipe['open']> => pipe.open();
  if (code !== null) await joinBy({ http: createHttpClient(clock, connect), endpoint, code, paths, name: config.label ?? toLabel(hostname()) });
  const log = createLog(config.log_level, io.stderr);
  const claudeDirs = claudeConfigDirs(io.environment, io.home);
  const agent = await openAgent({ paths, config, claudeDirs, pipe: { url: endpoint.url, connect } }, { clock, log, processes });
  try {
    return await untilDrained(agent, io, (status) => pipe.say({ type: 'progress', backlog_bytes: status.backlog_bytes } satisfies FromAgent));
  } finally {
    if (io.stop.aborted) agent.abandon();
    await agent.close();
  }
}

/** Of what the first look met everything is acknowledged. Throws at the first end of the connection: there is no second way; and where only what can not be read is left. */
async function untilDrained(agent: Agent, { clock, stop }: CommandIo, onProgress: (status: AgentStatus) => void): Promise<AgentStatus> {
  const banned = agent.ended.then((end) => {
    if (end.kind !== 'banned') throw cutOff();
    throw new TtError(end.code, `the collector says: this machine is ${end.code}`, { hint: end.hint, exitCode: EXIT_CODES.unauthorised });
  });
  await Promise.race([agent.ready, banned]);
  for (let at = 1; !stop.aborted; at += 1) {
    const status = agent.status();
    if (status.connected && status.drained_at !== null) return status;
    if (!status.connected) throw notConnected(status);
    if (status.blocked === true) throw unreadable(status);
    if (at % 5 === 0) onProgress(status);
    await Promise.race([clock.sleep(LOOK_MS, stop), banned]);
  }
  throw cutOff();
}

function notConnected({ problems }: AgentStatus): TtError {
  return new TtError('not_connected', problems[0] ?? 'the collector closed the connection', {
    hint: 'what arrived is stored; run it again for the rest', exitCode: EXIT_CODES.unreachable,
  });
}

function unreadable({ problems: [first = 'not all of it can be read', ...more] }: AgentStatus): TtError {
  return new TtError('unreadable', `${first.slice(0, PROBLEM_CHARACTERS)}${more.length === 0 ? '' : ` (and ${more.length} more)`}`, {
    hint: 'all else is stored; mend that on the machine (tt-agent status there tells all of it), then run it again', exitCode: EXIT_CODES.unhealthy,
  });
}

function cutOff(): TtError {
  return new TtError('cut_off', 'it was cut off before everything was sent', {
    hint: 'what was acknowledged is stored; run it again for the rest', exitCode: EXIT_CODES.unreachable,
  });
}

function createAnswer(): { promise: Promise<Go>; take: (value: unknown) => void } {
  let take = (_value: unknown): void => {};
  const promise = new Promise<Go>((resolve, reject) => {
    take = (value) => {
      const parsed = goSchema.safeParse(value);
      if (parsed.success) resolve(parsed.data);
      else reject(new TtError('protocol', 'what tt sync said is not understood', { hint: 'bring both sides to the same version', exitCode: EXIT_CODES.version_skew }));
    };
  });
  promise.catch(() => {});
  return { promise, take: (value) => take(value) };
}
