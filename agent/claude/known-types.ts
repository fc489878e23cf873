/** Kinds of `system` and `attachment` entries that are known. The others are counted, so that a new format is noticed. */
const SYSTEM: ReadonlySet<string> = new Set([
  'turn_duration', 'stop_hook_summary', 'compact_boundary', 'microcompact_boundary', 'local_command', 'api_error',
  'scheduled_task_fire', 'away_summary', 'informational', 'model_refusal_fallback',
]);

const ATTACHMENTS: ReadonlySet<string> = new Set([
  'queued_command', 'skill_listing', 'deferred_tools_delta', 'agent_listing_delta', 'environment', 'model', 'date',
  'session_context', 'prompt_snapshot', 'auto_mode', 'task_reminder', 'todo_reminder', 'edited_text_file',
  'hook_success', 'hook_additional_context', 'hook_non_blocking_error', 'remote_session_change',
]);

export function isKnownSystem(subtype: string): boolean {
  return SYSTEM.has(subtype);
}

export function isKnownAttachment(kind: string): boolean {
  return ATTACHMENTS.has(kind);
}
