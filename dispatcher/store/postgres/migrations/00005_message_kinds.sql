-- +goose Up

-- What a message is to the app, what only some kinds have, and when its sender took it back.
ALTER TABLE @.messages ADD COLUMN kind text NOT NULL DEFAULT 'Chat', ADD COLUMN detail text, ADD COLUMN recalled_at bigint;
