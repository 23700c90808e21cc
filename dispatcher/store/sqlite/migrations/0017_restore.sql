-- +goose Up

-- When this file was made as a copy of another one; null where the app lives. And when it was last taken for the app's own again.
ALTER TABLE meta ADD COLUMN copied_at INTEGER;
ALTER TABLE meta ADD COLUMN restored_at INTEGER;
