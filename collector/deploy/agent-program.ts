/** Runs the agent's program at the other machine. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { agentFailed } from './failures.ts';
import { PLACES } from './places.ts';
import type { RemoteAnswer, RemoteShell } from './remote-shell.ts';

const RUN = readFileSync(new URL('../../deploy/remote-agent.sh', import.meta.url), 'utf8');

export interface AgentProgram {
  node: string;
  file: string;
}

export function runAgentProgram(shell: RemoteShell, { node, file }: AgentProgram, args: readonly string[]): Promise<RemoteAnswer> {
  return shell.run(PLACES + RUN, { values: [node, file, ...args] });
}

const installedSchema = z.object({ kind: z.string(), notes: z.array(z.string()) });

/** Installs the service, or installs it anew: in any case the agent that ran there has ended. */
export async function installService(shell: RemoteShell, program: AgentProgram): Promise<z.infer<typeof installedSchema>> {
  const { code, stdout, stderr } = await runAgentProgram(shell, program, ['install', '--json']);
  const installed = code === 0 ? installedSchema.safeParse(lastJson(stdout)) : undefined;
  if (!installed?.success) throw agentFailed(stderr, 'the service could not be installed', shell.host);
  return installed.data;
}

const uninstalledSchema = z.object({ removed: z.boolean() });

/** Answers whether there was a service: that its program has ended is certain only then. */
export async function uninstallService(shell: RemoteShell, program: AgentProgram): Promise<boolean> {
  const { code, stdout, stderr } = await runAgentProgram(shell, program, ['uninstall', '--json']);
  const uninstalled = code === 0 ? uninstalledSchema.safeParse(lastJson(stdout)) : undefined;
  if (!uninstalled?.success) throw agentFailed(stderr, 'the service could not be removed', shell.host);
  return uninstalled.data.removed;
}

/** What it logged last, for whoever waits for it in vain. */
export async function lastLogLine(shell: RemoteShell, program: AgentProgram): Promise<string | null> {
  try {
    const { stdout } = await runAgentProgram(shell, program, ['logs', '--lines', '20']);
    const lines = stdout.trim().split('\n').filter((line) => line.trim() !== '');
    return (lines.findLast((line) => /"level":"(warn|error|fatal)"|^tt-agent: |Error: /.test(line)) ?? lines.at(-1))?.slice(0, 300) ?? null;
  } catch {
    return null;
  }
}

/** A login shell may have said something before it. */
function lastJson(stdout: string): unknown {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  } catch {
    return undefined;
  }
}
