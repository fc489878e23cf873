/** What the agent says of its reading: what waits, what was lost, what it could make nothing of. */
import { fail, ok, warn, type Check } from '../../shared/doctor/check.ts';
import { bytesWords, durationWords, plural } from '../../shared/status-words.ts';
import type { AgentStatus } from '../../shared/status.ts';

export type ReadingFacts = Pick<
  AgentStatus, 'running' | 'backlog_bytes' | 'drained_at' | 'bad_lines' | 'unknown_entries' | 'kept_bytes' | 'kept_limit_bytes' | 'gaps' | 'problems'
>;

const LATE_MS = 10 * 60_000;
const KEPT_SHARE = 0.8;

export function judgeReading(status: ReadingFacts, nowMs: number): Check[] {
  return [
    ...judgeBacklog(status, nowMs),
    ...judgeGaps(status),
    ...judgeLines(status),
    ...judgeKept(status),
    ...status.problems.map((problem) => warn('problems', problem, 'it goes away by itself when the cause does; tt-agent logs tells more')),
  ];
}

function judgeBacklog({ running, backlog_bytes: bytes, drained_at: drainedAt }: ReadingFacts, nowMs: number): Check[] {
  if (bytes === null) return [ok('backlog', 'not known before the first look has ended')];
  if (bytes === 0) return [ok('backlog', 'nothing waits')];
  const lateMs = drainedAt === null ? null : nowMs - Date.parse(drainedAt);
  const waits = `${bytesWords(bytes)} wait${lateMs === null ? '' : `, everything has arrived up to ${durationWords(lateMs)} ago`}`;
  return lateMs !== null && lateMs > LATE_MS ? [warn('backlog', waits, running ? 'it is sent as fast as the collector takes it: tt-agent status' : 'start the agent: tt-agent install')] : [ok('backlog', waits)];
}

function judgeGaps({ gaps }: ReadingFacts): Check[] {
  const [first] = gaps;
  if (first === undefined) return [ok('gaps', 'nothing was lost')];
  const bytes = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  return [warn('gaps', `${plural(gaps.length, 'range')} of ${bytesWords(bytes)} lost, e.g. of ${first.path} (${first.reason})`, 'on the laptop: tt gaps tells when it was, tt gaps accept says that it is known')];
}

function judgeLines({ bad_lines: bad, unknown_entries: unknown }: ReadingFacts): Check[] {
  const types = Object.entries(unknown).toSorted(([, a], [, b]) => b - a);
  return [
    bad === null || bad === 0 ? ok('bad-lines', bad === null ? 'not known' : 'every line gave something') : warn('bad-lines', `${plural(bad, 'line')} that nothing could be made of`, 'they are kept in bad/ of the data directory; nothing waits for them'),
    types.length === 0
      ? ok('unknown-entries', 'every entry is of a known type')
      : warn('unknown-entries', `entries of types that this version does not know: ${types.slice(0, 5).map(([type, count]) => `${type} ×${count}`).join(', ')}`, 'upgrade tt, then on the laptop: tt machines rewind LABEL --replace'),
  ];
}

function judgeKept({ kept_bytes: bytes, kept_limit_bytes: limit }: ReadingFacts): Check[] {
  if (bytes === null || limit === null || limit === undefined || limit === 0) return [];
  const room = `${bytesWords(bytes)} kept of deleted logs, of at most ${bytesWords(limit)}`;
  if (bytes >= limit) return [fail('kept', `${room}: the oldest is given up, and lost`, 'let the agent send (check "collector"), or raise kept_limit_bytes in config.toml')];
  return bytes > limit * KEPT_SHARE ? [warn('kept', room, 'let the agent send (check "collector"), or raise kept_limit_bytes in config.toml')] : [ok('kept', room)];
}
