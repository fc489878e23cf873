/** The honest machines beside a hostile one; see honest-agents.ts. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HonestPlan } from './honest-agents.ts';

export interface HonestAgents {
  /** Ms to each acknowledgement of the steady one, since this was asked last. */
  takeAcks(): number[];
  /** A machine connects for the first time: ms until its first line is acknowledged. */
  comeFresh(): Promise<number>;
  close(): Promise<void>;
}

const REGISTER = new URL('../../deploy/register-typescript.mjs', import.meta.url).href;

export async function startHonestAgents(directory: string, plan: HonestPlan): Promise<HonestAgents> {
  const file = join(directory, 'honest.json');
  writeFileSync(file, JSON.stringify(plan), { mode: 0o600 });
  const script = fileURLToPath(new URL('./honest-agents.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', REGISTER, script, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let acks: number[] = [];
  let onFresh = (_ms: number): void => {};
  let onReady = (): void => {};
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as { ack?: number; fresh?: number; ready?: true };
    if (said.ack !== undefined) acks.push(said.ack);
    if (said.fresh !== undefined) onFresh(said.fresh);
    if (said.ready) onReady();
  });
  const gone = ended.then(() => Promise.reject(new Error('the honest agents ended early')));
  gone.catch(() => undefined); // whoever waits for them hears of it
  await Promise.race([ready, gone]);
  return {
    takeAcks() {
      const taken = acks;
      acks = [];
      return taken;
    },
    comeFresh() {
      const came = new Promise<number>((resolve) => (onFresh = resolve));
      child.stdin.write('fresh\n');
      return Promise.race([came, gone]);
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
