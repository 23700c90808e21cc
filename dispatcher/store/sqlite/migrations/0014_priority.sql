-- +goose Up

-- Which of a channel row's deliveries go first; 0 is of messages that name their receivers.
ALTER TABLE deliveries ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
-- The last two columns spare a visit to those that are not due.
CREATE INDEX deliveries_turn ON deliveries (channel, priority, expires_at, delivery_id, due_at, owner);
