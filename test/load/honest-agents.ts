// `honest-agents.ts FILE`: what other machines notice while one misbehaves, in a process of its own.
// FILE holds {url, steady, fresh}: one machine writes 20 lines a second and stays connected; at each
// line on stdin a further one connects for the first time. Prints {ack: ms} for each line and
// {fresh: ms}, from starting to connect to the first acknowledgement. Ends with stdin.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { JoinedMachine } from '../support/scripted-agent.ts';
import { until } from '../support/until.ts';
import { startAgents } from './agents.ts';

export interface HonestPlan {
  url: string;
  steady: JoinedMachine;
  fresh: JoinedMachine[];
}

const print = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as HonestPlan;
const { url } = plan;
const steady = await startAgents([plan.steady], { url });
await steady.untilConnected();
const stop = steady.writeAt(20);
let told = 0;
const tell = setInterval(() => {
  for (; told < steady.latencies.length; told += 1) print({ ack: steady.latencies[told] });
}, 50);
const connections: { close(): Promise<void> }[] = [];

async function comeFresh(machine: JoinedMachine): Promise<void> {
  const startedAt = performance.now();
  const agents = await startAgents([machine], { url });
  connections.push(agents);
  agents.all[0]?.feed.write(1);
  await until('the first acknowledgement', () => agents.latencies.length > 0, { timeoutMs: 60_000, everyMs: 1 });
  print({ fresh: performance.now() - startedAt });
}

// The first one compiles what the others run.
const [first, ...others] = plan.fresh;
if (first) await comeFresh(first);
print({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const machine = others.shift();
  if (line !== 'fresh' || machine === undefined) throw new Error(`nobody is left to come: ${line}`);
  await comeFresh(machine);
}
stop();
clearInterval(tell);
await Promise.all([steady, ...connections].map((agents) => agents.close()));
