// Package postgres is the store that several dispatchers share: one schema of
// a PostgreSQL 15 database or newer for each app. Concurrent changes share a
// commit, rows are written in one order so that they cannot deadlock, and time
// is the database's.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
	"github.com/offlinepush/operator/dispatcher/store/rules"
	"github.com/offlinepush/operator/dispatcher/store/seal"
)

// Options say which store to open.
type Options struct {
	// AppID is the app that the schema belongs to from its first opening on.
	AppID string
	// Config is asked before each new connection, so that a rotated password needs no restart. The
	// schema and the pool mode are those of the first answer.
	Config func() config.Postgres
	// SealingKey is keys.sealing of the configuration.
	SealingKey config.Secret
	Log        *slog.Logger
	// Tracer sees every statement; for tests.
	Tracer pgx.QueryTracer
}

// Store implements store.Store.
type Store struct {
	pool *pgxpool.Pool
	// vital is for what keeps the process alive, so that leases never wait behind reads and writes.
	vital  *pgxpool.Pool
	schema string
	clock  *clock
	days   *days
	sealer *seal.Sealer
	log    *slog.Logger
	// claimed is the app, once the schema is known to be its own.
	claimed atomic.Pointer[string]
	// incarnation is the lease that this process acquired last; 0 before and after.
	incarnation atomic.Int64
	rehearsal   groupcommit.Rehearsal
	groups
}

// Open connects, brings the schema up to date and checks that it is the app's
// own, with store.ErrWrongApp and store.ErrCopied. It tries once; the caller tries again.
func Open(ctx context.Context, o Options) (*Store, error) {
	return openWith(ctx, o, func(*Store) error { return nil })
}

// openWith opens the store after something was done to its schema, which may be a copy.
func openWith(ctx context.Context, o Options, first func(*Store) error) (*Store, error) {
	if o.AppID == "" || o.Config == nil || o.Log == nil {
		return nil, errors.New("postgres: AppID, Config and Log must be set")
	}
	sealer, err := seal.New(o.SealingKey)
	if err != nil {
		return nil, err
	}
	s := &Store{schema: o.Config().Schema, clock: &clock{}, days: &days{}, sealer: sealer, log: o.Log}
	if s.pool, err = newPool(ctx, o, maxConnections, s.recognize); err != nil {
		return nil, explain(err)
	}
	if s.vital, err = newPool(ctx, o, vitalConnections, s.recognize); err != nil {
		s.pool.Close()
		return nil, explain(err)
	}
	if err := s.prepare(ctx, o.AppID, first); err != nil {
		s.closePools()
		return nil, explain(err)
	}
	s.groups = newGroups(context.WithoutCancel(ctx), s) // a commit that has begun ends, so that its callers learn the truth
	return s, nil
}

// prepare makes the schema the app's own and ready for today's rows.
func (s *Store) prepare(ctx context.Context, appID string, first func(*Store) error) error {
	if err := migrate(ctx, s.pool, s.schema, s.log); err != nil {
		return err
	}
	if err := s.found(ctx, appID); err != nil {
		return err
	}
	if err := first(s); err != nil {
		return err
	}
	if err := s.claim(ctx, appID); err != nil {
		return err
	}
	if err := s.calibrate(ctx); err != nil {
		return err
	}
	return s.makePartitions(ctx)
}

// found makes a new schema the app's own and refuses another app's.
func (s *Store) found(ctx context.Context, appID string) error {
	if _, err := s.exec(ctx, s.pool, `INSERT INTO @.meta (id, app_id, created_at, checked_at, home)
		VALUES (1, $1, `+now+`, `+now+`, `+thisHome+`) ON CONFLICT DO NOTHING`, appID); err != nil {
		return err
	}
	// A schema of before there was such a column is where it was.
	if _, err := s.exec(ctx, s.pool, `UPDATE @.meta SET home = `+thisHome+` WHERE id = 1 AND home IS NULL`); err != nil {
		return err
	}
	o, err := ownerIn(s.row(ctx, ownerOf))
	if err == nil && o.appID != appID {
		err = s.foreign(o.appID, appID)
	}
	return err
}

// claim refuses a copy, and has every later connection looked at.
func (s *Store) claim(ctx context.Context, appID string) error {
	o, err := ownerIn(s.row(ctx, ownerOf))
	if err == nil {
		err = s.refuse(o, appID)
	}
	if err == nil {
		s.claimed.Store(&appID)
	}
	return err
}

const (
	// thisHome tells the tables apart from those of a restored dump. A standby that is promoted has the same.
	thisHome = `'@.meta'::regclass::oid::bigint`
	ownerOf  = `SELECT app_id, home = ` + thisHome + `, checked_at FROM @.meta WHERE id = 1`
)

// owner is what a schema says of itself.
type owner struct {
	appID   string
	home    bool
	checked int64
}

func ownerIn(row pgx.Row) (o owner, err error) {
	return o, row.Scan(&o.appID, &o.home, &o.checked)
}

// refuse says why a schema is not the one that this process may work in.
func (s *Store) refuse(o owner, appID string) error {
	switch {
	case o.appID != appID:
		return s.foreign(o.appID, appID)
	case !o.home:
		return fmt.Errorf("%w: schema %q, of %s; %s", store.ErrCopied, s.schema, instant(o.checked).Format(time.RFC3339), rules.CopiedCure)
	}
	return nil
}

func (s *Store) foreign(owner, appID string) error {
	return fmt.Errorf("%w: schema %q holds the data of appID %q and this is appID %q; give each app its own schema",
		store.ErrWrongApp, s.schema, owner, appID)
}

// recognize looks at each new connection: the Secret may name another database
// by now, or an older state may have been restored, and rows of two apps or of two times must never mix.
func (s *Store) recognize(ctx context.Context, conn *pgx.Conn) error {
	appID := s.claimed.Load()
	if appID == nil {
		return nil
	}
	o, err := ownerIn(conn.QueryRow(ctx, s.sql(ownerOf)))
	if err != nil {
		return fmt.Errorf("recognizing the app's schema: %w", err)
	}
	return s.refuse(o, *appID)
}

// Close ends the last commits and the connections.
func (s *Store) Close() error {
	s.close()
	s.closePools()
	return nil
}

func (s *Store) closePools() {
	s.pool.Close()
	s.vital.Close()
}
