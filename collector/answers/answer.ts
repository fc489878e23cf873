/**
 * Answers questions out of a database of its own, by the functions that the
 * commands call, so that page and terminal can not tell different numbers.
 */
import { ARCHIVE_SCHEMA, type ArchiveRow, type MachineArchiveDocument } from '../../shared/archive-document.ts';
import { EXIT_CODES, messageOf, TtError } from '../../shared/errors.ts';
import { SESSIONS_SCHEMA, type SessionPageDocument, type SessionsPageDocument, type TurnsPageDocument } from '../../shared/session-documents.ts';
import { createFleet } from '../sessions/fleet.ts';
import { findSession, sessionHead } from '../sessions/session-detail.ts';
import { listSessions, listWaiting, listWorking, type SessionsDeps } from '../sessions/session-list.ts';
import { turnPage, type TurnPageDeps } from '../sessions/turn-pages.ts';
import { readThisMachine } from '../sessions/this-machine.ts';
import { openReader } from '../store/database.ts';
import { readGaps } from '../store/gaps.ts';
import { openEventReader } from '../store/read-events.ts';
import { openSessionReader, type StoredSession } from '../store/read-sessions.ts';
import { openTurnStartReader } from '../store/read-turn-starts.ts';
import { openUsageReader } from '../store/read-usage.ts';
import { listStreamsOf } from '../streams/stream-list.ts';
import { reportOf, type ReportDeps } from '../time/report.ts';
import { timelineOf } from '../time/timeline.ts';
import { openPrices } from '../usage/prices.ts';
import { usageReport } from '../usage/usage-report.ts';
import { archivedMachine } from '../archive/archived-machine.ts';
import { searchArchive } from '../search/search.ts';
import { encodePlace } from './cursors.ts';
import { eventsPage } from './events-page.ts';
import { machineDocument } from './machine.ts';
import { numbersOf } from './numbers.ts';
import { openTranscripts } from './transcripts.ts';
import { NO_SUCH_SESSION, type Answered, type AnswersData, type Asked, type Present, type Question } from './questions.ts';

/** Who copies a command pastes it anywhere: no tmux around it is taken for granted. */
const ATTACH = { isInTmux: false };

export interface Answering {
  answer(asked: Asked): Promise<Answered>;
  close(): void;
}

/** The writer must have opened the database before. */
export function openAnswering({ database: file, machineFile, prices: overrides, ...files }: AnswersData): Answering {
  const database = openReader(file);
  const [sessions, usage, events, prices] = [openSessionReader(database), openUsageReader(database), openEventReader(database), openPrices(overrides)];
  const turnStarts = openTurnStartReader(database);
  const known: TurnPageDeps['known'] = {};
  const hereId = readThisMachine(machineFile);
  const transcripts = openTranscripts(files);
  const documentFor = (question: Question, present: Present): unknown => {
    const { nowMs, machines } = present;
    const fleet = createFleet(machines, nowMs, hereId);
    const deps = { sessions, usage, prices, fleet };
    const report = (): ReportDeps => ({ database, nowMs, machines, gaps: readGaps(database), labelOf: fleet.labelOf, waitsUntilMs: fleet.waitsUntilMs });
    switch (question.ask) {
      case 'waiting': return listWaiting(deps, ATTACH);
      case 'working': return listWorking(deps);
      case 'numbers': return numbersOf(question.timezone, { ...report(), usage, prices });
      case 'sessions': return sessionsPage(question, deps);
      case 'session': return sessionPage(question, { ...deps, events, turnStarts, known });
      case 'turns': return turnsPage(question, { ...deps, events, turnStarts, known });
      case 'usage': return usageReport(question.query, { reader: usage, prices, labelOf: fleet.labelOf });
      case 'report': return reportOf(question, report());
      case 'timeline': return timelineOf(question, report());
      case 'streams': return listStreamsOf(database, { isAll: question.isAll, nowMs }).document;
      case 'events': return eventsPage(events, question.query);
      case 'machine': return machineDocument(question.known, database);
      case 'search': return searchArchive(question.request, files, fleet);
      case 'transcript': return transcripts.page(question, { labelOf: fleet.labelOf, here: hereId });
      case 'transcript-item': return transcripts.item(question, { labelOf: fleet.labelOf, here: hereId });
      case 'archive': return archiveDocument(files.archiveDir, question.row);
    }
  };
  return {
    async answer({ question, present }) {
      try {
        return { ok: true, text: JSON.stringify(await documentFor(question, present)) };
      } catch (error) {
        return toFailure(error);
      }
    },
    close: () => void database.close(),
  };
}

async function archiveDocument(archiveDir: string, row: ArchiveRow): Promise<MachineArchiveDocument> {
  return { schema: ARCHIVE_SCHEMA, ...await archivedMachine(archiveDir, row) };
}

function toFailure(error: unknown): Answered {
  if (!(error instanceof TtError)) return { ok: false, code: 'internal', message: messageOf(error), hint: 'look at the log of the collector', isUsage: false, isRetryable: false };
  const { code, message, hint, exitCode, retryable } = error;
  return { ok: false, code, message, hint, isUsage: exitCode === EXIT_CODES.usage, isRetryable: retryable };
}

function sessionsPage({ query }: Extract<Question, { ask: 'sessions' }>, deps: SessionsDeps): SessionsPageDocument {
  const { document, hasMore, end } = listSessions(query, deps);
  return { ...document, cursor: hasMore && end ? encodePlace({ at: end.lastOfAllMs, id: end.sessionId }) : null };
}

/** The newest turns, or those before a turn; within them in order of time. */
function sessionPage(
  { name, turns, before = Infinity }: Extract<Question, { ask: 'session' }>, deps: SessionsDeps & TurnPageDeps,
): SessionPageDocument {
  return { ...sessionHead(foundSession(name, deps), deps, ATTACH), ...turnsPage({ ask: 'turns', name, turns, before }, deps) };
}

function turnsPage({ name, turns, before = Infinity }: Extract<Question, { ask: 'turns' }>, deps: SessionsDeps & TurnPageDeps): TurnsPageDocument {
  const page = turnPage(foundSession(name, deps), { turns, before }, deps);
  return {
    schema: SESSIONS_SCHEMA, turn_list: page.turns, first_turn: page.first, turn_count: page.count,
    cursor: page.first > 1 ? encodePlace({ at: page.first, id: '' }) : null,
  };
}

/** Asked by an address: what is not there is not found, rather than wrongly asked. */
function foundSession(name: string, deps: SessionsDeps): StoredSession {
  try {
    return findSession(name, deps);
  } catch (error) {
    if (!(error instanceof TtError)) throw error;
    throw new TtError(NO_SUCH_SESSION, error.message, { hint: error.hint, exitCode: error.exitCode, cause: error });
  }
}
