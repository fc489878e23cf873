/**
 * Puts the agent together.
 *
 * Start: identity and lock, control socket, checkpoints, first look and first
 * dial at once; ready when the first look has ended and the connection was tried.
 * Stop: nothing new is read, at most 5 s for acks, the connection is closed
 * (1001), checkpoints, last status, control socket, lock; each of them whatever
 * became of the others. `abandon` leaves out the waiting; what was not
 * acknowledged is then sent again by the next start. An agent whose lock another
 * one took writes and removes nothing any more.
 */
import { randomUUID } from 'node:crypto';
import { basename, dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock } from '../shared/clock.ts';
import { createClosing, type Closing } from '../shared/closing.ts';
import type { Config } from '../shared/config.ts';
import { messageOf, TtError } from '../shared/errors.ts';
import { toInstanceId } from '../shared/ids.ts';
import { EVENT_LOG_ROTATE_BYTES } from '../shared/limits.ts';
import type { Log } from '../shared/log.ts';
import type { Paths } from '../shared/paths.ts';
import { makePrivateDirectory } from '../shared/atomic-file.ts';
import type { KeyPair } from '../shared/protocol/tokens.ts';
import { dial } from '../shared/protocol/web-socket.ts';
import type { AgentStatus } from '../shared/status.ts';
import { toAgentStatus, writeLastStatus } from './agent-status.ts';
import { forgetRequestSchema } from './control-requests.ts';
import { createMirror } from './archive/mirror.ts';
import { createProjectRule } from './archive/project-rule.ts';
import { projectRoots } from './claude/source.ts';
import { openControlServer } from './control-server.ts';
import { removeSpentSegments, rotateEventLog } from './event-log/segments.ts';
import { adoptLabel, requireIdentity, type MachineIdentity } from './identity.ts';
import { LOCK_HEARTBEAT_MS, takeAgentLock, type AgentLock } from './lock.ts';
import { openMachineKey } from './machine-key.ts';
import { createProbes } from './probes.ts';
import type { Processes } from './processes.ts';
import { openRegistryWatch, type RegistryWatch } from './registry/registry-watch.ts';
import { openSources } from './sources.ts';
import { createDirectoryWatch } from './tail/directory-watch.ts';
import { createTail, type Tail } from './tail/tail.ts';
import { readEndpointFile, requireUplink } from './uplink-file.ts';
import { createHttpClient } from './uplink/http-client.ts';
import { createUplink, type AgentUplink, type UplinkEnd } from './uplink/uplink.ts';
import { watchForWake } from './uplink/wake-watch.ts';

export interface AgentOptions {
  paths: Paths;
  config: Config;
  claudeDirs: readonly string[];
  /** The only way to the collector, whatever `uplink.json` and `endpoint.json` say. */
  pipe?: { url: string; connect: () => Duplex };
}

export interface AgentDeps {
  clock: Clock;
  log: Log;
  processes: Processes;
}

export interface Agent {
  /** Resolves when everything was looked at once and the connection is up or was tried. */
  readonly ready: Promise<void>;
  /** Resolves when it stopped, or a person must act first; rejects when it can not go on. */
  readonly ended: Promise<UplinkEnd>;
  status(): AgentStatus;
  /** Idempotent. */
  close(): Promise<void>;
  /** Cuts `close` short. */
  abandon(): void;
}

const ACK_GRACE_MS = 5000;
const ROTATION_CHECK_MS = 30_000;

/** Throws `identity_missing`, `not_joined`, `agent_running`, `state_in_use` and what the files throw; nothing stays open then. */
export async function openAgent(options: AgentOptions, deps: AgentDeps): Promise<Agent> {
  const { paths } = options;
  const identity = requireIdentity(paths.machineFile);
  requireUplink(paths.uplinkFile);
  const keys = await openMachineKey(paths.machineKeyFile);
  makePrivateDirectory(paths.dataDir);
  const closing = createClosing();
  try {
    return await compose({ ...options, identity, keys }, deps, closing);
  } catch (error) {
    await closing.close().catch((failure: unknown) => deps.log.warn({ error: messageOf(failure) }, 'could not close all that was open'));
    throw error;
  }
}

interface Parts extends AgentOptions {
  identity: MachineIdentity;
  keys: KeyPair;
}

