-- Schema 1. Migrations are append-only: a released file never changes.
-- What others may rely on are the views and tables of docs/database.md; the
-- `_row` and `_key` tables behind them may change with a migration.

-- Interned texts: an event row repeats none of them (0.45 times the size and
-- twice the speed of a text key, measured).
CREATE TABLE machine_key (
  machine     INTEGER PRIMARY KEY,
  machine_id  TEXT UNIQUE,
  enrolled_at INTEGER               -- epoch ms; decides between copies; null: never enrolled here (imported)
);
-- Machine 0 owns imported events that name no machine.
INSERT INTO machine_key (machine, machine_id) VALUES (0, NULL);

CREATE TABLE session_key (
  session    INTEGER PRIMARY KEY,
  session_id TEXT UNIQUE         -- null: 0, no session; so that a view can show it and still use the index
);
INSERT INTO session_key (session, session_id) VALUES (0, NULL);

CREATE TABLE cwd_key (
  cwd  INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE
);

CREATE TABLE kind_key (
  kind   INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  type   TEXT NOT NULL,
  -- fact:   the fact is (type, discriminator), so copies in forks and on other machines meet
  -- id:     the fact is the whole ID, which is built from the parts
  -- opaque: the ID is not of our grammar; it stands whole in the discriminator
  form   TEXT NOT NULL CHECK (form IN ('fact', 'id', 'opaque')),
  UNIQUE (source, type, form)
);

-- One row per fact: the claim that won. `row` is the order of arrival and the cursor of every feed.
CREATE TABLE event_row (
  row            INTEGER PRIMARY KEY AUTOINCREMENT,
  machine        INTEGER NOT NULL,
  at             INTEGER NOT NULL,   -- epoch ms
  kind           INTEGER NOT NULL,
  session        INTEGER NOT NULL,   -- 0: none
  discriminator  TEXT NOT NULL,
  fact           INTEGER NOT NULL,   -- 53-bit hash of the fact key; found through the table `fact`
  cwd            INTEGER,
  born_at        INTEGER,            -- earliest known birth of a file that says it
  schema_version INTEGER NOT NULL,
  data           TEXT                -- JSON of every key that has no column here; null for none
);
-- Uniqueness of facts is kept by the one writer, which looks every fact up before
-- it inserts; a UNIQUE index over all parts of an ID would cost 45 bytes an event.
CREATE INDEX event_row_at ON event_row (machine, at);
CREATE INDEX event_row_session ON event_row (session, at);

-- Rows by the hash of their fact; equal hashes are compared in full. Kept by store/fact-index.ts,
-- one range of the hash space after the other: what came later is in event_row only.
CREATE TABLE fact (
  hash INTEGER NOT NULL,
  row  INTEGER NOT NULL,
  PRIMARY KEY (hash, row)
) WITHOUT ROWID;
CREATE TABLE fact_range (
  range   INTEGER PRIMARY KEY,       -- of 512 equal ranges of the hash space
  through INTEGER NOT NULL           -- every row up to this one is in `fact`, if its hash is of this range
);
-- Whole, for any reader: which event_row may hold a fact.
CREATE VIEW fact_place AS
SELECT hash, row FROM fact
UNION
SELECT fact, row FROM event_row
WHERE row > (SELECT CASE count(*) WHEN 512 THEN min(through) ELSE 0 END FROM fact_range);

-- Claims that lost: kept, because a late one can change who wins.
CREATE TABLE copy_row (
  row            INTEGER PRIMARY KEY,
  machine        INTEGER NOT NULL,
  at             INTEGER NOT NULL,
  kind           INTEGER NOT NULL,
  session        INTEGER NOT NULL,
  discriminator  TEXT NOT NULL,
  fact           INTEGER NOT NULL,
  cwd            INTEGER,
  born_at        INTEGER,
  schema_version INTEGER NOT NULL,
  data           TEXT,
  event          INTEGER NOT NULL    -- event_row.row of the claim that won; stays when another one wins
);
CREATE INDEX copy_row_fact ON copy_row (fact);
CREATE INDEX copy_row_session ON copy_row (session);

-- Contiguous stored offset of each generation, moved in the transaction of its events.
CREATE TABLE file (
  machine    INTEGER NOT NULL,
  gen        TEXT NOT NULL,
  path       TEXT NOT NULL,
  born_at    INTEGER,
  offset     INTEGER NOT NULL,
  tail       TEXT NOT NULL,          -- hash of the at most 256 bytes before offset
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (machine, gen)
) WITHOUT ROWID;

