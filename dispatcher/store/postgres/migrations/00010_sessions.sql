-- +goose Up

-- How the phone calls itself, when its user was bound or opened a session last, and until when it counts
-- as connected after the process that held its former session had stopped.
ALTER TABLE @.devices ADD COLUMN name text NOT NULL DEFAULT '', ADD COLUMN login_at bigint,
    ADD COLUMN grace_until bigint NOT NULL DEFAULT 0;

-- When the process began to stop in good order; 0 while it has not.
ALTER TABLE @.leases ADD COLUMN drained_at bigint NOT NULL DEFAULT 0;