async function compose({ paths, config, claudeDirs, pipe, identity, keys }: Parts, deps: AgentDeps, closing: Closing): Promise<Agent> {
  const { clock, log } = deps;
  const lock = takeAgentLock(paths.agentLockFile, deps);
  closing.add(() => lock.release());
  // What it answers with is there before anybody is heard: from here to the end nothing is waited for.
  const control = await openControlServer(paths.agentSocket, {
    'GET /status': () => status(),
    'POST /look': () => lookEverywhere({ registry, tail, uplink, tidy }),
    'POST /probe': () => probes.send({ machine: identity.label, ...uplink.status() }),
    'POST /forget': (body) => tail.forget(forgetRequestSchema.parse(body).path),
  });
  closing.add(() => control.close());

  const probes = createProbes({ clock, statusLog: paths.statusLog });
  // Before the first look, so that what changed while no agent ran is part of it.
  const registry = openRegistryWatch(claudeDirs, {
    clock, log, processes: deps.processes, machineId: identity.machineId, statusLog: paths.statusLog, openStatusesFile: paths.openStatusesFile,
    watch: createDirectoryWatch,
  });
  closing.add(() => registry.close());
  const tail = createTail(
    { clock, log, sources: openSources({ paths, config, claudeDirs, identity, onProbe: probes.read }), checkpointDir: paths.checkpointDir, badDir: paths.badDir, keptDir: paths.keptDir },
    { ignoredDirectories: [paths.archiveDir], keptLimitBytes: config.kept_limit_bytes },
  );
  closing.add(() => tail.close());
  const firstLook = tail.start();
  const mirror = createMirror({ clock, log, roots: projectRoots(claudeDirs), rule: createProjectRule(config), kept: () => tail.linked() });
  const tried = createSignal();
  const uplink = createUplink({
    clock, log, feed: tail, probes, mirror,
    dial: pipe ? (url, options, handlers) => dial(url, { ...options, connect: pipe.connect }, handlers) : dial,
    http: createHttpClient(clock, pipe?.connect),
    credentials: { identity, keys, instance: toInstanceId(randomUUID()) },
    readUplink: () => requireUplink(paths.uplinkFile),
    readEndpoint: () => pipe?.url ?? readEndpointFile(paths.endpointFile),
    onLabel: (label) => takeLabel(label, paths, identity, log),
    onChange: tried.done,
  });
  const status = (): AgentStatus => {
    const feed = tail.status();
    const problems = [...feed.problems, ...registry.problems()];
    return toAgentStatus({ identity, collectorId: collectorIdOf(paths), feed: { ...feed, problems }, uplink: uplink.status() });
  };
  const tidy = (): void => tidyLogs(paths, { tail, uplink, clock, log });
  const holding = holdLock(lock, { paths, tail, uplink });
  closing.add(() => lastWords(paths, { tail, status, holding, clock }));
  closing.add(() => mirror.close());
  closing.add(() => uplink.close(ACK_GRACE_MS));
  closing.add(() => registry.close());
  closing.add(() => probes.close());
  closing.add(watchFiles([paths.endpointFile, paths.uplinkFile], () => uplink.endpointChanged()));
  closing.add(clock.every(ROTATION_CHECK_MS, tidy));
  closing.add(clock.every(LOCK_HEARTBEAT_MS, () => void holding.check()));
  closing.add(watchForWake(clock, () => {
    // What slept long enough may have been taken for dead.
    if (!holding.check()) return;
    log.info({}, 'woke up: looking at everything, testing the connection');
    lookEverywhere({ registry, tail, uplink, tidy });
  }));
  closing.add(() => void holding.check());
  const running = uplink.run();
  const ended = Promise.race([holding.lost, running]);
  ended.catch(() => {}); // As of `lost`: at the end nobody may be waiting for it any more.
  return {
    ready: Promise.all([firstLook, Promise.race([tried.promise, running])]).then(() => {}),
    ended,
    status,
    close: () => closing.close(),
    abandon: () => uplink.abandon(),
  };
}

interface Holding {
  /** False: another agent has the state directory, and from then on nothing is written there any more. */
  check(): boolean;
  readonly isLost: boolean;
  /** Rejects when it is. */
  readonly lost: Promise<never>;
}

