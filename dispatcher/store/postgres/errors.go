package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store"
)

// explain adds to the database's words what to do about them, and what it means when there are none.
func explain(err error) error {
	cure, known := cures[code(err)]
	if errors.Is(err, context.DeadlineExceeded) && !known {
		cure, known = "the database did not answer in time", true
	}
	if err == nil || !known {
		return err
	}
	return fmt.Errorf("%s: %w", cure, err)
}

// cures by SQLSTATE (PostgreSQL 15, appendix A).
var cures = map[string]string{
	"28P01": "the database refuses the password; correct it in the Secret of store.postgres",
	"28000": "the database refuses the login; check the role, pg_hba.conf and the client certificate",
	"3D000": "the database does not exist; create it or correct dbname in the Secret of store.postgres",
	"42501": "the role lacks a right; grant it CREATE on the database, or make it the owner of the schema",
	"53100": "the database's disk is full; enlarge it or shorten the retention",
	"53300": "the database has no connection left; raise max_connections, or put a pooler before it and set poolMode",
	"25006": "the database takes no writes; let the Secret's host name the primary",
	"57P03": "the database is starting or stopping",
	"0A000": "the database or a pooler before it lacks a feature; PostgreSQL 15 or newer is needed",
}

// missing translates the absence of a row.
func missing(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}
