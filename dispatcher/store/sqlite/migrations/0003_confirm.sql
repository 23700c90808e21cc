-- +goose Up

-- Up to which epoch every process has confirmed that nothing older is open, and the hash of the token
-- that another device took from this one last.
ALTER TABLE devices ADD COLUMN confirmed_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN lost_hash BLOB;
CREATE INDEX devices_lost ON devices (lost_hash) WHERE lost_hash IS NOT NULL;
