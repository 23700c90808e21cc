-- +goose Up

-- When a device was bound to the user first; null when never, or before this version.
ALTER TABLE @.users ADD COLUMN logged_in_at bigint;

-- What the user wants of pushes, in JSON; users without a row want all.
CREATE TABLE @.user_rules (
    user_key bigint PRIMARY KEY,
    rule     text   NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- The conversations that users muted, as Type:id.
CREATE TABLE @.mutes (
    user_key     bigint NOT NULL,
    conversation text   COLLATE "C" NOT NULL,
    PRIMARY KEY (user_key, conversation)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- Until when users are online elsewhere, as the app's server reported. They need not be known otherwise.
CREATE TABLE @.presence (
    user_id      text   PRIMARY KEY,
    online_until bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- The rule that decided to push, or not to.
ALTER TABLE @.deliveries ADD COLUMN rule text NOT NULL DEFAULT '';
ALTER TABLE @.outcomes ADD COLUMN rule text NOT NULL DEFAULT '';
