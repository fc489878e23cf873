/** How late a collector's main thread is, seen from another process. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface MainThread {
  /** Round trips of /healthz that ended since this was asked last, ms. */
  take(): number[];
  stop(): Promise<void>;
}

const REGISTER = new URL('../../deploy/register-typescript.mjs', import.meta.url).href;

export function watchMainThread(uiPort: number): MainThread {
  const child = spawn(process.execPath, ['--import', REGISTER, fileURLToPath(new URL('./health-probe.ts', import.meta.url)), String(uiPort)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let times: number[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) times.push((JSON.parse(line) as { ms: number }).ms);
  });
  return {
    take() {
      const taken = times;
      times = [];
      return taken;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
