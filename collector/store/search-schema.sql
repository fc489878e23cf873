-- search.sqlite: an index of the archive, without its text. Whatever is found is
-- read from the archived file itself, so what is gone there is found no more.

CREATE TABLE file (
  file INTEGER PRIMARY KEY,
  -- Below the archive: <machine>/projects/<project>/<session>….jsonl
  name TEXT NOT NULL UNIQUE,
  machine TEXT NOT NULL,
  session TEXT NOT NULL,
  -- First directory that an entry named; NULL: none yet.
  cwd TEXT,
  -- Read up to here; `mark`: of the bytes before it.
  offset INTEGER NOT NULL DEFAULT 0,
  mark TEXT NOT NULL DEFAULT '',
  -- As it was when it was looked at last.
  size INTEGER NOT NULL DEFAULT -1,
  mtime REAL NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX file_session ON file (session);

CREATE TABLE passage (
  passage INTEGER PRIMARY KEY AUTOINCREMENT,
  file INTEGER NOT NULL REFERENCES file,
  -- Bytes of its line.
  start INTEGER NOT NULL,
  length INTEGER NOT NULL,
  -- Which of the things that the line says.
  item INTEGER NOT NULL,
  -- 0 user, 1 assistant, 2 tool
  role INTEGER NOT NULL,
  at INTEGER
) STRICT;
CREATE INDEX passage_file ON passage (file);

CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
