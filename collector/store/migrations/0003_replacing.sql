-- Schema 3: better extraction takes the place of what an earlier one said about the same log entries.

-- Files whose entries their machine is asked to name: read again from `from_offset` up to `to_offset`.
CREATE TABLE replay (
  machine     INTEGER NOT NULL,
  gen         TEXT NOT NULL,
  from_offset INTEGER NOT NULL,
  to_offset   INTEGER NOT NULL,
  PRIMARY KEY (machine, gen)
) WITHOUT ROWID;

-- Entries that were replaced: what an extraction before `schema_version` says about them later is not taken either.
CREATE TABLE replaced_entry (
  entry          BLOB PRIMARY KEY,   -- 16 bytes of a UUID; any other name as text
  schema_version INTEGER NOT NULL
) WITHOUT ROWID;
