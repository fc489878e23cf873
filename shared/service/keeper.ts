/** Chooses who keeps a service here, and runs the system's programs for them. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Environment, Paths } from '../paths.ts';
import { createBackgroundKeeper } from './background.ts';
import { createLaunchdKeeper } from './launchd.ts';
import type { RunProgram, ServiceKeeper, ServiceSpec } from './service.ts';
import { createSystemdKeeper, hasUserSystemd } from './systemd.ts';

export interface Host {
  platform: string;
  environment: Environment;
  home: string;
  user: string;
  uid: number;
  paths: Pick<Paths, 'dataDir' | 'stateDir'>;
  run: RunProgram;
}

export interface Keepers {
  chosen: ServiceKeeper;
  /** May have been chosen here before: a user's systemd comes and goes. */
  others: readonly ServiceKeeper[];
}

export async function chooseKeeper(spec: ServiceSpec, { platform, environment, home, user, uid, paths, run }: Host): Promise<Keepers> {
  if (platform === 'darwin') return { chosen: createLaunchdKeeper(spec, { run, home, uid }), others: [] };
  const configHome = environment['XDG_CONFIG_HOME'];
  const systemd = createSystemdKeeper(spec, { run, user, configHome: configHome?.startsWith('/') ? configHome : join(home, '.config') });
  const background = createBackgroundKeeper(spec, { run, ...paths });
  return (await hasUserSystemd(run)) ? { chosen: systemd, others: [background] } : { chosen: background, others: [systemd] };
}

/** Prints what a program prints, until it ends or `stop` aborts. Answers its exit status; null: it could not be started, or was stopped. */
export function showProgram(words: readonly string[], stdout: { write(text: string): void }, stop: AbortSignal): Promise<number | null> {
  const [command = '', ...args] = words;
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal: stop });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => stdout.write(text));
    child.once('error', () => resolve(null));
    child.once('close', (code) => resolve(code));
  });
}

/** With the present environment: systemctl finds its manager by it. */
export function programRunner(environment: Environment): RunProgram {
  return (command, args, stdin = '', encoding = 'utf8') => new Promise((resolve) => {
    const child = spawn(command, args, { env: { ...environment, LC_ALL: 'C' }, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding(encoding).on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding(encoding).on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin, encoding);
    child.once('error', (error) => resolve({ code: null, stdout, stderr: error.message }));
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
