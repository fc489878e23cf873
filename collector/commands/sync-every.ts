/** `tt sync --every`: has the collector fetch by itself, tells how that goes, or ends it. */
import { flag, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths } from '../../shared/paths.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { agoWords, durationWords, plural } from '../../shared/status-words.ts';
import type { SyncedHost, SyncEveryDocument } from '../../shared/sync-document.ts';
import { createControlClient, isNotRunning } from '../control/control-client.ts';
import { openControl } from '../control/open-control.ts';
import { sshHostInvalid } from '../enrolment/machine-registry.ts';
import { isSshDestination } from '../ssh.ts';
import { readSyncEvery, toSyncEveryDocument } from '../sync/sync-every.ts';

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const LEAST_MS = 5 * 60_000;
const MOST_MS = 30 * 86_400_000;

export async function syncEvery(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const interval = textOption(parsed, 'every');
  for (const name of ['sessions', 'sessionsOnly'] as const) {
    if (flag(parsed, name)) throw usageError('--every fetches events', 'sessions are kept in step by [sync] in config.toml');
  }
  if (textOption(parsed, 'label') !== undefined) throw usageError('--label names a machine that is met for the first time', 'once: tt sync HOST --label NAME; then tt sync HOST --every 1h');
  const hosts = [...new Set(parsed.args)];
  if (interval === undefined && hosts.length > 0) throw usageError('--every needs to know how often', `tt sync ${hosts.join(' ')} --every 1h`);
  const document = interval === undefined ? readNow(io) : await change(parseInterval(interval), hosts, io);
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : toText(document, io.clock.now()));
  if (document.every_ms !== null && !(await isCollectorRunning(io))) io.stderr.write('no collector is running here, which would do it: tt collector install keeps it running\n');
  return EXIT_CODES.ok;
}

function readNow(io: CommandIo): SyncEveryDocument {
  return toSyncEveryDocument(readSyncEvery(resolvePaths(io.environment, io.home).syncEveryFile), io.clock.now());
}

function change(everyMs: number | null, hosts: readonly string[], io: CommandIo): Promise<SyncEveryDocument> {
  if (everyMs === null && hosts.length > 0) throw usageError('--every off ends all of it', `tt sync --every off; to leave one out, name the others: tt sync HOST… --every 1h`);
  for (const host of hosts) if (!isSshDestination(host)) throw sshHostInvalid(host);
  return openControl(resolvePaths(io.environment, io.home), io.clock).call('sync.every', { every_ms: everyMs, hosts: [...hosts] });
}

/** Null: off. */
function parseInterval(text: string): number | null {
  if (text === 'off') return null;
  const [, count = '', unit = ''] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? 0);
  if (ms >= LEAST_MS && ms <= MOST_MS) return ms;
  throw usageError(`--every: ${JSON.stringify(text)} is no interval from 5m to 30d`, 'e.g. tt sync --every 1h, 30m, 1d; off ends it; hosts stand before it: tt sync HOST --every 1h');
}

async function isCollectorRunning(io: CommandIo): Promise<boolean> {
  try {
    await createControlClient(resolvePaths(io.environment, io.home).controlSocket).call('sync.targets', {});
    return true;
  } catch (error) {
    if (isNotRunning(error)) return false;
    throw error;
  }
}

function toText({ every_ms: everyMs, hosts, last_at: last, next_at: next, results }: SyncEveryDocument, nowMs: number): string {
  if (everyMs === null) return 'off; the collector fetches by itself after: tt sync --every 1h\n';
  const whom = hosts.length === 0 ? 'of all machines that ssh reaches and that are not connected' : hosts.join(', ');
  const times = last === null ? 'not yet; the first time is at once' : `last ${agoWords(last, nowMs)}, next in ${durationWords(Date.parse(next ?? last) - nowMs)}`;
  return toPlainLinesOf([`every ${durationWords(everyMs)}: ${whom}`, times, ...results.map((row) => `  ${hostWords(row)}`)]);
}

function hostWords({ host, state, new: stored, error }: SyncedHost): string {
  if (error !== null) return `${host}: ${error.message}; next: ${error.hint}`;
  return `${host}: ${state === 'connected' ? 'connected, what it writes comes by itself' : `${plural(stored, 'event')} new`}`;
}

function toPlainLinesOf(lines: readonly string[]): string {
  return lines.map((line) => `${toPlainText(line)}\n`).join('');
}
