CREATE TABLE IF NOT EXISTS search (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS rollouts (
    id            INTEGER PRIMARY KEY,
    harness       TEXT NOT NULL,
    task          TEXT NOT NULL,
    task_digest   TEXT NOT NULL,
    trial         INTEGER NOT NULL,
    profile       TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('running', 'interrupted', 'done')),
    started_at    TEXT NOT NULL,
    pid           INTEGER NOT NULL,
    pid_started   INTEGER NOT NULL,
    outcome       TEXT,
    reason        TEXT,
    passed        INTEGER,
    total         INTEGER,
    tokens_input  INTEGER,
    tokens_output INTEGER,
    tokens_cache_write INTEGER,
    tokens_cache_read  INTEGER,
    cost_usd      REAL,
    calls         INTEGER,
    seconds       REAL,
    judge_version TEXT,
    output_digest TEXT,
    paid_input       INTEGER NOT NULL DEFAULT 0,
    paid_output      INTEGER NOT NULL DEFAULT 0,
    paid_cache_write INTEGER NOT NULL DEFAULT 0,
    paid_cache_read  INTEGER NOT NULL DEFAULT 0,
    paid_usd         REAL NOT NULL DEFAULT 0,
    sandbox       TEXT NOT NULL DEFAULT 'none',
    boot          TEXT NOT NULL DEFAULT '',
    served_model  TEXT NOT NULL DEFAULT '',
    UNIQUE (harness, task, task_digest, trial, profile, attempt)
) STRICT;

-- The few rows that a launch asks for first, in a ledger of any length.
CREATE INDEX IF NOT EXISTS rollouts_running ON rollouts (id) WHERE status = 'running';
CREATE INDEX IF NOT EXISTS rollouts_lost ON rollouts (harness) WHERE outcome = 'infra_failed';

