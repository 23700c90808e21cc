-- +goose Up

-- Whether a vendor may have taken what ended without its answer.
ALTER TABLE @.outcomes ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;
