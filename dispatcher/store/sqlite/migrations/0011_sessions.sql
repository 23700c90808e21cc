-- +goose Up

-- How the phone calls itself, when its user was bound or opened a session last, and until when it counts
-- as connected after the process that held its former session had stopped.
ALTER TABLE devices ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN login_at INTEGER;
ALTER TABLE devices ADD COLUMN grace_until INTEGER NOT NULL DEFAULT 0;

-- The incarnations that stopped in good order, and until when their sessions count.
CREATE TABLE drains (
    incarnation INTEGER PRIMARY KEY,
    drained_at  INTEGER NOT NULL,
    grace_until INTEGER NOT NULL
) STRICT;
