/** A machine of its own for real processes: home, XDG directories, Claude Code's logs. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { privateEnvironment } from './private-home.ts';

export interface MachineHome {
  readonly directory: string;
  /** What its processes get, and nothing of ours but PATH. */
  readonly environment: Record<string, string>;
  readonly paths: Paths;
  /** HOME of its processes. */
  readonly home: string;
  /** `…/.claude/projects`. */
  readonly projects: string;
  /** From machine.json; throws before `init` or `join`. */
  machineId(): string;
  remove(): void;
}

export function createMachineHome(name: string, environment: Record<string, string> = {}): MachineHome {
  // Under /tmp and short: a Unix socket's path may have 107 bytes.
  const directory = mkdtempSync(join(tmpdir(), `tt-${name}-`));
  const own: Record<string, string> = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C.UTF-8', TZ: 'UTC', NO_COLOR: '1',
    ...privateEnvironment(directory),
    TT_INGEST_PORT: '0', TT_UI_PORT: '0',
    ...environment,
  };
  const home = own['HOME'] ?? directory;
  const projects = join(own['CLAUDE_CONFIG_DIR'] ?? join(home, '.claude'), 'projects');
  for (const path of [home, projects, own['XDG_RUNTIME_DIR'] ?? home]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const paths = resolvePaths(own, home);
  return {
    directory, environment: own, paths, home, projects,
    machineId: () => {
      const { machine_id: id } = JSON.parse(readFileSync(paths.machineFile, 'utf8')) as { machine_id: string };
      return id;
    },
    remove: () => rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}
