-- Schema 8: a question of the harness holds while only its tools go on.

DROP VIEW sessions;
CREATE VIEW sessions AS
SELECT
  session_id, agent_id, parent_session_id, machine_id, harness, started_at, first_at, last_at, cwd, git_branch,
  harness_version, title, prompts, script_prompts, commands, interrupts, answers, assistant_messages, tool_uses,
  tool_results, tool_errors, turns, signal, signal_at, status, waiting_for, status_at,
  CASE
    WHEN ended_after >= coalesce(signal_at, '') THEN 'ended'
    -- Tools that were called together run side by side: what one of them logs does not answer the question of another.
    WHEN status = 'waiting' AND signal IN ('tool_use', 'tool_result') THEN 'waiting'
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

-- Copies before events: who has nothing but copies of a session would have all its events looked through for one of theirs.
DROP VIEW session_state_told;
CREATE VIEW session_state_told AS
SELECT s.*, m.machine_id
FROM session_state_row s
JOIN machine_key m ON m.machine = s.machine
WHERE EXISTS (SELECT 1 FROM session_row r WHERE r.session = s.session AND r.machine = s.machine)
  OR EXISTS (SELECT 1 FROM copy_row c WHERE c.session = s.session AND c.machine = s.machine)
  OR EXISTS (SELECT 1 FROM event_row e WHERE e.session = s.session AND e.machine = s.machine);
