-- Schema 6: whom a session waits for, and sums of usage over a period.

-- A harness that is idle after it did something waits for its person. Where only scripts asked, no person is waited for.
DROP VIEW sessions;
CREATE VIEW sessions AS
SELECT
  session_id, agent_id, parent_session_id, machine_id, harness, started_at, first_at, last_at, cwd, git_branch,
  harness_version, title, prompts, script_prompts, commands, interrupts, answers, assistant_messages, tool_uses,
  tool_results, tool_errors, turns, signal, signal_at, status, waiting_for, status_at,
  CASE
    WHEN ended_after >= coalesce(signal_at, '') THEN 'ended'
    -- The fresher of the harness's live registry and its log.
    WHEN status_seen_at >= coalesce(signal_at, '') THEN
      CASE status WHEN 'gone' THEN 'ended' WHEN 'busy' THEN 'working' WHEN 'shell' THEN 'working' WHEN 'waiting' THEN 'waiting'
        WHEN 'idle' THEN CASE WHEN assistant_messages > 0 AND NOT only_scripts THEN 'waiting' ELSE 'idle' END
        ELSE 'unknown' END
    WHEN signal IS NULL THEN 'unknown'
    WHEN signal = 'ended' THEN 'ended'
    WHEN signal = 'started' THEN 'idle'
    WHEN signal IN ('answered', 'turn_ended', 'interrupt') THEN
      CASE WHEN agent_id <> '' THEN 'ended' WHEN only_scripts THEN 'idle' ELSE 'waiting' END
    ELSE 'working'
  END AS state
FROM (
  SELECT *, prompts + commands + interrupts + answers = 0 AND script_prompts > 0 AS only_scripts FROM session_text
);

-- Everything that a sum needs: the rows themselves lie in order of arrival, all over the table.
DROP INDEX usage_row_at;
CREATE INDEX usage_row_period ON usage_row (
  at, model, speed, machine, session, input_tokens, output_tokens, cache_creation_tokens, cache_creation_1h, cache_read_tokens, placeholder, event
);
