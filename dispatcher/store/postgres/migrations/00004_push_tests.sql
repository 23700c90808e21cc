-- +goose Up

-- Tests of the push to a few devices, by the UID of who asked. The plan holds what is accepted as their message.
CREATE TABLE @.push_tests (
    uid          text   PRIMARY KEY,
    request_hash bytea  NOT NULL,
    message_id   uuid   NOT NULL,
    started_at   bigint NOT NULL,
    plan         text   NOT NULL
);
CREATE INDEX push_tests_started ON @.push_tests (started_at);

-- The devices of each test, with what the vendor answered last.
CREATE TABLE @.push_test_devices (
    message_id uuid   NOT NULL,
    device_key bigint NOT NULL,
    tested_at  bigint NOT NULL,
    answer     text   NOT NULL DEFAULT '',
    PRIMARY KEY (message_id, device_key)
);
CREATE INDEX push_test_devices_tested ON @.push_test_devices (device_key, tested_at);
