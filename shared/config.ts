/**
 * Configuration of both programs: defaults < `config.toml` < environment < flags.
 * Every key is also an environment variable: `ingest_port` is `TT_INGEST_PORT`.
 */
import { isAbsolute, join } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import * as z from 'zod';
import { readFileIfExists } from './atomic-file.ts';
import { EXIT_CODES, messageOf, TtError } from './errors.ts';
import { isLabel, toLabel } from './ids.ts';
import { KEPT_LIMIT_BYTES } from './limits.ts';
import { LOG_LEVELS } from './log.ts';
import { modelPriceSchema } from './model-price.ts';
import type { Environment } from './paths.ts';
import { isEndpoint, isPipeEndpoint } from './protocol/endpoint.ts';
import { parseRepositoryWish } from './session-file/repository-wish.ts';

export const TEXT_POLICIES = ['full', 'redacted', 'none'] as const;
export type TextPolicy = (typeof TEXT_POLICIES)[number];

/** `always`: whenever the collector runs; `while-running`: only while its check says the host is on; `manual`: after `tt tunnel restart`. */
export const TUNNEL_MODES = ['always', 'while-running', 'manual'] as const;
export type TunnelMode = (typeof TUNNEL_MODES)[number];

/** Environment variables are text; only digits are a number (`Number(' ')` would be 0). */
const wholeNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
const yesOrNo = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean());
const port = z.preprocess(wholeNumber, z.number().int().min(0).max(65535));
const textPolicy = z.enum(TEXT_POLICIES);

/** Environment variables are text, so a table comes as JSON. */
const fromJsonText = (value: unknown): unknown => {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
};

/** In an environment variable: separated by commas. */
const fromCommaText = (value: unknown): unknown => (typeof value === 'string' ? value.split(',').map((part) => part.trim()).filter((part) => part !== '') : value);

const ADDRESS = 'where agents dial, e.g. "https://tt.example.org" or "http://10.0.0.1:7071", without a path';

const MOST_SYNC_DAYS = 366;
const REPOSITORIES = 'the repositories whose sessions are kept in step, e.g. repositories = ["shop"]: names, git remotes, directories, or "*" for all';
const MACHINES = 'the machines that they are kept in step with, e.g. machines = ["devbox"]: labels (tt machines lists them), or "*" for all';
const DAYS = `sessions of so many days, a whole number from 1 to ${MOST_SYNC_DAYS}, e.g. days = 7`;

const syncRule = z.strictObject({
  /** Names, git remotes, directories (`~/` is the home of whichever machine), or `*`. */
  repositories: z.array(z.string().refine((text) => parseRepositoryWish(text) !== undefined, REPOSITORIES), REPOSITORIES).min(1, REPOSITORIES),
  /** Labels, or `*`. */
  machines: z.array(z.string().refine((text) => text === '*' || isLabel(text), MACHINES), MACHINES).min(1, MACHINES),
  /** Written in the last so many days. */
  days: z.preprocess(wholeNumber, z.int(DAYS).min(1, DAYS).max(MOST_SYNC_DAYS, DAYS)).default(7),
});
export type SyncRule = z.infer<typeof syncRule>;

/** One rule may stand alone: `[sync]`, or several `[[sync]]`. */
const toRules = (value: unknown): unknown => {
  const given = fromJsonText(value);
  return typeof given === 'object' && given !== null && !Array.isArray(given) ? [given] : given;
};

export const configSchema = z.strictObject({
  /** Name of this machine where a flag does not say it. */
  label: z.string().refine(isLabel, 'a label is ^[a-z0-9][a-z0-9_-]{0,63}$').optional(),
  ingest_host: z.string().default('127.0.0.1'),
  ingest_port: port.default(7071),
  /** Where agents reach `ingest_port` if not by its number on loopback, e.g. behind a proxy that ends TLS; the first is what `tt machines add` prints. */
  ingest_urls: z.preprocess(fromCommaText, z.array(z.string().refine((text) => isEndpoint(text) && !isPipeEndpoint(text), ADDRESS))).default([]),
  ui_host: z.string().default('127.0.0.1'),
  ui_port: port.default(7070),
  /** Whether the page's port answers `/metrics`, to anybody on this computer. */
  metrics: yesOrNo.default(false),
  /** What leaves this machine of the words in its logs. */
  texts: textPolicy.default('redacted'),
  /** Path prefix of a project (`~/` is the home) → its own policy; the longest prefix wins. */
  projects: z.preprocess(fromJsonText, z.record(z.string(), z.strictObject({
    texts: textPolicy.optional(),
    /** In place of what `texts` says: may its sessions be mirrored? A mirror is whole, nothing in it is masked. */
    archive: z.boolean().optional(),
  }))).default({}),
  /** May the collector mirror the files of this machine's sessions? It must ask for them, too: `tt archive on LABEL`. */
  archive: yesOrNo.default(false),
  /** May sessions of other machines be put into this one's Claude directory (`tt sessions push`)? */
  receive: yesOrNo.default(false),
  /** On the collector: machine (label) → when its tunnel is kept up, and the command that says whether the host is on. */
  tunnels: z.preprocess(fromJsonText, z.record(z.string(), z.strictObject({
    mode: z.enum(TUNNEL_MODES).default('always'),
    /** Run by sh; exit status 0: it runs. */
    check: z.string().min(1).optional(),
  }).refine(({ mode, check }) => mode !== 'while-running' || check !== undefined, 'while-running needs a check command'))).default({}),
  /** On the collector: sessions that are kept in step with machines, as these connect. */
  sync: z.preprocess(toRules, z.array(syncRule)).default([]),
  /** On the collector: model → what it costs, in place of the price table or beside it. */
  prices: z.preprocess(fromJsonText, z.record(z.string(), modelPriceSchema)).default({}),
  kept_limit_bytes: z.preprocess(wholeNumber, z.number().int().min(0)).default(KEPT_LIMIT_BYTES),
  log_level: z.enum(LOG_LEVELS).default('info'),
});
export type Config = z.infer<typeof configSchema>;

