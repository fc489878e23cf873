// `health-probe.ts PORT`: round trips of /healthz in a process of its own, 10 ms apart, until stdin
// closes: how late the collector's main thread answers. One JSON line {at, ms} each; `at` epoch ms.
import { Agent, request } from 'node:http';

const port = Number(process.argv[2]);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let isDone = false;

function ask(): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/healthz', agent }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

process.stdin.resume().once('end', () => {
  isDone = true;
});
while (!isDone) {
  const start = performance.now();
  // While no collector runs nobody answers: that is not a delay.
  if (await ask()) process.stdout.write(`${JSON.stringify({ at: Date.now(), ms: performance.now() - start })}\n`);
  await new Promise((resolve) => setTimeout(resolve, 10));
}
agent.destroy();
