-- +goose Up

-- Up to which epoch every process has confirmed that nothing older is open, and the hash of the token
-- that another device took from this one last. The index names neither epoch, so that a confirmation
-- writes no index.
ALTER TABLE @.devices ADD COLUMN confirmed_epoch bigint NOT NULL DEFAULT 0, ADD COLUMN lost_hash bytea;
CREATE INDEX devices_lost ON @.devices (lost_hash) WHERE lost_hash IS NOT NULL;
