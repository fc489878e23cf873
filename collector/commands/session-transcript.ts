/** `tt sessions show ID --transcript`. */
import { flag, usageError, type CommandIo, type ParsedCommand } from '../../shared/cli.ts';
import { EXIT_CODES, type ExitCode } from '../../shared/errors.ts';
import { TRANSCRIPT_SCHEMA, type TranscriptDocument } from '../../shared/transcript-document.ts';
import { plural } from '../../shared/status-words.ts';
import { ownerOf } from '../session-files/named-session.ts';
import { subagentFiles, type SessionFile } from '../session-files/session-files.ts';
import { transcriptMarkdown, transcriptText } from '../transcript/print.ts';
import { readTranscript } from '../transcript/transcript.ts';
import { namedSession } from './named-session.ts';

export async function showTranscript(parsed: ParsedCommand, io: CommandIo): Promise<ExitCode> {
  if (flag(parsed, 'json') && flag(parsed, 'markdown')) throw usageError('--json or --markdown?', 'give one of the two');
  const { file, others, names } = namedSession(parsed.args[0] ?? '', io);
  for (const other of others) {
    const machine = ownerOf(other.file, names);
    io.stderr.write(`${other.entries} more ${other.entries === 1 ? 'entry' : 'entries'} ${machine === null ? 'stand in another file of it' : `on ${machine}: tt sessions show ${file.sessionId}@${machine} --transcript`}\n`);
  }
  const document = toDocument(file, ownerOf(file, names));
  if (document.unreadable_lines > 0) io.stderr.write(`${plural(document.unreadable_lines, 'line')} can not be read\n`);
  if (flag(parsed, 'json')) io.stdout.write(`${JSON.stringify(document)}\n`);
  else io.stdout.write(flag(parsed, 'markdown') ? transcriptMarkdown(document) : transcriptText(document, io.clock.now()));
  return EXIT_CODES.ok;
}

function toDocument(file: SessionFile, machine: string | null): TranscriptDocument {
  const { title, cwd, unreadableLines, items } = readTranscript(file.path);
  const subagents = [...subagentFiles(file)].map(([agentId, path]) => ({ agent_id: agentId, items: readTranscript(path).items }));
  return { schema: TRANSCRIPT_SCHEMA, session: file.sessionId, machine, title, cwd, unreadable_lines: unreadableLines, items, subagents };
}
