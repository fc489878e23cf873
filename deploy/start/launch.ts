/**
 * `npm start`: this machine's collector and agent together, in the foreground,
 * until Ctrl-C. Speaks to both only as anybody would: through their commands
 * (docs/schemas). What runs already is used and left running.
 */
import type { z } from 'zod';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { aborted } from '../../shared/lifecycle.ts';
import { resolvePaths, type Environment } from '../../shared/paths.ts';
import { agentStatusSchema, collectorStatusSchema, machineAddedSchema, type AgentStatus, type CollectorStatus } from '../../shared/status.ts';
import type { Clock } from '../../shared/clock.ts';
import { ask, startProgram, type Answer, type ProgramEnd, type RunningProgram } from './child-program.ts';

export interface LaunchOptions {
  /** The two built programs. */
  programs: { collector: string; agent: string };
  environment: Environment;
  home: string;
  clock: Clock;
  stop: AbortSignal;
  abandon: AbortSignal;
  print(text: string): void;
  /** Passes on what both programs log. */
  showLogs: boolean;
}

const READY_TIMEOUT_MS = 60_000;
/** After a second Ctrl-C. Programs of ours end at once then; this is for one that hangs. */
const KILL_AFTER_MS = 5000;

/** Returns when both have ended. Throws TtError when one cannot be started. */
export async function launch(options: LaunchOptions): Promise<ExitCode> {
  const running: RunningProgram[] = [];
  try {
    const collector = await bringUpCollector(options, running);
    const agent = await bringUpAgent(options, collector, running);
    options.print(await welcome(options, collector, agent));
    options.print(running.length > 0 ? '  stop      Ctrl-C\n' : 'Both were running already and go on without this terminal.\n');
    if (running.length === 0) return EXIT_CODES.ok;
    return await watch(options, running);
  } catch (error) {
    // Ctrl-C before both were ready: what has begun is ended in order, as it was asked for.
    if (options.stop.aborted) return EXIT_CODES.ok;
    throw error;
  } finally {
    await drain(options, running);
  }
}

/** Waits for Ctrl-C or for a program to end that should not. */
async function watch(options: LaunchOptions, running: readonly RunningProgram[]): Promise<ExitCode> {
  const stopped = aborted(options.stop).then(() => undefined);
  const end = await Promise.race([stopped, ...running.map(async (program) => ({ program, end: await program.ended }))]);
  if (end === undefined) {
    options.print('\nStopping: the agent first, then the collector. Ctrl-C again stops at once.\n');
    return EXIT_CODES.ok;
  }
  options.print(`\n${describeEnd(end.program.name, end.end)}\n`);
  return EXIT_CODES.failed;
}

/** In the reverse order of their start, so that the agent's last batches are stored. */
async function drain({ abandon, clock }: LaunchOptions, running: readonly RunningProgram[]): Promise<void> {
  let cancelKill = (): void => {};
  const now = (): void => {
    for (const program of running) program.terminate();
    cancelKill = clock.after(KILL_AFTER_MS, () => {
      for (const program of running) program.kill();
    });
  };
  if (abandon.aborted) now();
  else abandon.addEventListener('abort', now, { once: true });
  for (const program of running.toReversed()) {
    program.terminate();
    await program.ended;
  }
  abandon.removeEventListener('abort', now);
  cancelKill();
}

async function bringUpCollector(options: LaunchOptions, running: RunningProgram[]): Promise<CollectorStatus> {
  const { programs: { collector: script } } = options;
  const before = await readStatus(options, script, collectorStatusSchema);
  if (before?.running) return before;
  await startAndWait(options, running, { name: 'collector', script, args: ['collector', 'run'] });
  const after = await readStatus(options, script, collectorStatusSchema);
  if (after?.running) return after;
  throw new TtError('collector_silent', 'the collector started but tells no status', { hint: `run \`node ${script} status\`` });
}

async function bringUpAgent(options: LaunchOptions, collector: CollectorStatus, running: RunningProgram[]): Promise<AgentStatus> {
  const { programs: { agent: script } } = options;
  const known = await readStatus(options, script, agentStatusSchema);
  const before = known?.collector_id && !lostItsWay(known, collector) ? known : await enrol(options, known);
  if (before.collector_id !== collector.collector_id) {
    throw new TtError('other_collector', 'the agent of this machine already reports to another collector', {
      hint: `run only the collector (\`node ${options.programs.collector} collector run\`), or move the agent to it: \`node ${script} join URL --code CODE --replace\``,
    });
  }
  if (before.running) return before;
  await startAndWait(options, running, { name: 'agent', script, args: ['run'] });
  return before;
}

/** Ours, but told a loopback port that the collector has no longer (`ingest_port = 0` picks another each time). */
function lostItsWay(agent: AgentStatus, collector: CollectorStatus): boolean {
  const port = /^http:\/\/127\.0\.0\.1:(\d+)$/.exec(agent.endpoint ?? '')?.[1];
  return !agent.running && agent.collector_id === collector.collector_id && port !== undefined && Number(port) !== collector.ingest_port;
}

