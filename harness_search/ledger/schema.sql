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
    UNIQUE (harness, task, task_digest, trial, profile, attempt)
) STRICT;

CREATE TABLE IF NOT EXISTS verdicts (
    rollout   INTEGER NOT NULL REFERENCES rollouts (id),
    criterion TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    reason    TEXT NOT NULL,
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
