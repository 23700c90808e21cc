-- +goose Up

-- Keys of users are never used twice, now that users can go: what is counted of one must not become another's.
CREATE TABLE users_new (
    user_key     INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id      TEXT    NOT NULL UNIQUE,
    last_seq     INTEGER NOT NULL,
    logged_in_at INTEGER
) STRICT;
INSERT INTO users_new (user_key, user_id, last_seq, logged_in_at) SELECT user_key, user_id, last_seq, logged_in_at FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;

-- Users who are being forgotten; user_key is 0 for an id that nobody had.
CREATE TABLE erasures (
    erasure_id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    TEXT    NOT NULL,
    user_key   INTEGER NOT NULL,
    begun_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_user ON erasures (user_id);
CREATE INDEX cursors_user ON cursors (user_key, device_key);
