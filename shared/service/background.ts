/** Where there is neither systemd nor launchd: a keeper in a session of its own, started again at boot by cron. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, writeFileAtomic } from '../atomic-file.ts';
import { TtError } from '../errors.ts';
import { quoteForSh } from '../sh-words.ts';
import type { ProgramResult, RunProgram, ServiceKeeper, ServiceSpec } from './service.ts';

const KEEPER = readFileSync(new URL('../../deploy/background.sh', import.meta.url), 'utf8');

export interface BackgroundDeps {
  run: RunProgram;
  dataDir: string;
  stateDir: string;
}

export function createBackgroundKeeper(spec: ServiceSpec, { run, dataDir, stateDir }: BackgroundDeps): ServiceKeeper {
  const [script, starter, pidFile] = [join(dataDir, 'background.sh'), join(dataDir, `${spec.name}.sh`), join(stateDir, `${spec.name}.pid`)];
  const sh = (...args: string[]): Promise<ProgramResult> => run('/bin/sh', args);
  // The script on disk may be of an earlier version, which found no keeper without ps.
  const ask = (word: 'stop' | 'running'): Promise<ProgramResult> => sh('-c', KEEPER, script, word, pidFile);
  const succeed = async (running: Promise<ProgramResult>, words: string): Promise<void> => {
    const { code, stderr } = await running;
    if (code !== 0) throw new TtError('service_failed', `${words}: ${stderr.trim() || `exit status ${code}`}`, { hint: `run it by hand: sh ${words}` });
  };
  const start = (): Promise<void> => succeed(sh(starter), starter);
  const stop = (): Promise<void> => succeed(ask('stop'), `${script} stop ${pidFile}`);
  const mark = `# ${spec.name} (tt)`;
  return {
    kind: 'background',
    async install() {
      for (const directory of [dataDir, stateDir, dirname(spec.logFile)]) makePrivateDirectory(directory);
      writeFileAtomic(script, KEEPER, 0o700);
      writeFileAtomic(starter, renderStarter(spec, { script, pidFile }), 0o700);
      await stop();
      await start();
      const isInCron = await changeCron(run, mark, `@reboot /bin/sh ${quoteForCron(starter)} ${mark}`);
      return {
        notes: [
          `wrote ${starter}`,
          isInCron ? `a line "@reboot …" in your crontab starts it at boot` : `nothing starts it at boot: there is no crontab here; run then: sh ${starter}`,
        ],
      };
    },
    async uninstall() {
      if (!existsSync(starter)) return false;
      await stop();
      await changeCron(run, mark, undefined);
      rmSync(starter);
      // The keeper is shared by both programs.
      const isLast = !['tt-agent.sh', 'tt-collector.sh'].some((name) => existsSync(join(dataDir, name)));
      if (isLast) rmSync(script, { force: true });
      return true;
    },
    async restart() {
      await stop();
      await start();
    },
    state: async () => ({ installed: existsSync(starter), running: (await ask('running')).code === 0 }),
    logs: ({ lines, follow }) => ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), spec.logFile],
  };
}

function renderStarter({ name, command, environment, logFile, finalStatus }: ServiceSpec, { script, pidFile }: { script: string; pidFile: string }): string {
  const exports = Object.entries(environment).map(([key, value]) => `export ${key}=${quoteForSh(value)}\n`).join('');
  const words = [script, 'start', pidFile, logFile, String(finalStatus), ...command, '--log', logFile].map(quoteForSh).join(' ');
  return `#!/bin/sh\n# Starts ${name} in the background; does nothing where it runs. Written by its install command.\n${exports}exec /bin/sh ${words}\n`;
}

/**
 * Replaces our line of the user's crontab; every other stays as it is, byte by
 * byte: as latin1, because nobody knows its encoding. False: there is no crontab to
 * change.
 */
async function changeCron(run: RunProgram, mark: string, line: string | undefined): Promise<boolean> {
  const { code, stdout, stderr } = await run('crontab', ['-l'], '', 'latin1');
  // BusyBox says that there is no such file.
  if (code === null || (code !== 0 && !/no crontab|no such file/i.test(stderr))) return false;
  const before = code === 0 ? stdout : '';
  const others = before.split('\n').filter((other) => !other.endsWith(mark)).join('\n');
  const after = [others, Buffer.from(line ?? '').toString('latin1')].map(withoutEnd).filter((part) => part !== '').join('\n');
  if (after === withoutEnd(before)) return true;
  const written = after === '' ? await run('crontab', ['-r']) : await run('crontab', ['-'], `${after}\n`, 'latin1');
  return written.code === 0;
}

/** Not `trimEnd`: as latin1 the last byte of a letter may be a space. */
function withoutEnd(text: string): string {
  return text.replace(/\n+$/, '');
}

/** Most crons end a command at `%`, and not all of them know an escape for it. */
function quoteForCron(text: string): string {
  return quoteForSh(text).replaceAll('%', `'"$(printf "\\045")"'`);
}