-- Latest value of what a harness log says without a time; ordered by (after, offset, gen).
CREATE TABLE session_state (
  session INTEGER NOT NULL,
  key     TEXT NOT NULL,
  after   TEXT NOT NULL,
  offset  INTEGER NOT NULL,
  gen     TEXT NOT NULL,
  machine INTEGER NOT NULL,
  value   TEXT NOT NULL,             -- JSON
  PRIMARY KEY (session, key)
) WITHOUT ROWID;

CREATE TABLE lineage (
  child  INTEGER NOT NULL,
  parent INTEGER NOT NULL,
  via    TEXT NOT NULL,
  PRIMARY KEY (child, parent, via)
) WITHOUT ROWID;

-- Derived: one row per conversation and per subagent (agent_id ''  is the conversation itself).
CREATE TABLE session_row (
  session            INTEGER NOT NULL,
  agent_id           TEXT NOT NULL,
  machine            INTEGER NOT NULL, -- of its latest activity
  harness            TEXT,
  started_at         INTEGER,
  first_at           INTEGER NOT NULL,
  last_at            INTEGER NOT NULL,
  cwd                INTEGER,          -- of its earliest event that has one, at cwd_at
  cwd_at             INTEGER,
  git_branch         TEXT,
  harness_version    TEXT,
  prompts            INTEGER NOT NULL, -- human
  script_prompts     INTEGER NOT NULL,
  commands           INTEGER NOT NULL,
  interrupts         INTEGER NOT NULL,
  answers            INTEGER NOT NULL,
  assistant_messages INTEGER NOT NULL,
  tool_uses          INTEGER NOT NULL,
  tool_results       INTEGER NOT NULL,
  tool_errors        INTEGER NOT NULL,
  turns              INTEGER NOT NULL,
  -- What was said last decides the state: the event, and its time (ties: see store/sessions.ts).
  signal             TEXT,
  signal_at          INTEGER,
  -- What the harness's live registry said last.
  status             TEXT,
  waiting_for        TEXT,
  status_at          INTEGER,
  status_seen_at     INTEGER, -- a `gone` has the time of the status it ends, and holds for what came before it was seen
  PRIMARY KEY (session, agent_id)
) WITHOUT ROWID;
CREATE INDEX session_row_last ON session_row (last_at);

-- Derived: one row per API response; the entry that wins, whole.
CREATE TABLE usage_row (
  row                   INTEGER PRIMARY KEY AUTOINCREMENT,
  hash                  INTEGER NOT NULL,          -- of response; found through the table `response`
  response              TEXT NOT NULL,             -- message_id, with the request where IDs are not the vendor's
  message_id            TEXT NOT NULL,
  request_id            TEXT,
  event                 INTEGER NOT NULL,          -- event_row.row it was taken from
  machine               INTEGER NOT NULL,
  session               INTEGER NOT NULL,
  agent_id              TEXT NOT NULL,
  at                    INTEGER NOT NULL,
  model                 TEXT,
  input_tokens          INTEGER NOT NULL,
  output_tokens         INTEGER NOT NULL,
  cache_creation_tokens INTEGER NOT NULL,
  cache_creation_1h     INTEGER,
  cache_read_tokens     INTEGER NOT NULL,
  speed                 TEXT,
  placeholder           INTEGER NOT NULL           -- 1: output is a lower bound
);
CREATE INDEX usage_row_session ON usage_row (session, at);
CREATE INDEX usage_row_at ON usage_row (at);
-- As `fact` and `fact_range`.
CREATE TABLE response (
  hash INTEGER NOT NULL,
  row  INTEGER NOT NULL,
  PRIMARY KEY (hash, row)
) WITHOUT ROWID;
CREATE TABLE response_range (
  range   INTEGER PRIMARY KEY,
  through INTEGER NOT NULL
);

CREATE TABLE gap (
  machine     INTEGER NOT NULL,
  gen         TEXT NOT NULL,
  from_offset INTEGER NOT NULL,
  to_offset   INTEGER NOT NULL,
  path        TEXT NOT NULL,
  t_from      TEXT NOT NULL,
  t_to        TEXT NOT NULL,
  reason      TEXT NOT NULL,
  reported_at INTEGER NOT NULL,
  accepted_at INTEGER,
  PRIMARY KEY (machine, gen, from_offset)
) WITHOUT ROWID;

