-- Times are nanoseconds since 1970 UTC; 0 means none.

CREATE TABLE runner_stream (
	id        INTEGER PRIMARY KEY,
	connector TEXT NOT NULL,
	stream    TEXT NOT NULL,
	round     INTEGER NOT NULL DEFAULT 0,
	open      INTEGER NOT NULL DEFAULT 0,
	listed    INTEGER NOT NULL DEFAULT 0,
	now       INTEGER NOT NULL DEFAULT 0,
	data      TEXT,
	UNIQUE (connector, stream)
);

CREATE TABLE runner_lease (
	stream    INTEGER PRIMARY KEY REFERENCES runner_stream (id),
	epoch     INTEGER NOT NULL,
	owner     TEXT NOT NULL,
	host      TEXT NOT NULL,
	pid       INTEGER NOT NULL,
	boot      TEXT NOT NULL,
	namespace TEXT NOT NULL, -- of process numbers, "" when unknown
	started   TEXT NOT NULL, -- when the process began, as its system counts; "" when unknown
	since     INTEGER NOT NULL,
	until     INTEGER NOT NULL -- 0: given back
);

-- The chains of each stream's newest round.
CREATE TABLE runner_chain (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	stream  INTEGER NOT NULL REFERENCES runner_stream (id),
	key     TEXT NOT NULL,
	ordinal INTEGER NOT NULL,
	done    INTEGER NOT NULL DEFAULT 0,
	verdict TEXT NOT NULL DEFAULT '',
	reason  TEXT NOT NULL DEFAULT '',
	state   TEXT,
	pages   INTEGER NOT NULL DEFAULT 0, -- committed in this round
	records INTEGER NOT NULL DEFAULT 0, -- delivered in this round
	entered INTEGER NOT NULL DEFAULT 0, -- runs in a row that began at this state
	updated INTEGER NOT NULL DEFAULT 0,
	UNIQUE (stream, key)
);
CREATE INDEX runner_chain_order ON runner_chain (stream, ordinal);
CREATE INDEX runner_chain_pending ON runner_chain (stream, ordinal) WHERE done = 0;

-- Hashes of delivered keys: little-endian 64-bit numbers, one row a commit.
CREATE TABLE runner_key (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	chain  INTEGER NOT NULL REFERENCES runner_chain (id) ON DELETE CASCADE,
	hashes BLOB NOT NULL
);
CREATE INDEX runner_key_chain ON runner_key (chain);

CREATE TABLE runner_bookmark (
	stream    INTEGER NOT NULL REFERENCES runner_stream (id),
	base      TEXT NOT NULL,
	watermark TEXT,
	kept      TEXT,
	recent    TEXT,
	updated   INTEGER NOT NULL,
	PRIMARY KEY (stream, base)
) WITHOUT ROWID;

CREATE TABLE runner_output (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	target TEXT NOT NULL UNIQUE,
	data   TEXT
);
CREATE TABLE runner_stream_output (
	stream INTEGER NOT NULL REFERENCES runner_stream (id),
	output INTEGER NOT NULL REFERENCES runner_output (id) ON DELETE CASCADE,
	PRIMARY KEY (stream, output)
) WITHOUT ROWID;
CREATE INDEX runner_stream_output_output ON runner_stream_output (output);

-- What a row was when the output was last known to be on disk: see Rewind.
CREATE TABLE runner_before (
	output INTEGER NOT NULL REFERENCES runner_output (id) ON DELETE CASCADE,
	kind   INTEGER NOT NULL, -- 0 chain, 1 bookmark, 2 output
	stream INTEGER NOT NULL,
	name   TEXT NOT NULL,
	image  TEXT, -- JSON object, NULL: there was none
	PRIMARY KEY (output, kind, stream, name)
) WITHOUT ROWID;

CREATE TABLE runner_run (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	id        TEXT NOT NULL UNIQUE,
	connector TEXT NOT NULL,
	streams   TEXT NOT NULL, -- JSON array
	started   INTEGER NOT NULL,
	ended     INTEGER NOT NULL DEFAULT 0,
	verdict   TEXT NOT NULL DEFAULT '',
	reason    TEXT NOT NULL DEFAULT '',
	report    TEXT
);
CREATE INDEX runner_run_connector ON runner_run (connector, seq);

-- A visit is one run's part in one stream. Its pages have the ids visit * 2^32 + 1, 2, 3 …
CREATE TABLE runner_visit (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	stream INTEGER NOT NULL REFERENCES runner_stream (id),
	run    TEXT NOT NULL,
	UNIQUE (run, stream)
);
CREATE INDEX runner_visit_stream ON runner_visit (stream, id);

CREATE TABLE runner_page (
	id       INTEGER PRIMARY KEY,
	chain    TEXT NOT NULL,
	page     INTEGER NOT NULL,
	at       INTEGER NOT NULL,
	position TEXT,
	status   INTEGER NOT NULL,
	records  INTEGER NOT NULL,
	fresh    INTEGER NOT NULL, -- delivered
	bytes    INTEGER NOT NULL,
	millis   INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	retries  TEXT,
	evidence TEXT,
	verdict  TEXT NOT NULL,
	events   TEXT
);

CREATE TABLE runner_secret (
	name    TEXT PRIMARY KEY,
	sealed  INTEGER NOT NULL, -- 1: value is salt, nonce and AES-256-GCM text
	value   BLOB NOT NULL,
	updated INTEGER NOT NULL
) WITHOUT ROWID;
