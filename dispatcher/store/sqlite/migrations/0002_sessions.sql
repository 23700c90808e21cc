-- +goose Up

-- The incarnation that holds the device's session, and the session's number there.
ALTER TABLE devices ADD COLUMN session INTEGER;
ALTER TABLE devices ADD COLUMN session_number INTEGER;
