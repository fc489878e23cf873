/** What others do with the same bytes, in the same run. Each may be missing, with a reason. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.ts';
import type { Corpus } from './corpus.ts';
import { cpuSeconds } from './measure.ts';

export type Measured = { wallSeconds: number; cpuSeconds?: number } | { skipped: string };

/** The bare scan: the same extraction in one process that sends nothing. */
export function runScan(bundle: string, corpus: Corpus, texts: 'full' | 'redacted'): { wallSeconds: number; events: number; eventBytes: number; bytes: number } {
  const start = performance.now();
  const { stdout, status, stderr } = spawnSync(process.execPath, [bundle, corpus.configDir, texts], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`bare scan failed: ${stderr}`);
  const wallSeconds = (performance.now() - start) / 1000;
  return { wallSeconds, ...(JSON.parse(stdout) as { events: number; eventBytes: number; bytes: number }) };
}

/** It only sums tokens, natively and on all cores. */
export function runCcusage(corpus: Corpus): Measured {
  const command = fileURLToPath(new URL('../../node_modules/.bin/ccusage', import.meta.url));
  if (!existsSync(command)) return { skipped: 'ccusage is not installed' };
  const home = mkdtempSync(join(tmpdir(), 'tt-ccusage-'));
  try {
    const start = performance.now();
    const { status, stderr } = spawnSync(command, ['session', '--json', '--offline', '--timezone', 'UTC'], {
      encoding: 'utf8', maxBuffer: 1 << 30, env: { PATH: process.env['PATH'] ?? '', HOME: home, CLAUDE_CONFIG_DIR: corpus.configDir },
    });
    const wallSeconds = (performance.now() - start) / 1000;
    return status === 0 ? { wallSeconds } : { skipped: `ccusage exited ${status}: ${stderr.slice(0, 200)}` };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const MODULES = ['imfile', 'omrelp', 'imrelp'];
const MODULE_DIRECTORIES = ['/usr/lib/x86_64-linux-gnu/rsyslog', '/usr/lib/aarch64-linux-gnu/rsyslog', '/usr/lib64/rsyslog', '/usr/lib/rsyslog'];
const RELP_PORT = 24_514;

/** imfile → omrelp → imrelp → omfile, tuned: queue of its own, large batches and window. Raw lines, no fsync, no dedupe. */
export async function runRsyslog(corpus: Corpus): Promise<Measured> {
  const program = ['/usr/sbin/rsyslogd', '/sbin/rsyslogd'].find((path) => existsSync(path));
  const modules = MODULE_DIRECTORIES.find((directory) => MODULES.every((name) => existsSync(join(directory, `${name}.so`))));
  if (program === undefined || modules === undefined) return { skipped: 'rsyslogd with imfile and relp is not installed' };
  const directory = mkdtempSync(join(tmpdir(), 'tt-rsyslog-'));
  const output = join(directory, 'out.log');
  for (const name of ['sender', 'receiver']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'receiver.conf'), `
global(workDirectory="${directory}/receiver" maxMessageSize="16m")
module(load="imrelp")
main_queue(queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096")
template(name="raw" type="string" string="%msg%\\n")
input(type="imrelp" port="${RELP_PORT}" maxDataSize="16m" ruleset="store")
ruleset(name="store" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096") {
  action(type="omfile" file="${output}" template="raw" asyncWriting="on" ioBufferSize="256k" flushOnTXEnd="off")
}
`);
  writeFileSync(join(directory, 'sender.conf'), `
global(workDirectory="${directory}/sender" maxMessageSize="16m")
module(load="imfile" mode="inotify")
module(load="omrelp")
template(name="raw" type="string" string="<134>1 2026-01-01T00:00:00Z h t - - - %msg%\\n")
input(type="imfile" file="${corpus.configDir}/projects/*/*.jsonl" tag="t" ruleset="send" freshStartTail="off")
input(type="imfile" file="${corpus.configDir}/projects/*/*/subagents/*.jsonl" tag="t" ruleset="send" freshStartTail="off")
ruleset(name="send" queue.type="LinkedList" queue.size="200000" queue.dequeueBatchSize="4096") {
  action(type="omrelp" target="127.0.0.1" port="${RELP_PORT}" windowSize="20000" template="raw")
}
`);
  const start = (name: string): ReturnType<typeof spawn> => spawn(program, ['-n', '-i', join(directory, `${name}.pid`), '-f', join(directory, `${name}.conf`), '-M', modules], { stdio: 'ignore' });
  const receiver = start('receiver');
  try {
    await until('imrelp to listen', () => /:5FC2 /i.test(readFileSync('/proc/net/tcp', 'utf8')) || /:5FC2 /i.test(readFileSync('/proc/net/tcp6', 'utf8')));
    const begin = performance.now();
    const sender = start('sender');
    try {
      // Raw lines one after the other: as many bytes as the corpus has, less the few per line that differ.
      const expected = corpus.bytes - corpus.lines;
      await until('all lines to be written', () => (statSync(output, { throwIfNoEntry: false })?.size ?? 0) >= expected, { timeoutMs: 120_000, everyMs: 20 });
      return { wallSeconds: (performance.now() - begin) / 1000, cpuSeconds: cpuSeconds(sender.pid ?? 0) + cpuSeconds(receiver.pid ?? 0) };
    } finally {
      sender.kill('SIGKILL');
    }
  } catch (error) {
    return { skipped: `rsyslog did not finish: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    receiver.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}
