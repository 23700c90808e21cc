-- +goose Up

-- When the phone last said that it has the token; 0 when that is not known.
ALTER TABLE @.tokens ADD COLUMN set_at bigint NOT NULL DEFAULT 0;

-- The number on the app's icon, of devices that have told it.
CREATE TABLE @.badges (
    device_key bigint  PRIMARY KEY,
    badge      integer NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- What vendors report of pushes, in the daily partitions of their messages; a repeated report is the same row.
CREATE TABLE @.receipts (
    message_id uuid   NOT NULL,
    device_key bigint NOT NULL,
    event      text   NOT NULL,
    channel    text   NOT NULL,
    code       text   NOT NULL,
    reason     text   NOT NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (message_id, device_key, event)
) PARTITION BY RANGE (message_id);
