-- +goose Up

-- Calls with their members in JSON. due_at is when something happens by itself; NULL once a call is over.
CREATE TABLE calls (
    call_id    TEXT    PRIMARY KEY NOT NULL,
    version    INTEGER NOT NULL,
    due_at     INTEGER,
    changed_at INTEGER NOT NULL,
    data       TEXT    NOT NULL
) STRICT;
CREATE INDEX calls_due ON calls (due_at, call_id) WHERE due_at IS NOT NULL;
CREATE INDEX calls_over ON calls (changed_at, call_id) WHERE due_at IS NULL;
