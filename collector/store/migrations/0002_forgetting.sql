-- Schema 2: forgetting, and what was refused lately.

-- Null: the removal was interrupted; what is left is kept out, but not removed yet.
ALTER TABLE tombstone ADD COLUMN finished_at INTEGER;

-- Sessions that began in a forgotten project: what they say without a directory stays out with it.
CREATE TABLE forgotten_session (
  session_id TEXT NOT NULL,
  project    TEXT NOT NULL,
  PRIMARY KEY (session_id, project)
) WITHOUT ROWID;

CREATE INDEX dead_letter_received ON dead_letter (machine, received_at);
