-- +goose Up

-- When the phone last said that it has the token; 0 when that is not known.
ALTER TABLE tokens ADD COLUMN set_at INTEGER NOT NULL DEFAULT 0;

-- The number on the app's icon, of devices that have told it.
CREATE TABLE badges (
    device_key INTEGER PRIMARY KEY,
    badge      INTEGER NOT NULL
) STRICT;

-- What vendors report of pushes; a repeated report is the same row.
CREATE TABLE receipts (
    message_id BLOB    NOT NULL,
    device_key INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (message_id, device_key, event)
) STRICT, WITHOUT ROWID;
