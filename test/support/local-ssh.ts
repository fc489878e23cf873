import { spawn } from 'node:child_process';
import type { RunSsh } from '../../collector/ssh.ts';

/** An ssh that runs the command here, by that login shell. */
export const localSsh = ([program = 'sh', ...options]: readonly string[] = ['sh']): RunSsh => (args) => {
  const child = spawn(program, [...options, '-c', args.at(-1) ?? ''], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, ended, kill: (signal) => void child.kill(signal) };
};
