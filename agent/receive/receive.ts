/**
 * Takes a session of another machine into this one's Claude directory, so that
 * `claude --resume` goes on with it here. Nothing that was there is lost, and
 * nothing is written anywhere else but to what is kept for 30 days.
 */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { HANDOVER_SCHEMA, handoverRequestSchema, type HandoverAnswer, type HandoverRequest } from '../../shared/protocol/handover.ts';
import { moved } from '../../shared/session-file/repository.ts';
import type { Processes } from '../processes.ts';
import { refuseInUse } from './in-use.ts';
import type { LandingDeps } from './landing.ts';
import { makeDirectories, removeOlder } from './safe-files.ts';
import { landSession } from './session-landing.ts';
import { readBytes, stageFiles, type ByteStream } from './staging.ts';
import { findTarget, type Target } from './target.ts';

export interface ReceiveDeps {
  input: Readable;
  clock: Pick<Clock, 'now' | 'random'>;
  processes: Pick<Processes, 'isAlive' | 'isRunning' | 'pidDomain'>;
  rename: LandingDeps['rename'];
}

export interface ReceiveOptions {
  home: string;
  /** Claude's, in the order of preference. */
  configDirs: readonly string[];
  /** What is replaced is kept there. */
  replacedDir: string;
  /** Does the machine's owner allow others to hand sessions over? */
  isAllowed: boolean;
}

const KEPT_MS = 30 * 86_400_000;
/** No name of a project or session: neither the CLI nor an agent looks into it. */
const STAGING = '.tt-receive-';
const STALE_MS = 86_400_000;

/** Throws what kept it from being done; then nothing was changed, except where the message says so. */
export async function receiveSession({ input, clock, processes, rename }: ReceiveDeps, options: ReceiveOptions): Promise<HandoverAnswer> {
  const stream = readBytes(input);
  const request = parseRequest(await stream.line());
  if (!options.isAllowed && !request.is_own) throw notAllowed();
  const { home, configDirs, replacedDir } = options;
  const nowMs = clock.now();
  removeOlder(replacedDir, nowMs - KEPT_MS);
  const target = findTarget(request, { configDirs, home });
  const projectDirectory = join(target.projectsDir, target.project);
  const refuse = (): void => refuseInUse({ session: request.session, directory: target.directory }, configDirs, processes);
  refuse();
  const place = { schema: HANDOVER_SCHEMA as typeof HANDOVER_SCHEMA, ok: true as const, directory: target.directory, project_directory: projectDirectory };
  if (request.action === 'plan') return { ...place, action: 'plan', is_held: target.isHeld };
  const name = `${String(nowMs).padStart(13, '0')}-${Math.floor(clock.random() * 2 ** 32).toString(16)}`;
  const replaced = join(replacedDir, name);
  const { isReplaced, ...landed } = await stageAndLand(request, target, { stream, refuse, name, deps: { replacedDir: replaced, nowMs: clock.now(), rename } });
  return { ...place, ...landed, action: 'put', replaced: isReplaced ? replaced : null };
}

interface Landing {
  stream: ByteStream;
  /** Once more when all bytes are here, which may take minutes. */
  refuse(): void;
  name: string;
  deps: LandingDeps;
}

async function stageAndLand(request: HandoverRequest, target: Target, { stream, refuse, name, deps }: Landing): Promise<ReturnType<typeof landSession>> {
  const { projectsDir, project, mapping } = target;
  const stagingDir = makeDirectories(projectsDir, [project, `${STAGING}${name}`]);
  // Of one that was killed.
  removeOlder(dirname(stagingDir), deps.nowMs - STALE_MS, STAGING);
  try {
    const toDirectory = mapping && ((path: string): string | undefined => moved(path, mapping));
    const staged = await stageFiles(request, stagingDir, { input: stream, change: toDirectory ? { toDirectory } : {} });
    refuse();
    return landSession(request.session, staged, { projectsDir, project, stagingDir }, deps);
  } finally {
    rmSync(stagingDir, { recursive: true, force: true });
  }
}

function parseRequest(line: string): HandoverRequest {
  try {
    return handoverRequestSchema.parse(JSON.parse(line));
  } catch (error) {
    throw new TtError('request_invalid', 'what was sent is no session that can be taken', { hint: 'bring both sides to the same version; nothing was changed', exitCode: EXIT_CODES.version_skew, cause: error });
  }
}

function notAllowed(): TtError {
  return new TtError('not_allowed', 'this machine takes no sessions of others', {
    hint: 'its owner allows it there: receive = true in ~/.config/tt/config.toml', exitCode: EXIT_CODES.unauthorised,
  });
}
