/** The page's port of a running collector: status, API, live stream and files, put together. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EXIT_CODES, TtError } from '../../shared/errors.ts';
import { hostInUrl, hostOfSocket, isLoopback } from '../../shared/loopback.ts';
import type { CollectorStatus, MachineStatus } from '../../shared/status.ts';
import type { StoreDocument } from '../../shared/store-document.ts';
import { createAnswers, startAnswersThread, type Answers, type AnswersChannel } from '../answers/answers.ts';
import { ANSWERS_ENTRY } from '../answers/entry.ts';
import type { AnswersData, Present } from '../answers/questions.ts';
import type { Page, PageDeps } from '../collector.ts';
import type { EnrolledMachine } from '../enrolment/machine-registry.ts';
import { openConnectionHistory } from '../connection-history.ts';
import { createThroughput } from '../ingest/throughput.ts';
import { openLastKnown } from '../last-known.ts';
import { startOfLocalDay } from '../local-day.ts';
import { openReader } from '../store/database.ts';
import { openEventReader } from '../store/read-events.ts';
import { openStatusReader } from '../store/read-status.ts';
import { toCollectorStatus } from '../status.ts';
import { systemTimeZone } from '../zoned-days.ts';
import { createApp } from './app.ts';
import { readAssets } from './assets.ts';
import { createLiveAnswers } from './live-answers.ts';
import { createLiveFeed } from './live.ts';
import { createMachineFacts } from './machine-facts.ts';
import { createMetrics } from './metrics.ts';
import { createProbeViewer } from './probe-viewer.ts';
import { createReadiness } from './readiness.ts';
import { serve } from './serve.ts';
import { readStoreFacts } from './store-facts.ts';
import { LINK_LIFETIME_MS, openSignIn } from './sign-in.ts';

export interface PageOptions {
  /** Directory of index.html and what it loads. */
  assets?: string;
  /** This computer's own directories of Claude Code. */
  claudeDirs?: readonly string[];
  /** The thread that answers questions. */
  startAnswers?: (data: AnswersData) => AnswersChannel;
}

/** Where the built page lies: beside the program, or in dist/ when it runs from source. */
function assetsBeside(moduleUrl: string): string {
  const folder = fileURLToPath(new URL('.', moduleUrl));
  return join(folder, moduleUrl.endsWith('.ts') ? '../../dist/web' : 'web');
}

/** Opens the database read-only: the writer must have opened it before. */
export async function openPage(deps: PageDeps, options: PageOptions = {}): Promise<Page> {
  const { clock, config, log, registry, links, paths } = deps;
  const { assets = assetsBeside(import.meta.url) } = options;
  requireLoopback(config.ui_host);
  const database = openReader(paths.database);
  const counts = openStatusReader(database);
  const events = openEventReader(database);
  const lastKnown = openLastKnown(paths.lastKnownFile, { clock, links, log, newestRow: () => events.newestRow() });
  const connections = openConnectionHistory(paths.connectionsFile, { clock, links, log });
  let port = config.ui_port;
  const startedMs = clock.now();
  const status = (): CollectorStatus => {
    const nowMs = clock.now();
    return toCollectorStatus({
      nowMs, running: true, collectorId: deps.collectorId, ingestPort: deps.ingestPort, uiPort: port,
      machines: registry.list(),
      linkOf: (machineId) => lastKnown.of(machineId),
      tunnelOf: (machineId) => deps.tunnels.state(machineId),
      stepsOf: (machineId) => deps.steps?.state(machineId),
      countsOf: (machineId) => counts.counts(machineId, { nowMs, dayStartMs: startOfLocalDay(nowMs) }),
    });
  };
  const signIn = openSignIn(paths.pageSessionsFile, { clock, log });
  const { answers, quickAnswers, fileAnswers, closeAnswers } = openAnswers(deps, options, () => withEnrolment(status().machines, registry.list()));
  const throughput = createThroughput({ clock, links });
  const liveAnswers = createLiveAnswers({ clock, log, answers: quickAnswers, timezone: systemTimeZone() });
  let chunks = 0;
  const live = createLiveFeed({ clock, status, events, answers: liveAnswers, rate: () => throughput.rate(), archived: () => chunks });
  deps.archive?.onStored(() => {
    chunks += 1;
    live.changed();
  });
  deps.probes?.shownBy(createProbeViewer(live, clock));
  const readiness = createReadiness({ writer: deps.writer, log, readDatabase: () => events.newestRow() });
  const store = (): StoreDocument => readStoreFacts(paths, { nowMs: clock.now(), startedMs });
  const machines = (): readonly EnrolledMachine[] => registry.list();
  const app = createApp({
    status, live, answers, fileAnswers, signIn, log, readiness, store,
    metrics: config.metrics ? createMetrics({ status, store, links, machines, live, isReady: () => readiness.reasons().length === 0 }) : undefined,
    now: () => clock.now(),
    assets: readAssets(assets),
    hosts: () => hostsOf(config.ui_host, port),
    throughput: () => throughput.document(machines()),
    actions: deps.actions,
    archiveRow: async (machineId) => (await deps.actions['archive.list']({})).machines.find((row) => row.machine_id === machineId),
    ...createMachineFacts({ registry, links, connections, clock }),
  });
  const release = async (): Promise<void> => {
    live.close();
    liveAnswers.close();
    await closeAnswers();
    connections.close();
    lastKnown.close();
    database.close();
  };
  const server = await serve((request) => app.fetch(request), { listen: { host: hostOfSocket(config.ui_host), port }, portVariable: 'TT_UI_PORT' })
    .catch(async (error: unknown) => {
      await release();
      throw error;
    });
  port = server.port ?? port;
  const changed = (): void => live.changed();
  const stopWatching = [links.onChange(changed), registry.onChange(changed), deps.tunnels.onChange(changed)];
  return {
    port,
    status,
    signInLink: () => ({
      url: `http://${hostInUrl(config.ui_host)}:${port}/sign-in?token=${signIn.createToken()}`,
      expiresAtMs: clock.now() + LINK_LIFETIME_MS,
    }),
    async close() {
      readiness.close();
      for (const stop of stopWatching) stop();
      throughput.close();
      await server.close();
      await release();
    },
  };
}

