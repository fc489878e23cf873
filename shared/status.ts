/**
 * JSON shapes that others rely on (design §9): printed by the CLIs, served by
 * the API, frozen by samples in test/contract. Unknown is null, never zero.
 */
import * as z from 'zod';

export const STATUS_SCHEMA = 1;

export const MACHINE_STATES = ['live', 'catching_up', 'away', 'revoked', 'retired', 'never_seen'] as const;
export type MachineState = (typeof MACHINE_STATES)[number];

const timestampOrNull = z.string().nullable();
const countOrNull = z.number().nullable();

export const TUNNEL_STATES = ['connecting', 'up', 'down', 'waiting', 'off'] as const;

/** A machine's reverse tunnel. */
export const tunnelStatusSchema = z.object({
  host: z.string(),
  mode: z.string(),
  /** `waiting`: its host does not run; `off`: it was not asked for. */
  state: z.enum(TUNNEL_STATES),
  since: z.string(),
  /** Why it is down, or was before it came up; in words, with the next step. */
  problem: z.string().nullable(),
  hint: z.string().nullable(),
  warning: z.string().nullable(),
});
export type TunnelStatus = z.infer<typeof tunnelStatusSchema>;

export const machineStatusSchema = z.object({
  machine_id: z.string(),
  label: z.string(),
  state: z.enum(MACHINE_STATES),
  connected: z.boolean(),
  last_event_at: timestampOrNull,
  lag_ms: countOrNull,
  backlog_bytes: countOrNull,
  backlog_events: countOrNull,
  drained_at: timestampOrNull,
  complete_until: timestampOrNull,
  events_today: z.number(),
  refused: z.number(),
  gaps: z.number(),
  clock_offset_ms: countOrNull,
  version: z.string().nullable(),
  /** When it was retired or revoked, whichever came first. */
  ended_at: timestampOrNull,
  /** Bytes in its open gaps, and why: each reason once. */
  gap_bytes: z.number(),
  gap_reasons: z.array(z.string()),
  /** Refused in the last 24 hours, each kind once: an event sent again and refused again is one. */
  refused_lately: z.number(),
  /** Why it is not connected, or why another that calls itself this machine is refused; null: nothing lately. Not of the first collectors. */
  problem: z.string().nullable().optional(),
  /** What its agent says is in the way there, as it was last heard, with the next step. Not of the first collectors; nothing where no collector runs. */
  agent_problems: z.array(z.string()).optional(),
  /** Not of the first collectors. Null: it has none, or no collector runs. */
  tunnel: tunnelStatusSchema.nullable().optional(),
  /** Not of the first collectors. Its sessions are kept in step by a rule. Null: no rule names it, or no collector runs. */
  in_step: z.object({
    /** End of the last look. */
    looked_at: timestampOrNull,
    /** What is in the way, and the next step. */
    problem: z.string().nullable(),
    hint: z.string().nullable(),
  }).nullable().optional(),
});
export type MachineStatus = z.infer<typeof machineStatusSchema>;

export const collectorStatusSchema = z.object({
  schema: z.literal(STATUS_SCHEMA),
  role: z.literal('collector'),
  running: z.boolean(),
  collector_id: z.string().nullable(),
  version: z.string(),
  ingest_port: countOrNull,
  ui_port: countOrNull,
  complete_until: timestampOrNull,
  machines: z.array(machineStatusSchema),
});
export type CollectorStatus = z.infer<typeof collectorStatusSchema>;

export const agentStatusSchema = z.object({
  schema: z.literal(STATUS_SCHEMA),
  role: z.literal('agent'),
  running: z.boolean(),
  /** When these values were true, if no agent runs now. */
  as_of: timestampOrNull,
  machine_id: z.string().nullable(),
  label: z.string().nullable(),
  collector_id: z.string().nullable(),
  endpoint: z.string().nullable(),
  version: z.string(),
  connected: z.boolean(),
  backlog_bytes: countOrNull,
  backlog_events: countOrNull,
  drained_at: timestampOrNull,
  files: countOrNull,
  unknown_entries: z.record(z.string(), z.number()),
  bad_lines: countOrNull,
  kept_bytes: countOrNull,
  gaps: z.array(z.object({ path: z.string(), from: z.number(), to: z.number(), reason: z.string() })),
  problems: z.array(z.string()),
  /** Not of the first agents. Deleted files of which something is kept, and copies: how many, since when the oldest, and the limit of `kept_bytes`. */
  kept_files: countOrNull.optional(),
  kept_oldest_at: timestampOrNull.optional(),
  kept_limit_bytes: countOrNull.optional(),
  /** Not of the first agents. Everything that can be read is acknowledged, and something can not be read: `problems` names it. */
  blocked: z.boolean().optional(),
});
export type AgentStatus = z.infer<typeof agentStatusSchema>;

/** `tt machines add LABEL --json`. */
export const machineAddedSchema = z.object({
  label: z.string(),
  code: z.string(),
  url: z.string(),
  expires_at: z.string(),
  command: z.string(),
});
export type MachineAdded = z.infer<typeof machineAddedSchema>;
