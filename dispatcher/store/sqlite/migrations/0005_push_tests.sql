-- +goose Up

-- Tests of the push to a few devices, by the UID of who asked. The plan holds what is accepted as their message.
CREATE TABLE push_tests (
    uid          TEXT    PRIMARY KEY NOT NULL,
    request_hash BLOB    NOT NULL,
    message_id   BLOB    NOT NULL,
    started_at   INTEGER NOT NULL,
    plan         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX push_tests_started ON push_tests (started_at);

-- The devices of each test, with what the vendor answered last.
CREATE TABLE push_test_devices (
    message_id BLOB    NOT NULL,
    device_key INTEGER NOT NULL,
    tested_at  INTEGER NOT NULL,
    answer     TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, device_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX push_test_devices_tested ON push_test_devices (device_key, tested_at);
