-- Schema 5: what was said about streams, as it was said. A session or a directory is assigned as such, so that
-- its facts belong to the stream whenever they arrive; which assignment holds for a fact is looked up, not stored.

DROP VIEW events;
ALTER TABLE assignment RENAME TO old_assignment;
DROP INDEX assignment_stream;

CREATE TABLE assignment (
  assignment  INTEGER PRIMARY KEY AUTOINCREMENT,
  act         INTEGER NOT NULL,      -- first assignment of those that were said together; undone together
  stream_id   TEXT REFERENCES streams (id) ON DELETE CASCADE,  -- null: to no stream, and it stays so
  assigned_by TEXT NOT NULL CHECK (assigned_by IN ('user', 'model', 'rule', 'auto')),
  assigned_at TEXT NOT NULL,
  scope       TEXT NOT NULL CHECK (scope IN ('facts', 'session', 'directory', 'pattern', 'time')),
  -- Who says it, then how closely it is meant: the strongest holds, of equals the latest.
  strength    INTEGER NOT NULL AS (
    CASE assigned_by WHEN 'user' THEN 40 WHEN 'model' THEN 30 WHEN 'rule' THEN 20 ELSE 10 END +
    CASE scope WHEN 'facts' THEN 6 WHEN 'session' THEN 4 WHEN 'time' THEN 0 ELSE 2 END) STORED,
  session     INTEGER,
  path        TEXT,                  -- of a directory without a slash at its end, or a pattern of LIKE
  from_at     INTEGER,               -- epoch ms, half-open; null: without end
  to_at       INTEGER
);
CREATE INDEX assignment_stream ON assignment (stream_id);
CREATE INDEX assignment_session ON assignment (session) WHERE session IS NOT NULL;
CREATE INDEX assignment_scope ON assignment (scope);

-- The facts of scope `facts`.
CREATE TABLE assigned_fact (
  fact       INTEGER NOT NULL,
  fact_key   TEXT NOT NULL,
  assignment INTEGER NOT NULL REFERENCES assignment (assignment) ON DELETE CASCADE,
  PRIMARY KEY (fact, fact_key, assignment)
) WITHOUT ROWID;
CREATE INDEX assigned_fact_assignment ON assigned_fact (assignment);

INSERT INTO assignment (act, stream_id, assigned_by, assigned_at, scope)
  SELECT 0, stream_id, assigned_by, assigned_at, 'facts' FROM old_assignment GROUP BY stream_id, assigned_by, assigned_at;
UPDATE assignment SET act = assignment;
INSERT INTO assigned_fact (fact, fact_key, assignment)
  SELECT o.fact, o.fact_key, a.assignment FROM old_assignment o
  JOIN assignment a USING (stream_id, assigned_by, assigned_at);
DROP TABLE old_assignment;

-- The directories that assignments of a directory or a pattern cover.
CREATE VIEW assigned_directory AS
SELECT a.assignment, d.cwd FROM assignment a JOIN cwd_key d ON CASE a.scope WHEN 'pattern' THEN d.path LIKE a.path
  ELSE d.path = a.path OR substr(d.path, 1, length(a.path) + 1) = a.path || '/' END
WHERE a.scope IN ('directory', 'pattern');

-- Events that say where a person's attention was, and belong to no session: only these are assigned by time.
CREATE VIEW attention_kind AS
SELECT kind FROM kind_key
WHERE type IN ('tmux_pane_focus', 'tmux_scroll', 'window_focus', 'afk_change', 'browser_tab');

CREATE VIEW event_fact AS
SELECT t.row, t.fact, CASE WHEN t.form = 'fact' THEN t.type || ':' || t.discriminator ELSE t.id END AS fact_key
FROM event_text t;

-- Which assignment holds for an event; null: none. A session's holds for every fact that the session claims, also where
-- another session's claim won: weaker by one there, so that the winner's own goes before it.
-- `store/assignments.ts` knows the same rules; a test compares the two.
CREATE VIEW event_assignment AS
SELECT e.row, (
  SELECT x.assignment FROM (
    SELECT a.assignment, a.strength FROM assigned_fact f JOIN assignment a ON a.assignment = f.assignment
      WHERE f.fact = e.fact AND +f.fact_key = (SELECT k.fact_key FROM event_fact k WHERE k.row = e.row)
    UNION ALL
    SELECT a.assignment, a.strength FROM assignment a
      WHERE a.session = e.session AND e.at >= coalesce(a.from_at, e.at) AND e.at < coalesce(a.to_at, e.at + 1)
    UNION ALL
    SELECT a.assignment, a.strength - 1 FROM copy_row c JOIN assignment a ON a.session = c.session
      WHERE c.fact = e.fact AND c.event = e.row AND e.at >= coalesce(a.from_at, e.at) AND e.at < coalesce(a.to_at, e.at + 1)
    UNION ALL
    SELECT a.assignment, a.strength FROM assigned_directory d JOIN assignment a ON a.assignment = d.assignment
      WHERE d.cwd = e.cwd AND e.at >= coalesce(a.from_at, e.at) AND e.at < coalesce(a.to_at, e.at + 1)
    UNION ALL
    SELECT a.assignment, a.strength FROM assignment a
      WHERE a.scope = 'time' AND e.at >= a.from_at AND e.at < a.to_at
        AND e.kind IN (SELECT kind FROM attention_kind)
  ) x ORDER BY x.strength DESC, x.assignment DESC LIMIT 1
) AS assignment
FROM event_row e;

CREATE VIEW events AS
SELECT
  t.id, t.timestamp, t.type, t.source, t.machine_id, t.schema_version, t.cwd,
  json_extract(t.data, '$.git_project') AS git_project,
  json_extract(t.data, '$.git_workspace') AS git_workspace,
  json_extract(t.data, '$.pane_id') AS pane_id,
  json_extract(t.data, '$.tmux_session') AS tmux_session,
  json_extract(t.data, '$.window_index') AS window_index,
  json_extract(t.data, '$.status') AS status,
  json_extract(t.data, '$.idle_duration_ms') AS idle_duration_ms,
  json_extract(t.data, '$.action') AS action,
  t.session_id,
  a.stream_id, a.assigned_by AS assignment_source,
  json_remove(t.data, '$.git_project', '$.git_workspace', '$.pane_id', '$.tmux_session', '$.window_index',
    '$.status', '$.idle_duration_ms', '$.action') AS data,
  t.row
FROM event_text t
LEFT JOIN assignment a ON a.assignment = (SELECT x.assignment FROM event_assignment x WHERE x.row = t.row);
