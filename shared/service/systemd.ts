/** A unit of the user's own systemd. */
import { existsSync, rmSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, writeFileAtomic } from '../atomic-file.ts';
import { TtError } from '../errors.ts';
import type { RunProgram, ServiceKeeper, ServiceSpec } from './service.ts';

const UNITS: Readonly<Record<ServiceSpec['name'], string>> = {
  'tt-agent': readFileSync(new URL('../../deploy/tt-agent.service', import.meta.url), 'utf8'),
  'tt-collector': readFileSync(new URL('../../deploy/tt-collector.service', import.meta.url), 'utf8'),
};

export interface SystemdDeps {
  run: RunProgram;
  /** `$XDG_CONFIG_HOME`. */
  configHome: string;
  user: string;
}

export function renderUnit({ name, command, environment }: ServiceSpec): string {
  const variables = Object.entries(environment).map(([key, value]) => `Environment=${quote(`${key}=${value}`)}`);
  // Functions: what is replaced by a text has its `$&` understood.
  return UNITS[name]
    .replace('@COMMAND@', () => command.map((word) => quote(word).replaceAll('$', '$$$$')).join(' '))
    .replace('@ENVIRONMENT@\n', () => variables.map((line) => `${line}\n`).join(''));
}

/** systemd.syntax(7): C escapes in double quotes, and `%` begins a specifier. */
function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('%', '%%');
  return `"${escaped}"`;
}

export function createSystemdKeeper(spec: ServiceSpec, { run, configHome, user }: SystemdDeps): ServiceKeeper {
  const unit = `${spec.name}.service`;
  const file = join(configHome, 'systemd', 'user', unit);
  const systemctl = async (args: readonly string[], hint = `look at it by hand: systemctl --user status ${unit}`): Promise<void> => {
    const { code, stderr } = await run('systemctl', ['--user', ...args]);
    if (code !== 0) throw new TtError('service_failed', `systemctl --user ${args.join(' ')}: ${stderr.trim() || `exit status ${code}`}`, { hint });
  };
  return {
    kind: 'systemd',
    async install() {
      makePrivateDirectory(dirname(file));
      writeFileAtomic(file, renderUnit(spec), 0o644);
      await systemctl(['daemon-reload']);
      await systemctl(['enable', unit]);
      await systemctl(['restart', unit]);
      return { notes: [`wrote ${file}`, ...(await lingerNotes(run, user))] };
    },
    async uninstall() {
      if (!existsSync(file)) return false;
      // Until systemd has said so, the program may run.
      await systemctl(['disable', '--now', unit], `do it again when your systemd answers (systemctl --user status ${unit}); where you have none any more: rm ${file}`);
      rmSync(file);
      await run('systemctl', ['--user', 'daemon-reload']);
      await run('systemctl', ['--user', 'reset-failed', unit]);
      return true;
    },
    restart: () => systemctl(['restart', unit]),
    async state() {
      const { code } = await run('systemctl', ['--user', 'is-active', '--quiet', unit]);
      return { installed: existsSync(file), running: code === 0 };
    },
    lingers: () => lingers(run, user),
    logs: ({ lines, follow }) => ['journalctl', '--user', '--unit', unit, '--lines', String(lines), '--no-pager', ...(follow ? ['--follow'] : [])],
  };
}

/** Without lingering systemd ends a user's services when they log out, and starts them only when they log in. */
async function lingerNotes(run: RunProgram, user: string): Promise<string[]> {
  if (await lingers(run, user)) return [];
  return [`it stops when ${user} logs out, and starts only at the next login, until: loginctl enable-linger ${user}`];
}

async function lingers(run: RunProgram, user: string): Promise<boolean | null> {
  const { code, stdout } = await run('loginctl', ['show-user', user, '--property=Linger', '--value']);
  return code === 0 ? stdout.trim() === 'yes' : null;
}

/** Is there a user's systemd to ask? */
export async function hasUserSystemd(run: RunProgram): Promise<boolean> {
  const { code, stdout } = await run('systemctl', ['--user', 'is-system-running']);
  // `degraded` is a manager that runs, with some other unit failed; `offline` is none.
  return code !== null && /^(running|degraded|starting|initializing|maintenance)$/.test(stdout.trim());
}
