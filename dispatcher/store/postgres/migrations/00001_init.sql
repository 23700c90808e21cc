-- +goose Up

-- Each "@." below is replaced by the app's schema. Times are Unix milliseconds in UTC.

CREATE TABLE @.meta (
    id         smallint PRIMARY KEY CHECK (id = 1),
    app_id     text     NOT NULL,
    created_at bigint   NOT NULL,
    checked_at bigint   NOT NULL
);

-- A user is never deleted: the sequence of the inbox must not start again.
CREATE TABLE @.users (
    user_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  text   NOT NULL UNIQUE,
    last_seq bigint NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- Keys are never used twice: deliveries name a device that may be gone.
CREATE TABLE @.devices (
    device_key     bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    push_id        text    NOT NULL UNIQUE,
    secret_hash    bytea   NOT NULL,
    vendor         text    NOT NULL,
    app_type       integer NOT NULL,
    region         text    NOT NULL,
    environment    text    NOT NULL,
    platform       text    NOT NULL,
    user_key       bigint,
    epoch          bigint  NOT NULL,
    -- The last generation that any token of the device had.
    token_gen      bigint  NOT NULL,
    registered_at  bigint  NOT NULL,
    seen_at        bigint  NOT NULL,
    -- The incarnation that holds the device's session, and the session's number there.
    session        bigint,
    session_number bigint
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX devices_user ON @.devices (user_key) WHERE user_key IS NOT NULL;
CREATE INDEX devices_seen ON @.devices (seen_at);

-- Vendor, app type and environment are the device's own, for the unique index.
CREATE TABLE @.tokens (
    device_key     bigint  NOT NULL,
    kind           text    NOT NULL,
    vendor         text    NOT NULL,
    app_type       integer NOT NULL,
    environment    text    NOT NULL,
    token_hash     bytea   NOT NULL,
    value          text    NOT NULL,
    gen            bigint  NOT NULL,
    quarantined_at bigint,
    -- What the vendor last said about the token, and through which channel row.
    channel        text,
    answered_at    bigint,
    accepted_at    bigint,
    invalid        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (device_key, kind)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE UNIQUE INDEX tokens_value ON @.tokens (token_hash, vendor, app_type, environment, kind);
CREATE INDEX tokens_health ON @.tokens (channel, answered_at, accepted_at, invalid) WHERE channel IS NOT NULL;

CREATE TABLE @.cursors (
    device_key bigint NOT NULL,
    user_key   bigint NOT NULL,
    acked      bigint NOT NULL,
    PRIMARY KEY (device_key, user_key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- Messages and inboxes in daily partitions: a UUIDv7 begins with its time.
CREATE TABLE @.messages (
    message_id      uuid   PRIMARY KEY,
    sender          text   NOT NULL,
    body            text   NOT NULL,
    push            text,
    created_at      bigint NOT NULL,
    push_expires_at bigint NOT NULL
) PARTITION BY RANGE (message_id);

CREATE TABLE @.inbox (
    user_key   bigint NOT NULL,
    seq        bigint NOT NULL,
    message_id uuid   NOT NULL,
    PRIMARY KEY (user_key, seq, message_id)
) PARTITION BY RANGE (message_id);
CREATE INDEX inbox_message ON @.inbox (message_id);

-- Outlives the messages, so that a late repetition still gets the first answer.
CREATE TABLE @.idempotency (
    sender       text   NOT NULL,
    client_id    text   NOT NULL,
    request_hash bytea  NOT NULL,
    message_id   uuid   NOT NULL,
    expires_at   bigint NOT NULL,
    PRIMARY KEY (sender, client_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX idempotency_expires ON @.idempotency (expires_at);

-- A lease lives while heir is 0 and expires_at is not past. Who takes it over becomes the heir of its deliveries.
CREATE TABLE @.leases (
    incarnation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pod         text   NOT NULL,
    addr        text   NOT NULL,
    acquired_at bigint NOT NULL,
    expires_at  bigint NOT NULL,
    heir        bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- The queue. Rows come and go, so that it is vacuumed early and without pauses.
CREATE TABLE @.deliveries (
    delivery_id  bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id   uuid    NOT NULL,
    channel      text    NOT NULL,
    -- An incarnation, or 0 for nobody.
    owner        bigint  NOT NULL,
    targets      bytea   NOT NULL,
    target_count integer NOT NULL,
    attempt      integer NOT NULL,
    due_at       bigint  NOT NULL,
    expires_at   bigint  NOT NULL,
    -- The outcome that led to the last retry.
    last_class   text    NOT NULL DEFAULT '',
    last_code    text    NOT NULL DEFAULT '',
    last_detail  text    NOT NULL DEFAULT '',
    changed_at   bigint  NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX deliveries_due ON @.deliveries (owner, channel, due_at, delivery_id);
CREATE INDEX deliveries_message ON @.deliveries (message_id);

CREATE TABLE @.outcomes (
    outcome_id        bigint GENERATED ALWAYS AS IDENTITY,
    message_id        uuid   NOT NULL,
    user_key          bigint NOT NULL,
    device_key        bigint NOT NULL,
    channel           text   NOT NULL,
    state             text   NOT NULL,
    reason            text   NOT NULL,
    code              text   NOT NULL,
    detail            text   NOT NULL,
    vendor_message_id text   NOT NULL,
    at                bigint NOT NULL
) PARTITION BY RANGE (at);
CREATE INDEX outcomes_message ON @.outcomes (message_id);

-- Counters have a few rows for each state or channel, so that commits of several pods do not wait for one row.
CREATE TABLE @.account (
    shard smallint NOT NULL,
    state text     NOT NULL,
    n     bigint   NOT NULL,
    PRIMARY KEY (shard, state)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

-- Pending is counted from the rows of deliveries by the database itself, so
-- that the account is checked against the rows and not against our own sums.
CREATE TABLE @.backlog (
    shard   smallint NOT NULL,
    channel text     NOT NULL,
    pending bigint   NOT NULL,
    PRIMARY KEY (shard, channel)
) WITH (fillfactor = 30, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE @.access_tokens (
    name       text   PRIMARY KEY,
    sealed     bytea  NOT NULL,
    expires_at bigint NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION @.deliveries_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @.backlog AS b (shard, channel, pending)
    SELECT pg_backend_pid() % 16, channel, sum(target_count) FROM added GROUP BY channel ORDER BY channel
    ON CONFLICT (shard, channel) DO UPDATE SET pending = b.pending + excluded.pending;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION @.deliveries_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @.backlog AS b (shard, channel, pending)
    SELECT pg_backend_pid() % 16, channel, -sum(target_count) FROM removed GROUP BY channel ORDER BY channel
    ON CONFLICT (shard, channel) DO UPDATE SET pending = b.pending + excluded.pending;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION @.deliveries_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @.backlog AS b (shard, channel, pending)
    SELECT pg_backend_pid() % 16, channel, sum(n)
    FROM (SELECT channel, target_count AS n FROM added UNION ALL SELECT channel, -target_count FROM removed) AS d
    GROUP BY channel HAVING sum(n) <> 0 ORDER BY channel
    ON CONFLICT (shard, channel) DO UPDATE SET pending = b.pending + excluded.pending;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER deliveries_added AFTER INSERT ON @.deliveries
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION @.deliveries_added();
CREATE TRIGGER deliveries_removed AFTER DELETE ON @.deliveries
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION @.deliveries_removed();
CREATE TRIGGER deliveries_changed AFTER UPDATE ON @.deliveries
    REFERENCING OLD TABLE AS removed NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION @.deliveries_changed();
