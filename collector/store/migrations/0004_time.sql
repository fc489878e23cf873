-- Schema 4: time. What a person attended to is read out of few, small rows; what agents did meanwhile is derived.

DROP TABLE interval;

-- Facts that tell where a person's attention was, all machines in one order; kept in the commit that stores the fact.
-- Direct time is read out of these (collector/time/attention.ts): no interval of it is stored.
CREATE TABLE attention_row (
  at      INTEGER NOT NULL,
  event   INTEGER NOT NULL,          -- event_row.row
  sign    TEXT NOT NULL,             -- pane | message | scroll | idle | window | tab
  machine INTEGER NOT NULL,
  session INTEGER NOT NULL,
  kind    INTEGER NOT NULL,
  cwd     INTEGER,
  fact    INTEGER NOT NULL,
  detail  TEXT,                      -- pane and scroll: which pane; window: which program; idle: for how many ms before
  PRIMARY KEY (at, event)
) WITHOUT ROWID;
-- The newest tab may lie as far back as there are events.
CREATE INDEX attention_row_tab ON attention_row (at) WHERE sign = 'tab';

-- Derived: half-open spans of a session's work, and of its known waits for the person. Where `session_dirty` names the
-- session, what is stored may be older than its events: readers derive it again, the writer when it has time.
CREATE TABLE interval (
  from_at  INTEGER NOT NULL,
  session  INTEGER NOT NULL,
  form     TEXT NOT NULL,            -- delegated | waiting
  to_at    INTEGER NOT NULL,         -- 8640000000000000: nothing that was said ends it
  event    INTEGER NOT NULL,         -- event_row.row of the fact that opened the turn, or said that it waits
  event_at INTEGER NOT NULL,
  machine  INTEGER NOT NULL,
  kind     INTEGER NOT NULL,
  cwd      INTEGER,
  fact     INTEGER NOT NULL,
  PRIMARY KEY (from_at, session, form)
) WITHOUT ROWID;
CREATE INDEX interval_session ON interval (session, form, from_at);
-- The others are found by where they begin.
CREATE INDEX interval_long ON interval (to_at) WHERE to_at - from_at > 86400000;

CREATE TABLE session_dirty (
  session INTEGER PRIMARY KEY,
  from_at INTEGER NOT NULL,          -- first and last event that came, changed or went
  to_at   INTEGER NOT NULL
);

-- What would be in `attention_row`. Rows of the earlier tool count under conditions: `is_legacy`, see store/attention.ts.
CREATE VIEW attention_text AS
SELECT
  e.at, e.row AS event,
  CASE k.type WHEN 'tmux_pane_focus' THEN 'pane' WHEN 'tmux_scroll' THEN 'scroll' WHEN 'user_message' THEN 'message'
    WHEN 'afk_change' THEN 'idle' WHEN 'window_focus' THEN 'window' ELSE 'tab' END AS sign,
  e.machine, e.session, e.kind, e.cwd, e.fact,
  CASE k.type
    WHEN 'tmux_pane_focus' THEN json_array(json_extract(e.data, '$.tmux_session'), json_extract(e.data, '$.pane_id'))
    WHEN 'tmux_scroll' THEN json_array(json_extract(e.data, '$.tmux_session'), json_extract(e.data, '$.pane_id'))
    WHEN 'afk_change' THEN CAST(json_extract(e.data, '$.idle_duration_ms') AS TEXT)
    WHEN 'window_focus' THEN lower(json_extract(e.data, '$.window_app_id'))
  END AS detail,
  k.type = 'user_message' AND e.session <> 0 AND e.schema_version < 2 AND k.form <> 'fact' AS is_legacy
FROM event_row e JOIN kind_key k ON k.kind = e.kind
WHERE CASE k.type
  WHEN 'tmux_pane_focus' THEN 1 WHEN 'tmux_scroll' THEN 1 WHEN 'window_focus' THEN 1 WHEN 'browser_tab' THEN 1
  WHEN 'afk_change' THEN json_extract(e.data, '$.status') = 'idle'
  -- A subagent's prompt is its conversation's work, unless somebody is known to have typed it.
  WHEN 'user_message' THEN coalesce(json_extract(e.data, '$.origin'),
    CASE WHEN json_extract(e.data, '$.agent_id') IS NULL THEN 'human' END) = 'human'
  ELSE 0 END;

INSERT INTO attention_row (at, event, sign, machine, session, kind, cwd, fact, detail)
SELECT at, event, sign, machine, session, kind, cwd, fact, detail FROM attention_text
WHERE NOT is_legacy OR (event NOT IN (SELECT row FROM superseded_events) AND session NOT IN (
  SELECT e.session FROM event_row e JOIN kind_key k ON k.kind = e.kind
  WHERE k.type = 'session_metadata' AND json_extract(e.data, '$.session_type') <> 'user'));

INSERT INTO session_dirty (session, from_at, to_at)
SELECT session, min(at), max(at) FROM event_row WHERE session <> 0 GROUP BY session;
