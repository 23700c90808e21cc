-- +goose Up

-- Users who are being forgotten; user_key is 0 for an id that nobody had.
CREATE TABLE @.erasures (
    erasure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    text   NOT NULL,
    user_key   bigint NOT NULL,
    begun_at   bigint NOT NULL
);
CREATE INDEX erasures_user ON @.erasures (user_id);
CREATE INDEX cursors_user ON @.cursors (user_key);