CREATE TABLE dead_letter (
  row         INTEGER PRIMARY KEY,
  machine     INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  code        TEXT NOT NULL,
  -- What it would have been, as far as it could be read; one row per foreign prefix.
  subject     TEXT NOT NULL,
  count       INTEGER NOT NULL DEFAULT 1,
  gen         TEXT,
  body        TEXT,                  -- at most 64 KiB
  body_bytes  INTEGER NOT NULL,      -- of the whole
  UNIQUE (machine, code, subject)
);
-- Beyond the caps letters are only counted.
CREATE TABLE refused_count (
  machine INTEGER NOT NULL,
  code    TEXT NOT NULL,
  count   INTEGER NOT NULL,
  PRIMARY KEY (machine, code)
) WITHOUT ROWID;

CREATE TABLE streams (
  id         TEXT PRIMARY KEY,
  name       TEXT UNIQUE,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);
CREATE TABLE stream_tags (
  stream_id TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
  tag       TEXT NOT NULL,
  PRIMARY KEY (stream_id, tag)
) WITHOUT ROWID;
-- Hang on the fact, so they survive a change of winner.
CREATE TABLE assignment (
  fact        INTEGER NOT NULL,
  fact_key    TEXT NOT NULL,
  stream_id   TEXT NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
  assigned_by TEXT NOT NULL,         -- user | model | rule | auto; a person's is never overwritten
  assigned_at TEXT NOT NULL,
  PRIMARY KEY (fact, fact_key)
) WITHOUT ROWID;
CREATE INDEX assignment_stream ON assignment (stream_id);

-- Derived: half-open spans of attention and of agents' work.
CREATE TABLE interval (
  form     TEXT NOT NULL,            -- direct | delegated
  machine  INTEGER NOT NULL,
  session  INTEGER NOT NULL,
  agent_id TEXT NOT NULL,
  from_at  INTEGER NOT NULL,
  to_at    INTEGER NOT NULL,
  PRIMARY KEY (form, machine, session, agent_id, from_at)
) WITHOUT ROWID;

-- What was forgotten on purpose stays out.
CREATE TABLE tombstone (
  scope TEXT NOT NULL,               -- session | project | machine
  value TEXT NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (scope, value)
) WITHOUT ROWID;

-- The pieces of both event views: ID and timestamp printed from their parts.
-- Events of schema v8 of the earlier tool, with everything else in `data`.
CREATE VIEW event_text AS
SELECT
  e.row,
  CASE WHEN k.form = 'opaque' THEN e.discriminator ELSE
    m.machine_id || ':' || k.source || ':' || k.type || ':' ||
    strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000.0, 'unixepoch') || ':' || e.discriminator
  END AS id,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000.0, 'unixepoch') AS timestamp,
  k.type, k.source, k.form,
  m.machine_id,
  e.schema_version, c.path AS cwd, s.session_id,
  e.fact, e.at, e.machine, e.session, e.discriminator, e.born_at, e.data
FROM event_row e
JOIN machine_key m ON m.machine = e.machine
JOIN kind_key k ON k.kind = e.kind
JOIN session_key s ON s.session = e.session
LEFT JOIN cwd_key c ON c.cwd = e.cwd;

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
LEFT JOIN assignment a ON a.fact = t.fact
  AND a.fact_key = CASE WHEN t.form = 'fact' THEN t.type || ':' || t.discriminator ELSE t.id END;

-- Claims that lost, as events. `event` is the row of the event that says the same and won.
CREATE VIEW event_copies AS
SELECT
  CASE WHEN k.form = 'opaque' THEN e.discriminator ELSE
    m.machine_id || ':' || k.source || ':' || k.type || ':' ||
    strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000.0, 'unixepoch') || ':' || e.discriminator
  END AS id,
  strftime('%Y-%m-%dT%H:%M:%fZ', e.at / 1000.0, 'unixepoch') AS timestamp,
  k.type, k.source, m.machine_id, e.schema_version, c.path AS cwd,
  s.session_id, e.data,
  e.event
FROM copy_row e
JOIN machine_key m ON m.machine = e.machine
JOIN kind_key k ON k.kind = e.kind
JOIN session_key s ON s.session = e.session
LEFT JOIN cwd_key c ON c.cwd = e.cwd;

