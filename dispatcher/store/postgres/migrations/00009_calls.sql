-- +goose Up

-- Calls with their members in JSON. due_at is when something happens by itself; NULL once a call is over.
CREATE TABLE @.calls (
    call_id    text   PRIMARY KEY,
    version    bigint NOT NULL,
    due_at     bigint,
    changed_at bigint NOT NULL,
    data       text   NOT NULL
);
CREATE INDEX calls_due ON @.calls (due_at, call_id) WHERE due_at IS NOT NULL;
CREATE INDEX calls_over ON @.calls (changed_at, call_id) WHERE due_at IS NULL;