/** Gives this machine an identity, gets a code for it, and joins. Each step may be repeated after a failure. */
async function enrol(options: LaunchOptions, known: AgentStatus | undefined): Promise<AgentStatus> {
  const { programs: { agent, collector }, environment } = options;
  if (!known?.machine_id) succeeded(await ask(agent, ['init'], environment), 'give this machine an identity');
  const label = (await readStatus(options, agent, agentStatusSchema))?.label;
  if (!label) throw new TtError('no_label', 'this machine has no label', { hint: `run \`node ${agent} init --label NAME\`` });
  const first = await ask(collector, ['machines', 'add', label, '--json'], environment);
  // The collector may know the label from before: then this machine may have it again, and no other can.
  const again = first.code === 0 ? first : await ask(collector, ['machines', 'add', label, '--again', '--json'], environment);
  const added = succeeded(again.code === 0 ? again : first, 'get an enrolment code');
  const { code, url } = parse(machineAddedSchema, added, 'machines add --json');
  succeeded(await ask(agent, ['join', url, '--code', '-'], environment, `${code}\n`), 'enrol this machine');
  const joined = await readStatus(options, agent, agentStatusSchema);
  if (joined?.collector_id) return joined;
  throw new TtError('not_joined', 'the agent joined but does not say so', { hint: `run \`node ${agent} status\`` });
}

/** Among `running` from its first moment on: whatever becomes of it, it is ended. */
async function startAndWait(options: LaunchOptions, running: RunningProgram[], { name, script, args }: { name: string; script: string; args: string[] }): Promise<void> {
  const program = startProgram({
    name, script, args, environment: options.environment,
    ...(options.showLogs ? { onLine: (line: string) => options.print(`${name}: ${line}\n`) } : {}),
  });
  running.push(program);
  const waiting = new AbortController();
  const late = options.clock.sleep(READY_TIMEOUT_MS, waiting.signal).then(() => 'late' as const);
  const outcome = await Promise.race([program.ready, late, aborted(options.stop).then(() => 'stopped' as const)]);
  waiting.abort();
  if (outcome === undefined) throw endedEarly(name, await program.ended);
  if (outcome === 'late' || outcome === 'stopped') {
    if (outcome === 'late') program.kill();
    throw new TtError('not_ready', `the ${name} ${outcome === 'late' ? 'was not ready in time' : 'was stopped before it was ready'}`, {
      hint: 'run `npm start -- --logs` and look at what it says',
    });
  }
}

function endedEarly(name: string, end: ProgramEnd): TtError {
  return new TtError('ended_early', describeEnd(name, end), { hint: 'correct what it says, then start again' });
}

function describeEnd(name: string, { code, signal, lastLines }: ProgramEnd): string {
  const how = signal === null ? `exit code ${code ?? 'unknown'}` : signal;
  return [`The ${name} ended (${how}). Its last lines:`, ...lastLines.map((line) => `  ${line}`)].join('\n');
}

/** Undefined when the program tells none: nothing was ever set up. */
async function readStatus<T>({ environment }: LaunchOptions, script: string, schema: z.ZodType<T>): Promise<T | undefined> {
  // The exit code says how it goes, not whether there was an answer.
  const { stdout } = await ask(script, ['status', '--json'], environment);
  try {
    return schema.safeParse(JSON.parse(stdout)).data;
  } catch {
    return undefined;
  }
}

function succeeded({ code, stdout, stderr }: Answer, purpose: string): string {
  if (code === 0) return stdout;
  throw new TtError('step_failed', `could not ${purpose} (exit code ${code ?? 'unknown'}): ${stderr.trim()}`, { hint: 'correct what it says, then start again' });
}

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new TtError('answer_unknown', `\`${what}\` answered something else than its schema says`, { hint: 'build both programs from the same version', cause: error });
  }
}

async function welcome(options: LaunchOptions, collector: CollectorStatus, agent: AgentStatus): Promise<string> {
  const { programs, environment, home } = options;
  const { dataDir } = resolvePaths(environment, home);
  const link = await ask(programs.collector, ['open', '--print'], environment);
  const plain = `http://127.0.0.1:${collector.ui_port ?? 'unknown'}/`;
  // The collector owns the label; the agent may not know yet that it was changed.
  const label = collector.machines.find((machine) => machine.machine_id === agent.machine_id)?.label ?? agent.label ?? 'unnamed';
  const page = link.code === 0 && link.stdout.startsWith('http') ? link.stdout.trim() : plain;
  return [
    'tt is running.',
    `  page      ${page}`,
    `  data      ${dataDir}`,
    `  this machine is ${label}; it sends to port ${collector.ingest_port ?? 'unknown'}`,
    `  another   node ${programs.collector} machines add LABEL`,
    '',
  ].join('\n');
}
