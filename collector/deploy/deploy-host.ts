/** One machine from nothing, or from whatever an earlier run left, to live. */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../shared/clock.ts';
import { messageOf, TtError } from '../../shared/errors.ts';
import { probeLines, type Probe } from '../../shared/probe.ts';
import { backlogWords, bytesWords, plural } from '../../shared/status-words.ts';
import type { Control } from '../control/control-methods.ts';
import { installService, lastLogLine, type AgentProgram } from './agent-program.ts';
import { notConnected, untilConnected, untilDrained, untilTunnelUp } from './arrival.ts';
import { joinThrough } from './join.ts';
import { look, type RemoteFacts } from './look.ts';
import { planDeploy, planWords, type DeployPlan, type DeployWishes } from './plan.ts';
import type { Progress } from './progress.ts';
import { putFile } from './put-file.ts';
import type { RemoteShell } from './remote-shell.ts';
import { settle } from './settle.ts';
import type { ShippedFiles } from './shipped-files.ts';
import { addTmuxHooks } from './tmux.ts';

const PROOF = readFileSync(new URL('../../deploy/remote-proof.sh', import.meta.url), 'utf8');
/** After this a backlog is told instead of waited for. */
const DRAIN_MS = 10_000;

export interface DeployDeps {
  shell: RemoteShell;
  control: Control;
  clock: Clock;
  stop: AbortSignal;
  progress: Progress;
  files: ShippedFiles;
  /** Where agents come to on this laptop. */
  ingest: string;
  /** An agent that has not connected by then does not come up. */
  waitMs: number;
  /** May what the questions say be done? */
  agree: (questions: readonly string[]) => Promise<boolean>;
}

export interface DeployedHost {
  label: string;
  machineId: string | undefined;
  probe: Probe | undefined;
  notes: readonly string[];
  /** Only with `dryRun`. */
  wouldDo: readonly string[];
}

interface Found {
  facts: RemoteFacts;
  plan: DeployPlan;
}

/** Throws what is in the way, after which the same call goes on from there. */
export async function deployHost({ wishes, dryRun }: { wishes: DeployWishes; dryRun: boolean }, deps: DeployDeps): Promise<DeployedHost> {
  const { shell, progress, agree } = deps;
  const { facts, plan } = await progress.step('look', () => lookAndPlan(wishes, deps));
  const { label, notes } = plan;
  for (const note of notes) progress.say(note);
  if (dryRun) return { label, machineId: facts.machineId, probe: undefined, notes, wouldDo: planWords(plan, { host: shell.host, facts }) };
  if (plan.questions.length > 0 && !(await agree(plan.questions))) {
    throw new TtError('not_agreed', 'nothing was changed', {
      hint: plan.tmux === 'add' ? `without the hooks for tmux: tt deploy ${shell.host} --no-tmux` : `tt deploy ${shell.host} --dry-run says what it would do`,
    });
  }
  try {
    return await carryOut({ facts, plan }, deps);
  } catch (error) {
    throw goesOn(error, shell.host);
  }
}

async function lookAndPlan(wishes: DeployWishes, { shell, control, files }: DeployDeps): Promise<{ value: Found; note: string }> {
  const facts = await look(shell);
  const [{ machines }, { tunnels }, { collector_id: collectorId }] = [
    await control.call('machines.list', {}), await control.call('tunnels.list', {}), await control.call('status', {}),
  ];
  const tunnelHosts = new Map(tunnels.flatMap(({ machine_id, host }) => (host === null ? [] : [[machine_id, host] as const])));
  const plan = planDeploy({ host: shell.host, facts, wishes, files, collectorId, machines, tunnelHosts });
  const room = facts.freeKiB === null ? '' : `, ${bytesWords(facts.freeKiB * 1024)} free`;
  return { value: { facts, plan }, note: `${facts.system}, Node ${plan.node.version}${facts.tmux === undefined ? '' : `, tmux ${facts.tmux}`}${room}` };
}

async function carryOut(found: Found, deps: DeployDeps): Promise<DeployedHost> {
  const { facts, plan } = found;
  const { shell, progress } = deps;
  const { node, label, notes } = plan;
  const program: AgentProgram = { node: node.path, file: plan.agentFile };
  const { machineId, copiedNotes } = await makeReachable(found, deps).catch(async (error: unknown) => {
    if (plan.isUpgrade) await takeBack(plan, deps);
    throw error;
  });
  const serviceNotes = plan.service ? await progress.step('service', () => startService({ machineId, label, plan, program }, deps)) : [];
  // Where nothing is started here nothing more can be known of a new one.
  if (plan.isUpgrade) await shell.run(PROOF, { values: ['kept', plan.agentFile, previousOf(plan)] });
  if (plan.tmux !== 'none') {
    await progress.step('tmux', async () => {
      const servers = await addTmuxHooks(shell, node.path, facts);
      return { value: undefined, note: `hooks in ${facts.tmuxConf.file}, read by ${plural(servers, 'running server')}` };
    });
  }
  const probe = plan.service ? await arrive({ machineId, label }, deps) : undefined;
  const ownNotes = [...copiedNotes, ...serviceNotes];
  for (const note of ownNotes) progress.say(note);
  return { label, machineId, probe, notes: [...notes, ...ownNotes], wouldDo: [] };
}

