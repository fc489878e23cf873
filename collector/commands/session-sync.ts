/** `tt sessions sync`: keeps sessions in step with the machines that are named, or with all that the rules name. */
import { countOption, flag, listOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig, type SyncRule } from '../../shared/config.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { parseRepositoryWish, type RepositoryWish } from '../../shared/session-file/repository-wish.ts';
import { plural } from '../../shared/status-words.ts';
import { STEP_SCHEMA, type StepDocument, type SteppedSession } from '../../shared/step-document.ts';
import { readFiles, type Wished } from '../handover/in-step.ts';
import { stepMachine, WAYS, type StepMachine } from '../handover/machine-step.ts';
import { localReceiver, openRemoteReceiver } from '../handover/receiver.ts';
import { namesMachine, wishedBy } from '../handover/sync-rules.ts';
import { machineNames, type MachineNames } from './machine-names.ts';
import { runningCollector } from './other-machine.ts';

const DAY_MS = 86_400_000;
const DAYS = 7;

/** Machines that are named must all be in step then; without names it does what can be done. */
export async function syncSessions(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const names = machineNames(resolvePaths(io.environment, io.home));
  const named = [...new Set(parsed.args)].map((label) => machineOf(label, names));
  const { sync: rules } = loadConfig(resolvePaths(io.environment, io.home).configFile, io.environment);
  const machines = named.length > 0 ? named : await allMachines(rules, names, io);
  if (machines.length === 0 && !flag(parsed, 'json')) io.stdout.write(rules.length > 0 ? 'no machine that a rule names is enrolled: tt machines\n' : 'no rule names a machine, and none is connected: tt sessions sync MACHINE\n');
  const failed = await stepAll(machines, parsed, { rules: named.length > 0 ? [] : rules, names, io });
  return failed && named.length > 0 ? EXIT_CODES.failed : EXIT_CODES.ok;
}

interface Run {
  /** What is asked for of machines that were not named. */
  rules: readonly SyncRule[];
  names: MachineNames;
  io: CommandIo;
}

/** Answers whether anything failed. */
async function stepAll(machines: readonly StepMachine[], parsed: ParsedCommand, { rules, names, io }: Run): Promise<boolean> {
  const [isJson, isDryRun] = [flag(parsed, 'json'), flag(parsed, 'dryRun')];
  const document: StepDocument = { schema: STEP_SCHEMA, machines: [], sessions: [] };
  const paths = resolvePaths(io.environment, io.home);
  for (const machine of machines) {
    if (io.stop.aborted) break;
    const moved: SteppedSession[] = [];
    await stepMachine(machine, { wished: wishedOf(machine.label, parsed, { rules, io }), ways: WAYS, isDryRun }, {
      roots: { archiveDir: paths.archiveDir, claudeDirs: claudeConfigDirs(io.environment, io.home), home: io.home },
      reading: readFiles, here: names.here === null ? 'this computer' : names.labelOf(names.here), stop: io.stop,
      local: () => localReceiver(io),
      remote: (host) => openRemoteReceiver(host, io),
      isDue: () => true,
      onMoved(row) {
        moved.push(row);
        const words = row.error && row.result === 'failed' ? `${row.error.message}\n  next: ${row.error.hint}` : row.result === 'diverged' ? row.note : null;
        if (words !== null) io.stderr.write(`${row.session}: ${words}\n`);
      },
    });
    if (!isJson) io.stdout.write(summary(machine.label, moved));
    document.machines.push(machine.label);
    document.sessions.push(...moved);
  }
  if (isJson) io.stdout.write(`${JSON.stringify(document)}\n`);
  return document.sessions.some(({ result }) => result === 'failed');
}

function machineOf(label: string, names: MachineNames): StepMachine {
  const id = names.machineIdOf(label);
  if (id === undefined) throw usageError(`no machine is called ${JSON.stringify(label)}`, '`tt machines` lists them');
  if (id === names.here) throw usageError(`${label} is this computer`, 'name another machine');
  return { id, label: names.labelOf(id), host: names.hostOf(label) ?? null };
}

/** Those that the rules name, else those that are connected; never this computer. */
async function allMachines(rules: readonly SyncRule[], names: MachineNames, io: CommandIo): Promise<StepMachine[]> {
  const labels = rules.length > 0
    ? names.labels().filter((label) => rules.some((rule) => namesMachine(rule, label)))
    : (await runningCollector(io).call('status', {})).machines.filter(({ connected }) => connected).map(({ label }) => label);
  for (const label of new Set(rules.flatMap(({ machines }) => machines))) {
    if (label !== '*' && names.machineIdOf(label) === undefined) io.stderr.write(`${label}: a rule names it, but no machine is called so: tt machines\n`);
  }
  return labels.map((label) => machineOf(label, { ...names, here: null })).filter(({ id }) => id !== names.here);
}

/** What was said on the command line goes before the rules. */
function wishedOf(label: string, parsed: ParsedCommand, { rules, io }: Pick<Run, 'rules' | 'io'>): Wished {
  const nowMs = io.clock.now();
  const days = countOption(parsed, 'days');
  const projects = listOption(parsed, 'project').map(repositoryOf);
  const { any = [{ sinceMs: nowMs - DAYS * DAY_MS, repositories: [{ kind: 'all' as const }] }] } = wishedBy(rules, label, nowMs) ?? {};
  return {
    any: any.map(({ sinceMs, repositories }) => ({
      sinceMs: days === undefined ? sinceMs : nowMs - days * DAY_MS, repositories: projects.length > 0 ? projects : repositories,
    })),
    // Whoever asks wants what there is by now; who receives refuses what is in use.
    quietSinceMs: Number.POSITIVE_INFINITY,
  };
}

function repositoryOf(text: string): RepositoryWish {
  const wish = parseRepositoryWish(text);
  if (!wish) throw usageError(`--project: ${JSON.stringify(text)} names no repository`, 'give its name, its git remote, or a directory');
  return wish;
}

/** Nothing where nothing was to do. */
function summary(label: string, moved: readonly SteppedSession[]): string {
  const count = (way: SteppedSession['way'], ...results: SteppedSession['result'][]): number => moved.filter((each) => each.way === way && results.includes(each.result)).length;
  const words = WAYS.flatMap((way) => {
    const [done, would] = [count(way, 'new', 'longer', 'diverged'), count(way, 'would')];
    return [...(done > 0 ? [`${plural(done, 'session')} ${way}ed`] : []), ...(would > 0 ? [`would ${way} ${plural(would, 'session')}`] : [])];
  });
  const failed = count('pull', 'failed') + count('push', 'failed');
  if (failed > 0) words.push(`${failed} failed`);
  const lines = moved.filter(({ result }) => result === 'would').map(({ way, session, directory }) => `  ${way} ${session}${directory === null ? '' : `  ${toPlainText(directory)}`}\n`);
  return words.length === 0 ? '' : `${label}: ${words.join(', ')}\n${lines.join('')}`;
}