/** Limit: a takeover is noticed at the next heartbeat, after waking up, and at the end; what was written before stands. */
function holdLock(lock: AgentLock, { paths, tail, uplink }: { paths: Paths; tail: Tail; uplink: AgentUplink }): Holding {
  const failure = createFailure();
  let isLost = false;
  return {
    check() {
      if (isLost || lock.refresh()) return !isLost;
      isLost = true;
      tail.disown();
      failure.fail(lockLost(paths));
      uplink.abandon();
      return false;
    },
    get isLost() {
      return isLost;
    },
    lost: failure.promise,
  };
}

interface LastWords {
  tail: Tail;
  status: () => AgentStatus;
  holding: Holding;
  clock: Clock;
}

async function lastWords({ agentStatusFile }: Paths, { tail, status, holding, clock }: LastWords): Promise<void> {
  const last = status();
  await tail.close();
  if (!holding.isLost) writeLastStatus(agentStatusFile, last, clock.now());
}

/** What is else done every now and then. */
function lookEverywhere({ registry, tail, uplink, tidy }: { registry: RegistryWatch; tail: Tail; uplink: AgentUplink; tidy: () => void }): Record<string, never> {
  tidy();
  registry.lookNow();
  tail.lookNow();
  uplink.wokeUp();
  return {};
}

function createSignal(): { promise: Promise<void>; done: () => void } {
  let done = (): void => {};
  const promise = new Promise<void>((resolve) => {
    done = resolve;
  });
  return { promise, done };
}

function createFailure(): { promise: Promise<never>; fail: (error: Error) => void } {
  let fail = (_error: Error): void => {};
  const promise = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // Nobody may be waiting for it any more when it comes.
  promise.catch(() => {});
  return { promise, fail };
}

function collectorIdOf({ uplinkFile }: Paths): string | null {
  try {
    return requireUplink(uplinkFile).collectorId;
  } catch {
    return null;
  }
}

function lockLost({ stateDir }: Paths): TtError {
  return new TtError('lock_lost', `another agent took over ${stateDir}`, {
    hint: 'one agent per state directory: is the home shared with another host? Give each its own XDG_DATA_HOME and XDG_STATE_HOME',
  });
}

function takeLabel(label: string, { machineFile }: Paths, identity: MachineIdentity, log: Log): void {
  try {
    adoptLabel(machineFile, identity, label);
  } catch (error) {
    log.warn({ label, error: messageOf(error) }, 'the collector has another name for this machine, which could not be written');
  }
}

function tidyLogs(paths: Paths, { tail, uplink, clock, log }: Pick<AgentDeps, 'clock' | 'log'> & { tail: Tail; uplink: AgentUplink }): void {
  rotate(paths, clock, log);
  // Connected: the collector's ledger has just confirmed what was acknowledged.
  if (uplink.status().connected) removeSpent(paths, tail, { clock, log });
}

function rotate(paths: Paths, clock: Clock, log: Log): void {
  for (const path of [paths.eventLog, paths.statusLog]) {
    try {
      const segment = rotateEventLog(path, EVENT_LOG_ROTATE_BYTES, clock);
      if (segment !== undefined) log.info({ segment }, 'rotated');
    } catch (error) {
      log.warn({ path, error: messageOf(error) }, 'could not rotate; it goes on growing');
    }
  }
}

function removeSpent(paths: Paths, tail: Pick<Tail, 'acknowledgedTo'>, { clock, log }: Pick<AgentDeps, 'clock' | 'log'>): void {
  const isAcknowledged = (path: string, sizeBytes: number): boolean => (tail.acknowledgedTo(path) ?? -1) >= sizeBytes;
  for (const path of [paths.eventLog, paths.statusLog]) {
    try {
      for (const segment of removeSpentSegments(path, { clock, isAcknowledged })) log.info({ segment }, 'removed: acknowledged to its end and a day old');
    } catch (error) {
      log.warn({ path, error: messageOf(error) }, 'could not remove old segments');
    }
  }
}

/** Hints only: every attempt reads the files anyway. */
function watchFiles(files: readonly string[], onChange: () => void): () => void {
  const directories = new Set(files.map(dirname));
  for (const directory of directories) makePrivateDirectory(directory);
  const watcher = createDirectoryWatch({
    changed(directory, name) {
      if (files.some((file) => dirname(file) === directory && (name === null || basename(file) === name))) onChange();
    },
    failed() {},
  });
  for (const directory of directories) watcher.add(directory);
  return () => {
    watcher.close().catch(() => {});
  };
}
