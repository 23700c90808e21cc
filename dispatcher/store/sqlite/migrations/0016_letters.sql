-- +goose Up

-- Pushes that finally failed and may be sent again. Class, code and detail are the vendor's last answer.
CREATE TABLE dead_letters (
    letter_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB    NOT NULL,
    user_key   INTEGER NOT NULL,
    device_key INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    badge      INTEGER NOT NULL,
    channel    TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    in_doubt   INTEGER NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_at ON dead_letters (at);
CREATE INDEX dead_letters_message ON dead_letters (message_id);
CREATE INDEX dead_letters_user ON dead_letters (user_key, letter_id);
CREATE INDEX dead_letters_count ON dead_letters (channel, state, reason);

-- What dead letters said whose messages went at the end of their retention; user_id sent it.
CREATE TABLE letter_messages (
    message_id      BLOB    PRIMARY KEY NOT NULL,
    user_id         TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    detail          TEXT,
    body            TEXT    NOT NULL,
    push            TEXT,
    created_at      INTEGER NOT NULL,
    push_expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_messages_user ON letter_messages (user_id, message_id);

-- The days of channel rows: whether a vendor accepted a push, and whether the row was ill.
CREATE TABLE channel_days (
    channel  TEXT    NOT NULL,
    day      INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    ill      INTEGER NOT NULL,
    PRIMARY KEY (channel, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_quarantined ON tokens (channel, quarantined_at) WHERE quarantined_at IS NOT NULL;
