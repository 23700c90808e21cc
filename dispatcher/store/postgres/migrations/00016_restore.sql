-- +goose Up

-- The oid of this table where the app lives: a restored dump has another one. And when it was last taken for the app's own again.
ALTER TABLE @.meta ADD COLUMN home bigint;
ALTER TABLE @.meta ADD COLUMN restored_at bigint;
