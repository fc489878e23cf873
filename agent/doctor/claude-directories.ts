/** Where Claude Code writes on this machine, whether it can be read, and when it deletes. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { readFileIfExists } from '../../shared/atomic-file.ts';
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { messageOf, systemCode } from '../../shared/errors.ts';
import { plural } from '../../shared/status-words.ts';

export interface ClaudeDirectory {
  directory: string;
  /** Directories of projects; null: there is no such directory. */
  projects: number | null;
  /** Why something of it can not be read. */
  problem: string | null;
  /** `cleanupPeriodDays` of its settings.json; null: not set. */
  cleanupDays: number | null;
  /** Why its settings.json can not be read. */
  settingsProblem: string | null;
}

export function readClaudeDirectory(directory: string): ClaudeDirectory {
  const { projects, problem } = readProjects(join(directory, 'projects'));
  return { directory, projects, problem, ...readRetention(join(directory, 'settings.json')) };
}

function readProjects(path: string): Pick<ClaudeDirectory, 'projects' | 'problem'> {
  try {
    const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const closed = entries.find(({ name }) => !isReadable(join(path, name)));
    return { projects: entries.length, problem: closed === undefined ? null : `${join(path, closed.name)} can not be read` };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { projects: null, problem: null };
    return { projects: null, problem: messageOf(error) };
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const settingsSchema = z.looseObject({ cleanupPeriodDays: z.number().optional() });

function readRetention(file: string): Pick<ClaudeDirectory, 'cleanupDays' | 'settingsProblem'> {
  try {
    const text = readFileIfExists(file);
    return { cleanupDays: text === undefined ? null : (settingsSchema.parse(JSON.parse(text)).cleanupPeriodDays ?? null), settingsProblem: null };
  } catch (error) {
    return { cleanupDays: null, settingsProblem: messageOf(error) };
  }
}

export function judgeClaudeDirectories(directories: readonly ClaudeDirectory[]): Check[] {
  const problems = directories.flatMap(({ problem }) => (problem === null ? [] : [
    fail('claude-directories', problem, 'run the agent as the user whose sessions these are, or let that user read them'),
  ]));
  if (problems.length > 0) return problems;
  const found = directories.filter(({ projects }) => projects !== null);
  if (found.length > 0) return [ok('claude-directories', found.map(({ directory, projects }) => `${directory}: ${plural(projects ?? 0, 'project')}`).join('; '))];
  return [warn('claude-directories', `no logs of Claude Code at ${directories.map(({ directory }) => directory).join(' or ')}`, 'if it writes elsewhere, set CLAUDE_CONFIG_DIR for the agent as for Claude Code')];
}

/** What Claude Code does when nothing is said. */
const DEFAULT_DAYS = 30;
const ENOUGH_DAYS = 90;

export function judgeRetention(directories: readonly ClaudeDirectory[]): Check[] {
  return directories.filter(({ projects }) => projects !== null).flatMap(({ directory, cleanupDays, settingsProblem }) => {
    const file = join(directory, 'settings.json');
    const fix = `in ${file}: "cleanupPeriodDays": 3650`;
    if (settingsProblem !== null) return [warn('retention', `${file} can not be read (${settingsProblem}): Claude Code may delete after ${DEFAULT_DAYS} days`, `correct ${file}, then: "cleanupPeriodDays": 3650`)];
    const days = cleanupDays ?? DEFAULT_DAYS;
    if (days < 1) return [fail('retention', `cleanupPeriodDays is ${days}: Claude Code keeps no logs in ${directory}`, fix)];
    if (days >= ENOUGH_DAYS) return [ok('retention', `Claude Code keeps logs in ${directory} for ${days} days`)];
    const why = cleanupDays === null ? 'nothing else is set' : 'cleanupPeriodDays says so';
    return [warn('retention', `Claude Code deletes logs in ${directory} after ${days} days (${why}); tt keeps what it has not sent, but can read nothing again`, fix)];
  });
}