CREATE VIEW message_usage AS
SELECT
  u.message_id, u.request_id, m.machine_id, s.session_id, u.agent_id,
  strftime('%Y-%m-%dT%H:%M:%fZ', u.at / 1000.0, 'unixepoch') AS timestamp,
  u.model, u.input_tokens, u.output_tokens,
  u.cache_creation_tokens AS cache_creation_input_tokens,
  u.cache_creation_1h AS cache_creation_1h_input_tokens,
  u.cache_read_tokens AS cache_read_input_tokens,
  u.speed, u.placeholder AS output_is_lower_bound, u.event
FROM usage_row u
JOIN machine_key m ON m.machine = u.machine
JOIN session_key s ON s.session = u.session;

-- Its parts with text times; the views below choose and add.
CREATE VIEW session_text AS
SELECT
  s.session_id, r.agent_id, m.machine_id, r.harness,
  CASE WHEN r.agent_id <> '' THEN s.session_id END AS parent_session_id,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.started_at / 1000.0, 'unixepoch') AS started_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.first_at / 1000.0, 'unixepoch') AS first_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.last_at / 1000.0, 'unixepoch') AS last_at,
  c.path AS cwd, r.git_branch, r.harness_version,
  CASE WHEN r.agent_id = '' THEN (
    SELECT json_extract(t.value, '$') FROM session_state t
    WHERE t.session = r.session AND t.key IN ('custom-title', 'ai-title', 'summary')
    ORDER BY CASE t.key WHEN 'custom-title' THEN 1 WHEN 'ai-title' THEN 2 ELSE 3 END LIMIT 1
  ) END AS title,
  r.prompts, r.script_prompts, r.commands, r.interrupts, r.answers, r.assistant_messages, r.tool_uses,
  r.tool_results, r.tool_errors, r.turns,
  r.signal, strftime('%Y-%m-%dT%H:%M:%fZ', r.signal_at / 1000.0, 'unixepoch') AS signal_at,
  r.status, r.waiting_for, strftime('%Y-%m-%dT%H:%M:%fZ', r.status_at / 1000.0, 'unixepoch') AS status_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', r.status_seen_at / 1000.0, 'unixepoch') AS status_seen_at,
  -- A session's end is said without a time: it holds while no entry came after it.
  CASE WHEN r.agent_id = '' THEN (
    SELECT t.after FROM session_state t WHERE t.session = r.session AND t.key = 'ended'
  ) END AS ended_after,
  r.last_at AS last_at_ms
FROM session_row r
JOIN session_key s ON s.session = r.session
JOIN machine_key m ON m.machine = r.machine
LEFT JOIN cwd_key c ON c.cwd = r.cwd;

CREATE VIEW sessions AS
SELECT
  session_id, agent_id, parent_session_id, machine_id, harness, started_at, first_at, last_at, cwd, git_branch,
  harness_version, title, prompts, script_prompts, commands, interrupts, answers, assistant_messages, tool_uses,
  tool_results, tool_errors, turns, signal, signal_at, status, waiting_for, status_at,
  CASE
    WHEN ended_after >= coalesce(signal_at, '') THEN 'ended'
    -- The fresher of the harness's live registry and its log.
    WHEN status_seen_at >= coalesce(signal_at, '') THEN
      CASE status WHEN 'gone' THEN 'ended' WHEN 'busy' THEN 'working' WHEN 'shell' THEN 'working'
        WHEN 'waiting' THEN 'waiting' WHEN 'idle' THEN 'idle' ELSE 'unknown' END
    WHEN signal IS NULL THEN 'unknown'
    WHEN signal = 'ended' THEN 'ended'
    WHEN signal = 'started' THEN 'idle'
    WHEN signal IN ('answered', 'turn_ended', 'interrupt') THEN CASE agent_id WHEN '' THEN 'waiting' ELSE 'ended' END
    ELSE 'working'
  END AS state
FROM session_text;

-- Conversations only (no subagents), by machine, latest activity first.
CREATE VIEW sessions_with_machine AS
SELECT s.*, unixepoch('now') - unixepoch(s.last_at) AS age_seconds
FROM sessions s WHERE s.agent_id = ''
ORDER BY s.machine_id, s.last_at DESC;

-- closed: ended; active: activity within 30 minutes; stale: neither.
CREATE VIEW active_sessions_by_machine AS
SELECT
  machine_id,
  sum(state <> 'ended' AND age_seconds <= 1800) AS active,
  sum(state <> 'ended' AND age_seconds > 1800) AS stale,
  sum(state = 'ended') AS closed,
  count(DISTINCT cwd) AS projects,
  max(last_at) AS last_at
FROM sessions_with_machine
GROUP BY machine_id
ORDER BY max(last_at) DESC;