/** Files, identity, tunnel: all that an agent needs. */
async function makeReachable({ facts, plan }: Found, deps: DeployDeps): Promise<{ machineId: string; copiedNotes: string[] }> {
  const { shell, control, clock, progress } = deps;
  const { node, label } = plan;
  const places = { node: node.path, dataDir: facts.dataDir, stateDir: facts.stateDir };
  const copiedNotes = await progress.step('copy', () => copy(plan, shell));
  if (plan.needsJoin) {
    await progress.step('enrol', async () => {
      const socketDir = await settle(shell, places);
      const makeCode = async (): Promise<string> => (await control.call('machines.add', { label, again: plan.isKnown })).code;
      await joinThrough(shell, clock, { ingest: deps.ingest, node: node.path, agentFile: plan.agentFile, socketDir, makeCode });
      return { value: undefined, note: `as ${label}` };
    });
  } else {
    await settle(shell, places);
  }
  const machineId = (await control.call('machines.list', {})).machines.find((machine) => machine.label === label)?.machine_id ?? '';
  await progress.step('tunnel', () => openTunnel(label, deps));
  return { machineId, copiedNotes };
}

const previousOf = ({ agentFile }: DeployPlan): string => `${agentFile}.previous`;

/** Best effort: where nobody is reached the note of it stays there, and the next run has the same to go back to. */
async function takeBack(plan: DeployPlan, { shell, progress }: DeployDeps): Promise<void> {
  const answer = await shell.run(PROOF, { values: ['back', plan.agentFile, previousOf(plan)] }).catch(() => undefined);
  if (answer?.code === 0) progress.say('the agent of before was put back');
}

async function copy({ copies, node, isUpgrade, agentFile }: DeployPlan, shell: RemoteShell): Promise<{ value: string[]; note: string }> {
  for (const file of copies) await putFile(shell, node.path, file);
  const bytes = copies.reduce((sum, { content }) => sum + content.length, 0);
  return {
    value: isUpgrade ? [`the agent of before is kept as ${agentFile}.previous`] : [],
    note: copies.length === 0 ? 'all files were there' : `${plural(copies.length, 'file')}, ${bytesWords(bytes)}`,
  };
}

async function openTunnel(label: string, { shell: { host }, control, clock, stop }: DeployDeps): Promise<{ value: void; note: string }> {
  const before = (await control.call('tunnels.list', {})).tunnels.find((row) => row.label === label);
  const sinceMs = clock.now();
  await control.call('tunnels.set', { label, host });
  // Also where it stood already: the file that tells the agent of it may have gone.
  if (before?.host === host) await control.call('tunnels.restart', { label });
  const { warning } = await untilTunnelUp({ label, host, sinceMs }, { control, clock, stop });
  return { value: undefined, note: warning ?? 'up' };
}

interface Starting {
  machineId: string;
  label: string;
  plan: DeployPlan;
  program: AgentProgram;
}

/** Until the agent has connected; where a new one does not, or can not even be installed, the one of before is put back. */
async function startService(starting: Starting, deps: DeployDeps): Promise<{ value: string[]; note: string }> {
  const { label, plan, program } = starting;
  const { shell } = deps;
  const started = await startOnce(starting, deps);
  if (started.isUp) return { value: started.notes, note: `${started.kind}; the agent is connected` };
  if (!plan.isUpgrade || deps.stop.aborted) throw started.failure;
  await shell.run(PROOF, { values: ['back', program.file, previousOf(plan)] });
  const { isUp: isBack } = await startOnce(starting, deps);
  throw new TtError('upgrade_failed', `the new agent of ${label} did not come up (${started.why}); ${isBack ? 'the one of before runs again' : 'the one of before was put back, and does not come up either'}`, {
    hint: 'look at its log there: tt-agent logs', cause: started.failure,
  });
}

type Started = { isUp: true; kind: string; notes: string[] } | { isUp: false; failure: Error; why: string };

async function startOnce({ machineId, label, program }: Starting, { shell, control, clock, stop, waitMs }: DeployDeps): Promise<Started> {
  const sinceMs = clock.now();
  try {
    const { kind, notes } = await installService(shell, program);
    if ((await untilConnected(machineId, sinceMs, { control, clock, stop }, waitMs)) !== undefined) return { isUp: true, kind, notes };
    const why = await lastLogLine(shell, program);
    return { isUp: false, failure: notConnected(label, waitMs, why), why: why ?? 'its log says nothing' };
  } catch (error) {
    return { isUp: false, failure: error instanceof Error ? error : new Error(messageOf(error)), why: messageOf(error) };
  }
}

async function arrive({ machineId, label }: { machineId: string; label: string }, { control, clock, stop, progress }: DeployDeps): Promise<Probe> {
  const probe = await progress.step('probe', async () => {
    let value = await control.call('machines.probe', { label });
    // An agent that has only just begun may be busy with what it found.
    if (!value.complete && !stop.aborted) value = await control.call('machines.probe', { label });
    return { value, note: value.complete ? `${value.total_ms ?? '?'} ms all the way to the page` : (value.problem ?? `stopped before: ${value.missing ?? '?'}`) };
  });
  for (const line of probeLines(probe).slice(1)) progress.say(line);
  await progress.step('first look', async () => {
    const { isDrained, machine } = await untilDrained(machineId, 0, { control, clock, stop }, DRAIN_MS);
    const events = `${plural(machine?.events_today ?? 0, 'event')} of today`;
    return { value: undefined, note: isDrained ? `everything there has arrived, ${events}` : `still on its way: ${machine ? backlogWords(machine) : 'unknown'} (tt status shows it)` };
  });
  return probe;
}

/** What was done stays done. */
function goesOn(error: unknown, host: string): unknown {
  if (!(error instanceof TtError)) return new TtError('deploy_failed', messageOf(error), { hint: `tt deploy ${host} goes on from here`, cause: error });
  const { code, message, hint, exitCode } = error;
  return /same command again|tt deploy/.test(hint) ? error : new TtError(code, message, { hint: `${hint}; tt deploy ${host} then goes on from here`, exitCode, cause: error });
}
