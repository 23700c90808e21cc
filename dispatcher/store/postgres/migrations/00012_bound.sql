-- +goose Up

-- Users whose inboxes have more entries than are kept, and the last one when that was noted.
CREATE TABLE @.crowded (
    user_key bigint PRIMARY KEY,
    seq      bigint NOT NULL
);
