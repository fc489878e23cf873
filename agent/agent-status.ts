/** `tt-agent status` (design §9), from the running agent or as it was when it stopped. */
import { makePrivateDirectory, readFileIfExists, writeFileAtomic } from '../shared/atomic-file.ts';
import { dirname } from 'node:path';
import { agentStatusSchema, STATUS_SCHEMA, type AgentStatus } from '../shared/status.ts';
import { printTimestamp } from '../shared/timestamp.ts';
import { VERSION } from '../shared/version.ts';
import type { FeedStatus } from './feed.ts';
import type { MachineIdentity } from './identity.ts';
import type { UplinkStatus } from './uplink/uplink.ts';

export interface StatusParts {
  identity: MachineIdentity;
  collectorId: string | null;
  feed: FeedStatus;
  uplink: UplinkStatus;
}

export function toAgentStatus({ identity, collectorId, feed, uplink }: StatusParts): AgentStatus {
  return {
    schema: STATUS_SCHEMA,
    role: 'agent',
    running: true,
    as_of: null,
    machine_id: identity.machineId,
    label: identity.label,
    collector_id: collectorId,
    endpoint: uplink.endpoint,
    version: VERSION,
    connected: uplink.connected,
    backlog_bytes: feed.backlogBytes,
    backlog_events: feed.backlogEvents,
    drained_at: feed.drainedAt === null ? null : printTimestamp(feed.drainedAt),
    files: feed.files,
    unknown_entries: { ...feed.unknownEntries },
    bad_lines: feed.badLines,
    kept_bytes: feed.keptBytes,
    kept_files: feed.kept.files,
    kept_oldest_at: feed.kept.oldestAt === null ? null : printTimestamp(feed.kept.oldestAt),
    kept_limit_bytes: feed.kept.limitBytes,
    gaps: feed.gaps.map(({ path, from, to, reason }) => ({ path, from, to, reason })),
    problems: [...(uplink.problem === null ? [] : [uplink.problem]), ...feed.problems],
    blocked: feed.isBlocked === true,
  };
}

/** Of an agent that never ran, or whose last values can not be read: everything that is not known is null. */
export function unknownStatus(identity: MachineIdentity | undefined, collectorId: string | null): AgentStatus {
  return {
    schema: STATUS_SCHEMA, role: 'agent', running: false, as_of: null,
    machine_id: identity?.machineId ?? null, label: identity?.label ?? null, collector_id: collectorId, endpoint: null,
    version: VERSION, connected: false, backlog_bytes: null, backlog_events: null, drained_at: null, files: null,
    unknown_entries: {}, bad_lines: null, kept_bytes: null, gaps: [], problems: [],
  };
}

export function writeLastStatus(file: string, status: AgentStatus, nowMs: number): void {
  makePrivateDirectory(dirname(file));
  writeFileAtomic(file, `${JSON.stringify({ ...status, running: false, connected: false, as_of: printTimestamp(nowMs) })}\n`);
}

/** The last values of an agent that stopped; undefined where there are none, or an older version wrote them otherwise. */
export function readLastStatus(file: string): AgentStatus | undefined {
  const text = readFileIfExists(file);
  if (text === undefined) return undefined;
  try {
    const status = agentStatusSchema.parse(JSON.parse(text));
    return { ...status, running: false, connected: false };
  } catch {
    return undefined;
  }
}