interface AnswerThreads {
  answers: Answers;
  /** Of the live page: it must not wait while somebody asks for the report of a year. */
  quickAnswers: Answers;
  /** Nor must who reads or searches. */
  fileAnswers: Answers;
  closeAnswers(): Promise<void>;
}

function openAnswers({ clock, paths, config }: PageDeps, options: PageOptions, machines: () => Present['machines']): AnswerThreads {
  const { claudeDirs = [], startAnswers = (data: AnswersData) => startAnswersThread(ANSWERS_ENTRY, data) } = options;
  const { database, machineFile, archiveDir, searchDatabase } = paths;
  const open = (): Answers => createAnswers({
    clock, start: () => startAnswers({ database, machineFile, prices: config.prices, archiveDir, searchDatabase, claudeDirs }),
    present: () => ({ nowMs: clock.now(), machines: machines() }),
  });
  const [answers, quickAnswers, fileAnswers] = [open(), open(), open()];
  return {
    answers, quickAnswers, fileAnswers,
    async closeAnswers() {
      await Promise.all([answers.close(), quickAnswers.close(), fileAnswers.close()]);
    },
  };
}

function withEnrolment(machines: readonly MachineStatus[], enrolled: readonly EnrolledMachine[]): Present['machines'] {
  const since = new Map<string, number>(enrolled.map(({ machineId, enrolledAt }) => [machineId, Date.parse(enrolledAt)]));
  return machines.map((machine) => ({ ...machine, enrolledAtMs: since.get(machine.machine_id) ?? 0 }));
}

function requireLoopback(host: string): void {
  if (isLoopback(host)) return;
  throw new TtError('page_not_loopback', `${host} is not a loopback address, and the page has no TLS`, {
    hint: 'keep ui_host at 127.0.0.1 and reach it from elsewhere with: ssh -L 7070:127.0.0.1:7070 HOST',
    exitCode: EXIT_CODES.usage,
  });
}

const HTTP_PORT = 80;

/** `Host` headers by which a browser means the page on this port. It leaves the port out where it goes without saying. */
export function hostsOf(host: string, port: number): ReadonlySet<string> {
  const names = [host, '127.0.0.1', 'localhost', '::1'].map((name) => hostInUrl(name).toLowerCase());
  return new Set(names.flatMap((name) => [`${name}:${port}`, ...(port === HTTP_PORT ? [name] : [])]));
}
