-- +goose Up

-- What a message is to the app, what only some kinds have, and when its sender took it back.
ALTER TABLE messages ADD COLUMN kind TEXT NOT NULL DEFAULT 'Chat';
ALTER TABLE messages ADD COLUMN detail TEXT;
ALTER TABLE messages ADD COLUMN recalled_at INTEGER;
