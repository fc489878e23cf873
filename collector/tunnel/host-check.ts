/** The command that says whether a host is on, such as a look at the list of its cloud: what it costs to ask is the user's choice. */
import { spawn } from 'node:child_process';

const CHECK_MS = 20_000;

/** Exit status 0 is yes; anything else, also no answer within 20 s, is no. */
export type HostCheck = (command: string) => Promise<boolean>;

export const checkHost: HostCheck = (command) => new Promise((resolve) => {
  const child = spawn('sh', ['-c', command], { stdio: 'ignore', timeout: CHECK_MS, killSignal: 'SIGKILL' });
  child.once('error', () => resolve(false));
  child.once('exit', (code) => resolve(code === 0));
});
