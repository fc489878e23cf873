/** Where there is neither systemd nor launchd: a keeper in a session of its own, started again at boot by cron. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, writeFileAtomic } from '../atomic-file.ts';
import { TtError } from '../errors.ts';
import type { RunProgram, ServiceKeeper, ServiceSpec } from './service.ts';

const KEEPER = readFileSync(new URL('../../deploy/background.sh', import.meta.url), 'utf8');

export interface BackgroundDeps {
  run: RunProgram;
  dataDir: string;
  stateDir: string;
}

export function createBackgroundKeeper(spec: ServiceSpec, { run, dataDir, stateDir }: BackgroundDeps): ServiceKeeper {
  const [script, starter, pidFile] = [join(dataDir, 'background.sh'), join(dataDir, `${spec.name}.sh`), join(stateDir, `${spec.name}.pid`)];
  const sh = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run('/bin/sh', args);
    if (code !== 0) throw new TtError('service_failed', `${args.join(' ')}: ${stderr.trim() || `exit status ${code}`}`, { hint: `run it by hand: sh ${args.join(' ')}` });
  };
  const mark = `# ${spec.name} (tt)`;
  return {
    kind: 'background',
    async install() {
      for (const directory of [dataDir, stateDir, dirname(spec.logFile)]) makePrivateDirectory(directory);
      writeFileAtomic(script, KEEPER, 0o700);
      writeFileAtomic(starter, renderStarter(spec, { script, pidFile }), 0o700);
      if (existsSync(pidFile)) await sh(script, 'stop', pidFile);
      await sh(starter);
      const isInCron = await changeCron(run, mark, `@reboot /bin/sh ${quoteForSh(starter)} ${mark}`);
      return {
        notes: [
          `wrote ${starter}`,
          isInCron ? `a line "@reboot …" in your crontab starts it at boot` : `nothing starts it at boot: there is no crontab here; run then: sh ${starter}`,
        ],
      };
    },
    async uninstall() {
      if (!existsSync(starter)) return false;
      if (existsSync(script)) await sh(script, 'stop', pidFile);
      await changeCron(run, mark, undefined);
      rmSync(starter);
      // The keeper is shared by both programs.
      const isLast = !['tt-agent.sh', 'tt-collector.sh'].some((name) => existsSync(join(dataDir, name)));
      if (isLast) rmSync(script, { force: true });
      return true;
    },
    async restart() {
      await sh(script, 'stop', pidFile);
      await sh(starter);
    },
    state: () => Promise.resolve({ installed: existsSync(starter), running: existsSync(pidFile) }),
    logs: ({ lines, follow }) => ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), spec.logFile],
  };
}

function renderStarter({ name, command, environment, logFile, finalStatus }: ServiceSpec, { script, pidFile }: { script: string; pidFile: string }): string {
  const exports = Object.entries(environment).map(([key, value]) => `export ${key}=${quoteForSh(value)}\n`).join('');
  const words = [script, 'start', pidFile, logFile, String(finalStatus), ...command, '--log', logFile].map(quoteForSh).join(' ');
  return `#!/bin/sh\n# Starts ${name} in the background; does nothing where it runs. Written by its install command.\n${exports}exec /bin/sh ${words}\n`;
}

/** Replaces our line of the user's crontab; every other stays as it is. False: there is no crontab to change. */
async function changeCron(run: RunProgram, mark: string, line: string | undefined): Promise<boolean> {
  const { code, stdout, stderr } = await run('crontab', ['-l']);
  if (code === null || (code !== 0 && !/no crontab/i.test(stderr))) return false;
  const before = code === 0 ? stdout : '';
  const others = before.split('\n').filter((other) => !other.endsWith(mark)).join('\n').trimEnd();
  const after = [others, line ?? ''].filter((part) => part !== '').join('\n');
  if (after === before.trimEnd()) return true;
  const written = after === '' ? await run('crontab', ['-r']) : await run('crontab', ['-'], `${after}\n`);
  return written.code === 0;
}

function quoteForSh(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
