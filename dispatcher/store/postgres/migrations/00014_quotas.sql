-- +goose Up

-- How many pushes vendors took today, by channel row and the vendor's class of messages; a day is known by its end. A
-- vendor's word that a quota is used up has its end in spent_until; -1 takes it back.
CREATE TABLE @.quotas (
    channel     text   NOT NULL,
    class       text   NOT NULL,
    ends_at     bigint NOT NULL,
    used        bigint NOT NULL,
    spent_until bigint NOT NULL,
    PRIMARY KEY (channel, class, ends_at)
);
