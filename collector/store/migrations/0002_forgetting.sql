-- Schema 2: forgetting, what was refused lately, and which rows of the earlier tool do not count.

-- Null: the removal was interrupted; what is left is kept out, but not removed yet.
ALTER TABLE tombstone ADD COLUMN finished_at INTEGER;

-- Sessions that began in a forgotten project: what they say without a directory stays out with it.
CREATE TABLE forgotten_session (
  session_id TEXT NOT NULL,
  project    TEXT NOT NULL,
  PRIMARY KEY (session_id, project)
) WITHOUT ROWID;

CREATE INDEX dead_letter_received ON dead_letter (machine, received_at);

-- Rows of the earlier tool about sessions whose logs were read here: they are events, but count in no session.
CREATE VIEW superseded_events AS
SELECT e.row, e.session
FROM event_row e JOIN kind_key k ON k.kind = e.kind
WHERE e.session <> 0 AND e.schema_version < 2 AND k.form <> 'fact'
  AND k.type IN ('agent_session', 'user_message', 'assistant_message', 'agent_tool_use', 'agent_tool_result', 'session_metadata')
  AND EXISTS (
    SELECT 1 FROM event_row o JOIN kind_key n ON n.kind = o.kind WHERE o.session = e.session AND o.session <> 0 AND n.form = 'fact'
  );
