-- +goose Up

-- When a device was bound to the user first; null when never, or before this version.
ALTER TABLE users ADD COLUMN logged_in_at INTEGER;

-- What the user wants of pushes, in JSON; users without a row want all.
CREATE TABLE user_rules (
    user_key INTEGER PRIMARY KEY,
    rule     TEXT    NOT NULL
) STRICT;

-- The conversations that users muted, as Type:id.
CREATE TABLE mutes (
    user_key     INTEGER NOT NULL,
    conversation TEXT    NOT NULL,
    PRIMARY KEY (user_key, conversation)
) STRICT, WITHOUT ROWID;

-- Until when users are online elsewhere, as the app's server reported. They need not be known otherwise.
CREATE TABLE presence (
    user_id      TEXT    PRIMARY KEY NOT NULL,
    online_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The rule that decided to push, or not to.
ALTER TABLE deliveries ADD COLUMN rule TEXT NOT NULL DEFAULT '';
ALTER TABLE outcomes ADD COLUMN rule TEXT NOT NULL DEFAULT '';
