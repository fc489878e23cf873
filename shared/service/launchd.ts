/** A launchd agent of the user (macOS). What launchctl does is not tested here: only what it is given. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makePrivateDirectory, writeFileAtomic } from '../atomic-file.ts';
import { TtError } from '../errors.ts';
import type { RunProgram, ServiceKeeper, ServiceSpec } from './service.ts';

const PLISTS: Readonly<Record<ServiceSpec['name'], string>> = {
  'tt-agent': readFileSync(new URL('../../deploy/tt-agent.plist', import.meta.url), 'utf8'),
  'tt-collector': readFileSync(new URL('../../deploy/tt-collector.plist', import.meta.url), 'utf8'),
};
const LABELS: Readonly<Record<ServiceSpec['name'], string>> = { 'tt-agent': 'dev.tt.agent', 'tt-collector': 'dev.tt.collector' };

export interface LaunchdDeps {
  run: RunProgram;
  home: string;
  uid: number;
}

export function renderPlist({ name, command, environment, logFile }: ServiceSpec): string {
  const words = [...command, '--log', logFile].map((word) => `    <string>${escapeXml(word)}</string>\n`).join('');
  const variables = Object.entries(environment).map(([key, value]) => `    <key>${escapeXml(key)}</key>\n    <string>${escapeXml(value)}</string>\n`).join('');
  return PLISTS[name]
    .replace('@ARGUMENTS@\n', () => words)
    .replace('@ENVIRONMENT@\n', () => variables)
    .replaceAll('@LOG@', () => escapeXml(logFile));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function createLaunchdKeeper(spec: ServiceSpec, { run, home, uid }: LaunchdDeps): ServiceKeeper {
  const label = LABELS[spec.name];
  const [domain, file] = [`gui/${uid}`, join(home, 'Library', 'LaunchAgents', `${label}.plist`)];
  const launchctl = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run('launchctl', args);
    if (code === 0) return;
    throw new TtError('service_failed', `launchctl ${args.join(' ')}: ${stderr.trim() || `exit status ${code}`}`, {
      hint: `look at it by hand: launchctl print ${domain}/${label}`,
    });
  };
  return {
    kind: 'launchd',
    async install() {
      makePrivateDirectory(dirname(file));
      makePrivateDirectory(dirname(spec.logFile));
      writeFileAtomic(file, renderPlist(spec), 0o644);
      await run('launchctl', ['bootout', `${domain}/${label}`]); // of an earlier install; none is no failure
      await launchctl('bootstrap', domain, file);
      return { notes: [`wrote ${file}`] };
    },
    async uninstall() {
      if (!existsSync(file)) return false;
      await run('launchctl', ['bootout', `${domain}/${label}`]);
      rmSync(file);
      return true;
    },
    restart: () => launchctl('kickstart', '-k', `${domain}/${label}`),
    async state() {
      const { code, stdout } = await run('launchctl', ['print', `${domain}/${label}`]);
      return { installed: existsSync(file), running: code === 0 && /state = running/.test(stdout) };
    },
    logs: ({ lines, follow }) => ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), spec.logFile],
  };
}
