/** What was said in a session, in pages, out of its files. */
import { encodePlace } from './cursors.ts';
import { TtError } from '../../shared/errors.ts';
import { TRANSCRIPT_SCHEMA, type TranscriptItemDocument, type TranscriptPage } from '../../shared/transcript-document.ts';
import { namedSessionFile, ownerOf, type FileOwners, type NamedFile } from '../session-files/named-session.ts';
import { chooseFile, type ChosenFile } from '../session-files/session-copies.ts';
import { fileAt, subagentFiles, type SessionFile, type SessionRoots } from '../session-files/session-files.ts';
import { createTranscriptPages } from '../transcript/pages.ts';
import { NO_TRANSCRIPT, type Question } from './questions.ts';

export interface Transcripts {
  /** Both throw NO_TRANSCRIPT where there is no file of it here. */
  page(asked: Extract<Question, { ask: 'transcript' }>, owners: FileOwners): TranscriptPage;
  item(asked: Extract<Question, { ask: 'transcript-item' }>, owners: FileOwners): TranscriptItemDocument;
}

export function openTranscripts(roots: SessionRoots): Transcripts {
  const pages = createTranscriptPages();
  const choose = createChooser();
  const named = (name: string, owners: FileOwners): NamedFile => {
    try {
      return namedSessionFile(name, roots, owners, choose);
    } catch (error) {
      throw error instanceof TtError ? new TtError(NO_TRANSCRIPT, error.message, { hint: error.hint, exitCode: error.exitCode, cause: error }) : error;
    }
  };
  return {
    page({ name, agentId, ...wanted }, owners) {
      const { sessionId, file, others } = named(name, owners);
      const subagents = subagentFiles(file);
      const part = pages.part(pathOf(agentId, file, subagents), wanted) ?? gone(name);
      const { title, cwd, unreadableLines, items, first, count, place } = part;
      return {
        schema: TRANSCRIPT_SCHEMA, session: sessionId, machine: ownerOf(file, owners), title, cwd, unreadable_lines: unreadableLines, agent_id: agentId,
        items, first_item: first, item_count: count, place, cursor: first > 1 ? encodePlace({ at: first, id: '' }) : null,
        subagents: [...subagents.keys()], others: others.map((other) => ({ machine: ownerOf(other.file, owners), entries: other.entries })),
      };
    },
    item({ name, agentId, number }, owners) {
      const { sessionId, file } = named(name, owners);
      const item = pages.item(pathOf(agentId, file, subagentFiles(file)), number) ?? gone(name);
      return { schema: TRANSCRIPT_SCHEMA, session: sessionId, agent_id: agentId, number, ...item };
    },
  };
}

function pathOf(agentId: string | null, { path, sessionId }: SessionFile, subagents: ReadonlyMap<string, string>): string {
  return agentId === null ? path : (subagents.get(agentId) ?? gone(`${sessionId}/${agentId}`));
}

function gone(name: string): never {
  throw new TtError(NO_TRANSCRIPT, `nothing like that stands in the files of ${JSON.stringify(name)}`, { hint: 'look at the page of its session' });
}

/** Copies are read whole to compare them: again only after one that was not chosen has changed. */
function createChooser(): typeof chooseFile {
  const known = new Map<string, { besides: string; chosen: ChosenFile }>();
  const besides = (files: readonly SessionFile[], chosen: SessionFile): string => files.filter(({ path }) => path !== chosen.path).map(({ path }) => {
    const file = fileAt(path);
    return `${path} ${file?.bytes} ${file?.mtimeMs}`;
  }).join('\n');
  return (files) => {
    const key = files.map(({ path }) => path).join('\n');
    const last = known.get(key);
    if (last && last.besides === besides(files, last.chosen.file)) return last.chosen;
    const chosen = chooseFile(files);
    if (chosen && files.length > 1) known.set(key, { besides: besides(files, chosen.file), chosen });
    return chosen;
  };
}
