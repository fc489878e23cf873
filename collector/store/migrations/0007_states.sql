-- Schema 7: states of every machine that tells of a session. One row for all of them let any machine overwrite what
-- another said of its own sessions, and forgetting a machine took the others' states with it.

CREATE TABLE session_state_row (
  session INTEGER NOT NULL,
  key     TEXT NOT NULL,
  machine INTEGER NOT NULL,
  after   TEXT NOT NULL,
  offset  INTEGER NOT NULL,
  gen     TEXT NOT NULL,
  value   TEXT NOT NULL,             -- JSON
  PRIMARY KEY (session, key, machine)
) WITHOUT ROWID;
INSERT INTO session_state_row (session, key, machine, after, offset, gen, value)
  SELECT session, key, machine, after, offset, gen, value FROM session_state;
DROP TABLE session_state;

-- Those that count: of machines that have events of the session. Asked when read, so the order of arrival is nothing.
CREATE VIEW session_state_told AS
SELECT s.*, m.machine_id
FROM session_state_row s
JOIN machine_key m ON m.machine = s.machine
WHERE EXISTS (SELECT 1 FROM session_row r WHERE r.session = s.session AND r.machine = s.machine)
  OR EXISTS (SELECT 1 FROM event_row e WHERE e.session = s.session AND e.machine = s.machine)
  OR EXISTS (SELECT 1 FROM copy_row c WHERE c.session = s.session AND c.machine = s.machine);

-- The latest of them.
CREATE VIEW session_state AS
SELECT s.session, s.key, s.after, s.offset, s.gen, s.machine, s.value
FROM session_state_told s
WHERE NOT EXISTS (
  SELECT 1 FROM session_state_told b WHERE b.session = s.session AND b.key = s.key AND b.machine <> s.machine
    AND (b.after, b.offset, b.gen, b.machine_id) > (s.after, s.offset, s.gen, s.machine_id)
);
