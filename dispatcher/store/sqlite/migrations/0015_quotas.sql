-- +goose Up

-- How many pushes vendors took today, by channel row and the vendor's class of messages; a day is known by its end. A
-- vendor's word that a quota is used up has its end in spent_until; -1 takes it back.
CREATE TABLE quotas (
    channel     TEXT    NOT NULL,
    class       TEXT    NOT NULL,
    ends_at     INTEGER NOT NULL,
    used        INTEGER NOT NULL,
    spent_until INTEGER NOT NULL,
    PRIMARY KEY (channel, class, ends_at)
) STRICT, WITHOUT ROWID;
