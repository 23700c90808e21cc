-- +goose Up

-- The counter seq grows with every message and every change of the members. A group of an id that was deleted is another one.
CREATE TABLE @.groups (
    group_key  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    group_id   text   NOT NULL,
    seq        bigint NOT NULL,
    members    bigint NOT NULL,
    created_at bigint NOT NULL,
    deleted_at bigint
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
CREATE UNIQUE INDEX groups_id ON @.groups (group_id) WHERE deleted_at IS NULL;
CREATE INDEX groups_deleted ON @.groups (deleted_at) WHERE deleted_at IS NOT NULL;

-- Memberships: who joined before an event and had not left at it receives it.
CREATE TABLE @.group_members (
    group_key  bigint NOT NULL,
    user_key   bigint NOT NULL,
    joined_seq bigint NOT NULL,
    left_seq   bigint,
    left_at    bigint,
    PRIMARY KEY (group_key, user_key, joined_seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE UNIQUE INDEX group_members_now ON @.group_members (group_key, user_key) WHERE left_seq IS NULL;
CREATE INDEX group_members_of ON @.group_members (user_key, group_key) WHERE left_seq IS NULL;
CREATE INDEX group_members_left ON @.group_members (left_at) WHERE left_at IS NOT NULL;

-- How far messages for many are brought to their receivers. Without a group it is for all users.
CREATE TABLE @.expansions (
    message_id    uuid   PRIMARY KEY,
    -- An incarnation, or 0 for nobody.
    owner         bigint NOT NULL,
    group_key     bigint NOT NULL,
    seq           bigint NOT NULL,
    audience      text   NOT NULL,
    state         text   NOT NULL,
    -- The last user who is done; how far users and devices went when it started.
    after_key     bigint NOT NULL DEFAULT 0,
    users_up_to   bigint NOT NULL,
    devices_up_to bigint NOT NULL,
    users         bigint NOT NULL DEFAULT 0,
    targets       bigint NOT NULL DEFAULT 0,
    started_at    bigint NOT NULL,
    finished_at   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX expansions_open ON @.expansions (owner, message_id) WHERE finished_at = 0;
CREATE INDEX expansions_group ON @.expansions (group_key, seq) WHERE finished_at = 0;
CREATE INDEX expansions_broadcast ON @.expansions (message_id) WHERE group_key = 0;
CREATE INDEX expansions_finished ON @.expansions (finished_at) WHERE finished_at > 0;
