/**
 * `tt-agent export`: every event of this machine, as its agent would send it.
 * Order: event log (oldest segment first), status log, then Claude's files by
 * path. A line of our own logs that is canonical already is printed byte for byte.
 */
import { isDeepStrictEqual } from 'node:util';
import { basename } from 'node:path';
import { textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { loadConfig } from '../../shared/config.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import type { TtEvent } from '../../shared/event.ts';
import { hasRoom } from '../../shared/long-answer.ts';
import { claudeConfigDirs, resolvePaths } from '../../shared/paths.ts';
import { parseTimestamp } from '../../shared/timestamp.ts';
import { requireIdentity } from '../identity.ts';
import { openSources } from '../sources.ts';
import { readStoredLines, storedFiles, type LineFindings, type StoredFile } from '../stored-lines.ts';

export async function exportEvents(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const since = sinceOf(parsed);
  const after = textOption(parsed, 'after');
  const sources = openSources({
    paths, config: loadConfig(paths.configFile, io.environment),
    claudeDirs: claudeConfigDirs(io.environment, io.home), identity: requireIdentity(paths.machineFile),
  });
  let isBehind = after === undefined;
  for (const file of sources.flatMap((source) => inOrder(storedFiles(source)))) {
    if (!(await hasRoom(io))) return EXIT_CODES.interrupted;
    readStoredLines(file, (findings) => {
      for (const event of findings.events) {
        if (isBehind && (since === undefined || event.timestamp >= since)) io.stdout.write(`${printed(event, findings, file)}\n`);
        if (event.id === after) isBehind = true;
      }
      return !io.stop.aborted;
    });
  }
  if (!isBehind) {
    throw new TtError('event_unknown', `no event of this machine has the ID ${JSON.stringify(after)}`, {
      hint: 'its log may be gone (Claude Code deletes logs after 30 days); use --since with its timestamp, receivers ignore what they have',
    });
  }
  return EXIT_CODES.ok;
}

function sinceOf(parsed: ParsedCommand): string | undefined {
  const text = textOption(parsed, 'since');
  if (text === undefined) return undefined;
  const since = parseTimestamp(text);
  if (since === undefined) throw usageError(`--since ${JSON.stringify(text)} is no RFC 3339 time`, 'e.g. --since 2026-01-31T08:00:00Z');
  return since;
}

/** The earlier tool's backup, then segments, then the log itself; other sources are in order already. */
function inOrder(files: readonly StoredFile[]): StoredFile[] {
  const rank = ({ path, source }: StoredFile): number => {
    if (source.name === 'claude-code') return 0;
    if (path.endsWith('.jsonl.1')) return 0;
    return /-[0-9a-f]{16}\.jsonl$/.test(basename(path)) ? 1 : 2;
  };
  return files.toSorted((a, b) => rank(a) - rank(b));
}

function printed(event: TtEvent, { bytes, events }: LineFindings, { source }: StoredFile): string {
  if (source.name !== 'claude-code' && events.length === 1) {
    const original = bytes.toString('utf8');
    if (isSame(original, event)) return original;
  }
  return JSON.stringify(event);
}

function isSame(original: string, event: TtEvent): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(original), event);
  } catch {
    return false;
  }
}