CREATE TABLE IF NOT EXISTS verdicts (
    rollout   INTEGER NOT NULL REFERENCES rollouts (id),
    criterion TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    reason    TEXT NOT NULL,
    PRIMARY KEY (rollout, criterion)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS earlier_verdicts (
    rollout       INTEGER NOT NULL REFERENCES rollouts (id),
    judge_version TEXT NOT NULL,
    criterion     TEXT NOT NULL,
    verdict       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    PRIMARY KEY (rollout, judge_version, criterion)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS settled (
    rollout    INTEGER NOT NULL REFERENCES rollouts (id),
    criterion  TEXT NOT NULL,
    first      TEXT NOT NULL,
    reason     TEXT NOT NULL,
    settled_by TEXT NOT NULL,
    PRIMARY KEY (rollout, criterion)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS iterations (
    number    INTEGER PRIMARY KEY,
    harness   TEXT NOT NULL,
    name      TEXT NOT NULL,
    parent    TEXT NOT NULL,
    incumbent TEXT NOT NULL,
    mechanism TEXT NOT NULL,
    claim     TEXT NOT NULL,
    decision  TEXT,
    reason    TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS spending (
    id          INTEGER PRIMARY KEY,
    role        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    input       INTEGER NOT NULL,
    output      INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    cache_read  INTEGER NOT NULL,
    usd         REAL NOT NULL,
    at          TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS sessions (
    id         INTEGER PRIMARY KEY,
    iteration  INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    profile    TEXT NOT NULL,
    model      TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at   TEXT NOT NULL DEFAULT '',
    outcome    TEXT,
    reason     TEXT NOT NULL DEFAULT '',
    paid_input       INTEGER NOT NULL DEFAULT 0,
    paid_output      INTEGER NOT NULL DEFAULT 0,
    paid_cache_write INTEGER NOT NULL DEFAULT 0,
    paid_cache_read  INTEGER NOT NULL DEFAULT 0,
    paid_usd         REAL NOT NULL DEFAULT 0,
    UNIQUE (iteration, attempt)
) STRICT;

CREATE TABLE IF NOT EXISTS probes (
    id            INTEGER PRIMARY KEY,
    harness       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    task          TEXT NOT NULL,
    trial         INTEGER NOT NULL,
    rubric        TEXT NOT NULL,
    criterion     TEXT NOT NULL,
    replicate     INTEGER NOT NULL,
    scope_digest  TEXT NOT NULL,
    judge_version TEXT NOT NULL,
    verdict       TEXT NOT NULL,
    reason        TEXT NOT NULL,
    at            TEXT NOT NULL,
    UNIQUE (harness, kind, scope_digest, rubric, criterion, replicate, judge_version)
) STRICT;

-- What has changed since when, kept by SQLite itself whoever writes: one row for each harness and
-- each thousand of its trials, and one for each iteration (its harness is ''). A change makes a new
-- row with the greatest serial and a stamp that no other state of these rows ever had, also where
-- a ledger is put back as it was and then goes on otherwise.
CREATE TABLE IF NOT EXISTS revisions (
    serial  INTEGER PRIMARY KEY,
    harness TEXT NOT NULL,
    part    INTEGER NOT NULL,
    stamp   BLOB NOT NULL DEFAULT (randomblob(8))
) STRICT;

CREATE INDEX IF NOT EXISTS revisions_of ON revisions (harness, part);

INSERT INTO revisions (harness, part)
    SELECT DISTINCT harness, trial / 1000 FROM rollouts
    WHERE NOT EXISTS (SELECT * FROM revisions);
INSERT INTO revisions (harness, part)
    SELECT '', number FROM iterations
    WHERE NOT EXISTS (SELECT * FROM revisions WHERE harness = '');

CREATE TRIGGER IF NOT EXISTS rollout_begun AFTER INSERT ON rollouts BEGIN
    INSERT INTO revisions (harness, part) VALUES (NEW.harness, NEW.trial / 1000);
    DELETE FROM revisions WHERE harness = NEW.harness AND part = NEW.trial / 1000
        AND serial < (SELECT MAX(serial) FROM revisions);
END;

CREATE TRIGGER IF NOT EXISTS rollout_changed AFTER UPDATE ON rollouts BEGIN
    INSERT INTO revisions (harness, part) VALUES (OLD.harness, OLD.trial / 1000);
    DELETE FROM revisions WHERE harness = OLD.harness AND part = OLD.trial / 1000
        AND serial < (SELECT MAX(serial) FROM revisions);
END;

CREATE TRIGGER IF NOT EXISTS rollout_moved AFTER UPDATE OF harness, trial ON rollouts BEGIN
    INSERT INTO revisions (harness, part) VALUES (NEW.harness, NEW.trial / 1000);
    DELETE FROM revisions WHERE harness = NEW.harness AND part = NEW.trial / 1000
        AND serial < (SELECT MAX(serial) FROM revisions);
END;

CREATE TRIGGER IF NOT EXISTS rollout_removed AFTER DELETE ON rollouts BEGIN
    INSERT INTO revisions (harness, part) VALUES (OLD.harness, OLD.trial / 1000);
    DELETE FROM revisions WHERE harness = OLD.harness AND part = OLD.trial / 1000
        AND serial < (SELECT MAX(serial) FROM revisions);
END;

CREATE TRIGGER IF NOT EXISTS iteration_put AFTER INSERT ON iterations BEGIN
    INSERT INTO revisions (harness, part) VALUES ('', NEW.number);
    DELETE FROM revisions WHERE harness = '' AND part = NEW.number
        AND serial < (SELECT MAX(serial) FROM revisions);
END;

CREATE TRIGGER IF NOT EXISTS iteration_changed AFTER UPDATE ON iterations BEGIN
    INSERT INTO revisions (harness, part) VALUES ('', OLD.number), ('', NEW.number);
    DELETE FROM revisions WHERE harness = '' AND part IN (OLD.number, NEW.number)
        AND serial < (SELECT MAX(serial) FROM revisions) - (OLD.number <> NEW.number);
END;

CREATE TRIGGER IF NOT EXISTS iteration_removed AFTER DELETE ON iterations BEGIN
    INSERT INTO revisions (harness, part) VALUES ('', OLD.number);
    DELETE FROM revisions WHERE harness = '' AND part = OLD.number
        AND serial < (SELECT MAX(serial) FROM revisions);
END;
