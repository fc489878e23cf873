/** `tt search`: looks in the archive. The running collector keeps the index; without one, this does. */
import { existsSync } from 'node:fs';
import { countOption, flag, listOption, textOption, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, TtError, type ExitCode } from '../../shared/errors.ts';
import { resolvePaths, type Paths } from '../../shared/paths.ts';
import { ROLES, type Role, type SearchDocument, type SearchHit } from '../../shared/search-document.ts';
import { bytesWords, clockWords, plural } from '../../shared/status-words.ts';
import { toPlainText } from '../../shared/plain-text.ts';
import { indexArchive } from '../search/indexer.ts';
import { searchArchive, type SearchRequest } from '../search/search.ts';
import { directoriesIn } from '../session-files/session-files.ts';
import { tryLock } from '../store/database.ts';
import { openSearchWriter } from '../store/search-index.ts';
import { machineNames, type MachineNames } from './machine-names.ts';
import { projectWords } from './sessions.ts';
import { parseTimeArgument } from './time-argument.ts';

const SCREENFUL = 20;
const MOST = 1000;
const DAY_MS = 86_400_000;
const SAID_EVERY = 64 * 1024 * 1024;

export async function searchSessions(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  const paths = resolvePaths(io.environment, io.home);
  const names = machineNames(paths);
  const request = toRequest(parsed, io, { names, archiveDir: paths.archiveDir });
  bringUpToDate(paths, io);
  const document = searchArchive(request, paths, { nowMs: io.clock.now(), labelOf: names.labelOf });
  if (document.indexed_files === 0) io.stderr.write('no session is archived yet; for each machine whose sessions you want to keep: tt archive on LABEL\n');
  io.stdout.write(flag(parsed, 'json') ? `${JSON.stringify(document)}\n` : toText(document, io));
  return EXIT_CODES.ok;
}

function toRequest(parsed: ParsedCommand, io: CommandIo, { names, archiveDir }: { names: MachineNames; archiveDir: string }): SearchRequest {
  const machines = listOption(parsed, 'machine');
  const roles = listOption(parsed, 'role').filter((word): word is Role => ROLES.some((role) => role === word));
  const [since, days] = [textOption(parsed, 'since'), countOption(parsed, 'days')];
  if (since !== undefined && days !== undefined) throw usageError('--since or --days?', 'give one of the two');
  const nowMs = io.clock.now();
  const limit = countOption(parsed, 'limit') ?? SCREENFUL;
  return {
    // A word with a blank in it was quoted for the shell: it is searched as it stands.
    query: parsed.args.map((word) => (/\s/.test(word) && parsed.args.length > 1 && !word.includes('"') ? `"${word}"` : word)).join(' '),
    machines: machines.length === 0 ? undefined : machines.map((name) => archived(name, names, archiveDir)),
    roles: roles.length === 0 ? undefined : roles,
    sinceMs: days === undefined ? (since === undefined ? undefined : parseTimeArgument(since, nowMs, '--since')) : nowMs - days * DAY_MS,
    project: textOption(parsed, 'project')?.replace(/^~(?=\/|$)/, io.home).replace(/(.)\/+$/, '$1'),
    limit: Math.min(limit, MOST),
  };
}

function archived(name: string, names: MachineNames, archiveDir: string): string {
  const directories = directoriesIn(archiveDir);
  const found = directories.find((directory) => directory === name || names.labelOf(directory) === name);
  if (found !== undefined) return found;
  throw usageError(`--machine: nothing is archived of ${JSON.stringify(name)}`, directories.length === 0 ? 'no machine is archived: tt archive on LABEL' : `archived are ${directories.map(names.labelOf).join(', ')}`);
}

/** The running collector does it by itself, and holds the lock. */
function bringUpToDate(paths: Paths, io: CommandIo): void {
  const lock = tryLock(paths.searchLockFile);
  if (!lock) return;
  try {
    if (directoriesIn(paths.archiveDir).length === 0 && !existsSync(paths.searchDatabase)) return;
    using index = openSearchWriter(paths.searchDatabase);
    let said = 0;
    const onUnreadable = (name: string, problem: string): void => io.stderr.write(`not searched: ${name} (${problem})\n`);
    for (const { doneBytes, totalBytes } of indexArchive({ archiveDir: paths.archiveDir, index, onUnreadable })) {
      if (io.stop.aborted) throw new TtError('stopped', 'stopped before everything was indexed', { hint: 'what was read stays; the same command goes on from there' });
      if (totalBytes <= SAID_EVERY || doneBytes - said < SAID_EVERY) continue;
      said = doneBytes;
      io.stderr.write(`indexing: ${bytesWords(doneBytes)} of ${bytesWords(totalBytes)}\n`);
    }
  } finally {
    lock.release();
  }
}

function toText({ hits, is_newest_only: isNewestOnly }: SearchDocument, io: CommandIo): string {
  if (hits.length === 0) return 'nothing found\n';
  const isColoured = io.stdout.isTTY && (io.environment['NO_COLOR'] ?? '') === '';
  const nowMs = io.clock.now();
  const parts = hits.map((hit) => {
    const { session, machine, agent_id: agentId, project, role, at } = hit;
    const head = [`${session}@${machine}`, role, at === null ? '' : clockWords(at, nowMs), projectWords(project, io.home), agentId === null ? '' : `subagent ${agentId}`];
    return `${toPlainText(head.filter((word) => word !== '').join('  '))}\n  ${isColoured ? marked(hit) : hit.snippet}\n`;
  });
  const note = isNewestOnly ? `\nof the newest that were found; to narrow it: more words, --project, --since, --role\n` : '';
  return `${parts.join('\n')}${note}\n${plural(hits.length, 'passage')}; the whole of one: tt sessions show SESSION --transcript\n`;
}

function marked({ snippet, marks }: SearchHit): string {
  let [text, at] = ['', 0];
  for (const [from, to] of marks) {
    text += `${snippet.slice(at, from)}\u001b[1m${snippet.slice(from, to)}\u001b[22m`;
    at = to;
  }
  return text + snippet.slice(at);
}
