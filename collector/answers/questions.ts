/** What the page and the API ask about the past, and how it travels to the thread that reads. */
import type { NamedPeriod } from '../time/period.ts';
import type { ReportGroup } from '../../shared/report-documents.ts';
import type { ModelPrice } from '../../shared/model-price.ts';
import type { MachineKnown } from '../../shared/machine-document.ts';
import type { ArchiveRow } from '../../shared/archive-document.ts';
import type { SearchRequest } from '../search/search.ts';
import type { MachineStatus } from '../../shared/status.ts';
import type { SessionsQuery } from '../sessions/session-list.ts';
import type { UsageQuery } from '../usage/usage-report.ts';
import type { EventsQuery } from './events-page.ts';

/** What only the running collector knows, as of this question. */
export interface Present {
  nowMs: number;
  machines: readonly (MachineStatus & { enrolledAtMs: number })[];
}

export type Question =
  | { ask: 'waiting' }
  | { ask: 'working' }
  | { ask: 'numbers'; timezone: string }
  | { ask: 'sessions'; query: SessionsQuery }
  /** `turns`: at most so many, the newest of those before the turn with the number `before`. */
  | { ask: 'session'; name: string; turns: number; before: number | undefined }
  | { ask: 'turns'; name: string; turns: number; before: number | undefined }
  | { ask: 'usage'; query: UsageQuery }
  | { ask: 'report'; period: NamedPeriod; by: ReportGroup; timezone: string }
  | { ask: 'timeline'; period: NamedPeriod; timezone: string }
  | { ask: 'streams'; isAll: boolean }
  | { ask: 'events'; query: EventsQuery }
  | { ask: 'machine'; known: MachineKnown }
  | { ask: 'search'; request: SearchRequest }
  /** `agentId`: of a subagent; null: the session's own. At most `items` of those before the item of the number `before`, or around the entry `uuid`. */
  | { ask: 'transcript'; name: string; agentId: string | null; items: number; before: number; uuid: string | undefined }
  | { ask: 'transcript-item'; name: string; agentId: string | null; number: number }
  | { ask: 'archive'; row: ArchiveRow };

/** `workerData` of the thread. */
export interface AnswersData {
  database: string;
  /** Identity of this computer's agent. */
  machineFile: string;
  prices: Readonly<Record<string, ModelPrice>>;
  archiveDir: string;
  searchDatabase: string;
  /** This computer's own directories of Claude Code. */
  claudeDirs: readonly string[];
}

export interface Asked {
  question: Question;
  present: Present;
}

export type Answered =
  /** `text`: the JSON document. */
  | { ok: true; text: string }
  | { ok: false; code: string; message: string; hint: string; isUsage: boolean; isRetryable: boolean };

/** Code of the error of a session that is not there, or could be several. */
export const NO_SUCH_SESSION = 'no_such_session';
/** ... of one whose files are not here. */
export const NO_TRANSCRIPT = 'no_transcript';