function fromEnvironment(environment: Environment): Record<string, string> {
  const values: Record<string, string> = {};
  for (const key of Object.keys(configSchema.shape)) {
    const value = environment[`TT_${key.toUpperCase()}`];
    if (value !== undefined && value !== '') values[key] = value;
  }
  return values;
}

/** `HOST_MACHINE` belongs to other tools: it gives way to whatever was said to tt, and is made to fit. */
function labelOfHost(environment: Environment): { label?: string } {
  const hostMachine = environment['HOST_MACHINE'];
  return hostMachine === undefined || hostMachine === '' ? {} : { label: toLabel(hostMachine) };
}

function readConfigText(file: string): string | undefined {
  try {
    return readFileIfExists(file);
  } catch (error) {
    throw configError(`cannot read ${file}: ${messageOf(error)}`, `make ${file} a readable file, or move it away`, error);
  }
}

function readTable(file: string): Record<string, unknown> {
  const text = readConfigText(file);
  if (text === undefined) return {};
  try {
    return parseToml(text);
  } catch (error) {
    throw configError(`${file} is not valid TOML: ${messageOf(error)}`, `correct ${file}, or move it away to run with defaults`, error);
  }
}

function configError(message: string, hint: string, cause?: unknown): TtError {
  return new TtError('config_invalid', message, { hint, exitCode: EXIT_CODES.usage, cause });
}

/** A path that holds no directory would protect nothing, and nobody would notice. */
function projectsByPath(projects: Config['projects'], { home, file }: { home: string | undefined; file: string }): Config['projects'] {
  const byPath: Config['projects'] = {};
  for (const [name, rule] of Object.entries(projects)) {
    const problem = (words: string, hint: string): TtError => configError(`projects.${JSON.stringify(name)}: ${words}`, `in ${file} or TT_PROJECTS, ${hint}`);
    const isBelowHome = name === '~' || name.startsWith('~/');
    const path = isBelowHome && home !== undefined && isAbsolute(home) ? join(home, name.slice(1)) : name;
    if (!isAbsolute(path)) throw problem(isBelowHome ? 'HOME is not set, so ~ is nowhere' : 'is no whole path', 'name the directory from / on, or from ~/ on, e.g. [projects."/home/me/client"]');
    // The one would hide what the other forbids.
    if (Object.hasOwn(byPath, path)) throw problem(`${path} has rules already`, 'put them together, under one of its names');
    byPath[path] = rule;
  }
  return byPath;
}

export type ConfigFlags = { [K in keyof Config]?: unknown };

/** A flag that is undefined was not given. Throws `config_invalid` naming the key and what it should hold. */
export function loadConfig(file: string, environment: Environment, flags: ConfigFlags = {}): Config {
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const values: Record<string, unknown> = { ...labelOfHost(environment), ...readTable(file), ...fromEnvironment(environment), ...given };
  const result = configSchema.safeParse(values);
  if (result.success) return { ...result.data, projects: projectsByPath(result.data.projects, { home: environment['HOME'], file }) };
  const isOneRule = !Array.isArray(fromJsonText(values['sync']));
  const keyOf = (path: readonly PropertyKey[]): string => path.filter((_part, at) => !(isOneRule && path[0] === 'sync' && at === 1)).join('.');
  const problems = result.error.issues.map((issue) => `${keyOf(issue.path) || 'config'}: ${issue.message}`);
  throw configError(problems.join('; '), `check ${file} and the TT_* environment variables`);
}
