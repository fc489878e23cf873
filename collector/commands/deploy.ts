import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, messageOf, TtError, type ExitCode } from '../../shared/errors.ts';
import type { Control } from '../control/control-methods.ts';
import { deployHost, type DeployedHost } from '../deploy/deploy-host.ts';
import { probeIncomplete } from '../deploy/failures.ts';
import type { DeployWishes, Wanted } from '../deploy/plan.ts';
import { createProgress, type DoneStep } from '../deploy/progress.ts';
import { shellAt } from '../deploy/shell-at.ts';
import { readShippedFiles, type ShippedFiles } from '../deploy/shipped-files.ts';
import { isConfirmed } from './confirm.ts';
import { hostOf, ingestAddress, runningCollector } from './other-machine.ts';
import { toTextTable } from './text-table.ts';

const JSON_SCHEMA = 1;

/** One machine's part of `tt deploy --json`. */
interface Deployed {
  host: string;
  label: string | null;
  machine_id: string | null;
  ok: boolean;
  error: { code: string; message: string; hint: string } | null;
  steps: readonly DoneStep[];
  notes: readonly string[];
  would_do: readonly string[];
  probe: DeployedHost['probe'] | null;
}

interface Run {
  parsed: ParsedCommand;
  io: CommandIo;
  control: Control;
  files: ShippedFiles;
  ingest: string;
  isDryRun: boolean;
  waitMs: number;
}

export async function deploy(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const [name] = parsed.args;
  const isAll = flag(parsed, 'all');
  if ((name === undefined) !== isAll) throw usageError(isAll ? '--all takes no host' : 'deploy where?', 'tt deploy HOST, as ssh takes it; or tt deploy --all');
  if (isAll && textOption(parsed, 'label') !== undefined) throw usageError('--all takes no --label', 'to rename a machine: tt machines rename LABEL NEW');
  const wait = textOption(parsed, 'wait') ?? '';
  if (!/^[1-9]\d{0,3}$/.test(wait)) throw usageError(`--wait: ${JSON.stringify(wait)} is not a number of seconds`, 'give a whole number, e.g. --wait 60');
  const files = readShippedFiles(io.program.file);
  const control = runningCollector(io);
  const run: Run = { parsed, io, control, files, ingest: await ingestAddress(control, io), isDryRun: flag(parsed, 'dryRun'), waitMs: Number(wait) * 1000 };
  return name === undefined ? deployAll(run) : deployNamed(name, run);
}

async function deployNamed(name: string, run: Run): Promise<ExitCode> {
  const { parsed, io } = run;
  const host = hostOf(name, (await run.control.call('tunnels.list', {})).tunnels);
  const wanted = (option: string): Wanted => (parsed.options[option] === false ? 'no' : 'yes');
  const wishes: DeployWishes = { label: textOption(parsed, 'label'), tmux: wanted('tmux'), service: wanted('service') };
  const { result, failure } = await deployTo(host, wishes, run);
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify({ schema: JSON_SCHEMA, ...result })}\n`);
  else if (failure === undefined) io.stdout.write(toText(result, run));
  if (failure !== undefined) throw failure;
  return EXIT_CODES.ok;
}

/** Of these only what is there is brought up to date; the first failure ends it, so that a bad build stops at one machine. */
async function deployAll(run: Run): Promise<ExitCode> {
  const { parsed, io } = run;
  const [{ tunnels }, { machines }] = [await run.control.call('tunnels.list', {}), await run.control.call('machines.list', {})];
  const gone = new Set(machines.filter(({ retired_at, revoked_at }) => retired_at !== null || revoked_at !== null).map(({ label }) => label));
  const hosts = tunnels.flatMap(({ label, host }) => (host === null || gone.has(label) ? [] : [host]));
  const results: Deployed[] = [];
  let wasInterrupted = false;
  for (const host of hosts) {
    const { result, failure } = await deployTo(host, { label: undefined, tmux: 'if_there', service: 'if_there' }, run);
    results.push(result);
    wasInterrupted = failure instanceof TtError && failure.exitCode === EXIT_CODES.interrupted;
    if (!result.ok) io.stderr.write(`${host}: ${result.error?.message ?? ''}\n  next: ${result.error?.hint ?? ''}\n`);
    if (io.stop.aborted || (!result.ok && !flag(parsed, 'keepGoing'))) break;
  }
  const left = hosts.slice(results.length);
  const isOk = left.length === 0 && results.every(({ ok }) => ok);
  io.stdout.write(flag(parsed, 'json')
    ? `${JSON.stringify({ schema: JSON_SCHEMA, machines: results, not_tried: left })}\n`
    : summary(results, left));
  if (wasInterrupted) return EXIT_CODES.interrupted;
  return isOk ? EXIT_CODES.ok : EXIT_CODES.failed;
}

async function deployTo(host: string, wishes: DeployWishes, run: Run): Promise<{ result: Deployed; failure: Error | undefined }> {
  const { parsed, io } = run;
  const progress = createProgress(host, io);
  const agree = async (questions: readonly string[]): Promise<boolean> => flag(parsed, 'yes')
    || isConfirmed(io, `This will ${questions.join(', and ')}.`, `repeat it with --yes; without hooks for tmux: --no-tmux`);
  const shell = shellAt(host, io);
  const empty = { host, steps: progress.done, notes: [], would_do: [], probe: null };
  try {
    const { control, files, ingest, isDryRun: dryRun, waitMs } = run;
    const deployed = await deployHost({ wishes, dryRun }, { shell, control, clock: io.clock, stop: io.stop, progress, files, ingest, waitMs, agree });
    const { label, machineId = null, notes, wouldDo, probe = null } = deployed;
    const failure = probe === null || probe.complete ? undefined : probeIncomplete(label, probe);
    return { result: { ...empty, label, machine_id: machineId, ok: failure === undefined, error: failure ? told(failure) : null, notes, would_do: wouldDo, probe }, failure };
  } catch (error) {
    return { result: { ...empty, label: null, machine_id: null, ok: false, error: told(error) }, failure: error instanceof Error ? error : new Error(messageOf(error)) };
  } finally {
    await shell.close();
  }
}

function told(error: unknown): Deployed['error'] {
  const [code, hint] = error instanceof TtError ? [error.code, error.hint] : ['failed', ''];
  return { code, message: messageOf(error), hint };
}

function toText({ host, label, would_do }: Deployed, { isDryRun }: Run): string {
  if (isDryRun) return [`On ${host} this would:`, ...would_do.map((line) => `  ${line}`), 'nothing was changed', ''].join('\n');
  return `${host} is ${label ?? ''}; tt status shows it\n`;
}

function summary(results: readonly Deployed[], left: readonly string[]): string {
  if (results.length === 0) return 'no machine has a tunnel; set one up: tt deploy HOST\n';
  const seconds = ({ steps }: Deployed): string => `${(steps.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1)} s`;
  const rows = [
    ...results.map((result) => [result.host, result.label ?? '', result.ok ? 'up to date' : (result.error?.message ?? ''), seconds(result)]),
    ...left.map((host) => [host, '', 'not tried', '']),
  ];
  return toTextTable([['HOST', 'MACHINE', 'RESULT', 'TIME'], ...rows], new Set([3]));
}
