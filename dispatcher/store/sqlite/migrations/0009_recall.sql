-- +goose Up

-- Whether a vendor may have taken what ended without its answer.
ALTER TABLE outcomes ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
