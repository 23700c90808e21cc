package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

const (
	liveLease = `SELECT l.pod, l.expires_at - ` + now + ` FROM @.leases l WHERE ` + alive + ` ORDER BY l.expires_at DESC LIMIT 1`
	takeHome  = `UPDATE @.meta SET home = ` + thisHome + `, restored_at = ` + now + ` WHERE id = 1`
	// noLimits lets the statements of a restored store visit all rows.
	noLimits = `SET LOCAL statement_timeout = 0`
	// restorePatience bounds all of it, millions of devices included.
	restorePatience = 30 * time.Minute
)

// ErrHeld says that a dispatcher has the schema, or had it until a moment ago.
var ErrHeld = errors.New("a restored store is taken into use while no dispatcher works with it")

// Restored takes a schema that was restored for the app's own again. Unless it is complete, it goes on by the rules for
// an older state, see rules.Restore. No dispatcher may work in it, with ErrHeld.
func Restored(ctx context.Context, o Options, complete bool) error {
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	s, err := openWith(ctx, o, func(s *Store) error {
		if err := s.deserted(ctx); err != nil {
			return err
		}
		return s.restored(ctx, complete)
	})
	if err != nil {
		return err
	}
	return s.Close()
}

// deserted refuses a schema in which a dispatcher works.
func (s *Store) deserted(ctx context.Context) error {
	var pod string
	var left int64
	err := missing(s.row(ctx, liveLease).Scan(&pod, &left))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w: %s may work in schema %q for another %s; stop it, wait and try again",
		ErrHeld, pod, s.schema, time.Duration(left)*time.Millisecond)
}

// restored does it in one transaction. It runs alone, and so without the bounds of others.
func (s *Store) restored(ctx context.Context, complete bool) error {
	statements := []string{noLimits}
	if !complete {
		statements = append(statements, rules.Restore("@.")...)
	}
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // after a commit there is nothing to roll back
	for _, statement := range append(statements, takeHome) {
		if _, err := tx.Exec(ctx, s.sql(statement)); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}
