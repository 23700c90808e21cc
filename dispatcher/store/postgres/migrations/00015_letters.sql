-- +goose Up

-- Pushes that finally failed and may be sent again. Class, code and detail are the vendor's last answer.
CREATE TABLE @.dead_letters (
    letter_id  bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid    NOT NULL,
    user_key   bigint  NOT NULL,
    device_key bigint  NOT NULL,
    seq        bigint  NOT NULL,
    badge      integer NOT NULL,
    channel    text    NOT NULL,
    rule       text    NOT NULL,
    state      text    NOT NULL,
    reason     text    NOT NULL,
    class      text    NOT NULL,
    code       text    NOT NULL,
    detail     text    NOT NULL,
    in_doubt   boolean NOT NULL,
    at         bigint  NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX dead_letters_at ON @.dead_letters (at);
CREATE INDEX dead_letters_message ON @.dead_letters (message_id);
CREATE INDEX dead_letters_user ON @.dead_letters (user_key, letter_id);
CREATE INDEX dead_letters_count ON @.dead_letters (channel, state, reason);

-- What dead letters said whose messages went at the end of their retention; user_id sent it.
CREATE TABLE @.letter_messages (
    message_id      uuid   PRIMARY KEY,
    user_id         text   NOT NULL,
    kind            text   NOT NULL,
    detail          text,
    body            text   NOT NULL,
    push            text,
    created_at      bigint NOT NULL,
    push_expires_at bigint NOT NULL
);
CREATE INDEX letter_messages_user ON @.letter_messages (user_id, message_id);

-- The days of channel rows: whether a vendor accepted a push, and whether the row was ill.
CREATE TABLE @.channel_days (
    channel  text    NOT NULL,
    day      bigint  NOT NULL,
    accepted boolean NOT NULL,
    ill      boolean NOT NULL,
    PRIMARY KEY (channel, day)
);
CREATE INDEX tokens_quarantined ON @.tokens (channel, quarantined_at) WHERE quarantined_at IS NOT NULL;
