-- +goose Up

-- Which of a channel row's deliveries go first; 0 is of messages that name their receivers.
ALTER TABLE @.deliveries ADD COLUMN priority smallint NOT NULL DEFAULT 0;
-- The last column spares a visit to those that are not due.
CREATE INDEX deliveries_turn ON @.deliveries (owner, channel, priority, expires_at, delivery_id, due_at);
