-- +goose Up

CREATE TABLE meta (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    app_id     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    checked_at INTEGER NOT NULL
) STRICT;

-- A user is never deleted: the sequence of the inbox must not start again.
CREATE TABLE users (
    user_key INTEGER PRIMARY KEY,
    user_id  TEXT    NOT NULL UNIQUE,
    last_seq INTEGER NOT NULL
) STRICT;

-- Keys are never used twice: deliveries name a device that may be gone.
CREATE TABLE devices (
    device_key    INTEGER PRIMARY KEY AUTOINCREMENT,
    push_id       TEXT    NOT NULL UNIQUE,
    secret_hash   BLOB    NOT NULL,
    vendor        TEXT    NOT NULL,
    app_type      INTEGER NOT NULL,
    region        TEXT    NOT NULL,
    environment   TEXT    NOT NULL,
    platform      TEXT    NOT NULL,
    user_key      INTEGER,
    epoch         INTEGER NOT NULL,
    -- The last generation that any token of the device had.
    token_gen     INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX devices_user ON devices (user_key) WHERE user_key IS NOT NULL;
CREATE INDEX devices_seen ON devices (seen_at);

-- Vendor, app type and environment are the device's own, for the unique index.
CREATE TABLE tokens (
    device_key     INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    vendor         TEXT    NOT NULL,
    app_type       INTEGER NOT NULL,
    environment    TEXT    NOT NULL,
    token_hash     BLOB    NOT NULL,
    value          TEXT    NOT NULL,
    gen            INTEGER NOT NULL,
    quarantined_at INTEGER,
    -- What the vendor last said about the token, and through which channel row.
    channel        TEXT,
    answered_at    INTEGER,
    accepted_at    INTEGER,
    invalid        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device_key, kind)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tokens_value ON tokens (token_hash, vendor, app_type, environment, kind);
CREATE INDEX tokens_health ON tokens (channel, answered_at, accepted_at, invalid) WHERE channel IS NOT NULL;

CREATE TABLE cursors (
    device_key INTEGER NOT NULL,
    user_key   INTEGER NOT NULL,
    acked      INTEGER NOT NULL,
    PRIMARY KEY (device_key, user_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    message_id      BLOB    PRIMARY KEY NOT NULL,
    sender          TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    push            TEXT,
    created_at      INTEGER NOT NULL,
    push_expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_created ON messages (created_at);

CREATE TABLE inbox (
    user_key   INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    message_id BLOB    NOT NULL,
    PRIMARY KEY (user_key, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_message ON inbox (message_id);

-- Outlives the messages, so that a late repetition still gets the first answer.
CREATE TABLE idempotency (
    sender       TEXT    NOT NULL,
    client_id    TEXT    NOT NULL,
    request_hash BLOB    NOT NULL,
    message_id   BLOB    NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (sender, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires_at);

-- The one row is the incarnation that may own deliveries; without it nobody may.
CREATE TABLE leases (
    incarnation INTEGER PRIMARY KEY AUTOINCREMENT,
    pod         TEXT    NOT NULL,
    acquired_at INTEGER NOT NULL
) STRICT;

CREATE TABLE deliveries (
    delivery_id  INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id   BLOB    NOT NULL,
    channel      TEXT    NOT NULL,
    owner        INTEGER NOT NULL,
    targets      BLOB    NOT NULL,
    target_count INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- The outcome that led to the last retry.
    last_class   TEXT    NOT NULL DEFAULT '',
    last_code    TEXT    NOT NULL DEFAULT '',
    last_detail  TEXT    NOT NULL DEFAULT '',
    changed_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (channel, due_at, delivery_id);
CREATE INDEX deliveries_message ON deliveries (message_id);

CREATE TABLE outcomes (
    outcome_id        INTEGER PRIMARY KEY,
    message_id        BLOB    NOT NULL,
    user_key          INTEGER NOT NULL,
    device_key        INTEGER NOT NULL,
    channel           TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    code              TEXT    NOT NULL,
    detail            TEXT    NOT NULL,
    vendor_message_id TEXT    NOT NULL,
    at                INTEGER NOT NULL
) STRICT;
CREATE INDEX outcomes_message ON outcomes (message_id);
CREATE INDEX outcomes_at ON outcomes (at);

CREATE TABLE account (
    state TEXT    PRIMARY KEY NOT NULL,
    n     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_tokens (
    name       TEXT    PRIMARY KEY NOT NULL,
    sealed     BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Pending is counted from the rows of deliveries by the database itself, so
-- that the account is checked against the rows and not against our own sums.
CREATE TABLE backlog (
    channel TEXT    PRIMARY KEY NOT NULL,
    pending INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER deliveries_added AFTER INSERT ON deliveries BEGIN
    INSERT INTO backlog (channel, pending) VALUES (new.channel, new.target_count)
    ON CONFLICT (channel) DO UPDATE SET pending = pending + excluded.pending;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER deliveries_changed AFTER UPDATE OF target_count ON deliveries BEGIN
    UPDATE backlog SET pending = pending - old.target_count + new.target_count WHERE channel = old.channel;
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER deliveries_removed AFTER DELETE ON deliveries BEGIN
    UPDATE backlog SET pending = pending - old.target_count WHERE channel = old.channel;
END;
-- +goose StatementEnd
