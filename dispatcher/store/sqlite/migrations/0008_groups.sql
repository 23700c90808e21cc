-- +goose Up

-- The counter seq grows with every message and every change of the members. A group of an id that was deleted is another one.
CREATE TABLE groups (
    group_key  INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id   TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    members    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE UNIQUE INDEX groups_id ON groups (group_id) WHERE deleted_at IS NULL;
CREATE INDEX groups_deleted ON groups (deleted_at) WHERE deleted_at IS NOT NULL;

-- Memberships: who joined before an event and had not left at it receives it.
CREATE TABLE group_members (
    group_key  INTEGER NOT NULL,
    user_key   INTEGER NOT NULL,
    joined_seq INTEGER NOT NULL,
    left_seq   INTEGER,
    left_at    INTEGER,
    PRIMARY KEY (group_key, user_key, joined_seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX group_members_now ON group_members (group_key, user_key) WHERE left_seq IS NULL;
CREATE INDEX group_members_of ON group_members (user_key, group_key) WHERE left_seq IS NULL;
CREATE INDEX group_members_left ON group_members (left_at) WHERE left_at IS NOT NULL;

-- How far messages for many are brought to their receivers. Without a group it is for all users.
CREATE TABLE expansions (
    message_id    BLOB    PRIMARY KEY NOT NULL,
    owner         INTEGER NOT NULL,
    group_key     INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    audience      TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    -- The last user who is done; how far users and devices went when it started.
    after_key     INTEGER NOT NULL,
    users_up_to   INTEGER NOT NULL,
    devices_up_to INTEGER NOT NULL,
    users         INTEGER NOT NULL,
    targets       INTEGER NOT NULL,
    started_at    INTEGER NOT NULL,
    finished_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX expansions_open ON expansions (owner, message_id) WHERE finished_at = 0;
CREATE INDEX expansions_group ON expansions (group_key, seq) WHERE finished_at = 0;
CREATE INDEX expansions_broadcast ON expansions (message_id) WHERE group_key = 0;
CREATE INDEX expansions_finished ON expansions (finished_at) WHERE finished_at > 0;
