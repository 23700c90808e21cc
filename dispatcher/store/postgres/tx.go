package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// sql puts the app's schema in the place of each "@." of a query.
func (s *Store) sql(query string) string { return strings.ReplaceAll(query, "@.", s.schema+".") }

const (
	// limits bound what a transaction may hold up: a process that is frozen in the middle of one lets go
	// of its rows before its lease runs out, as does one whose host has vanished.
	limits = `SELECT set_config('idle_in_transaction_session_timeout', '4s', true), set_config('lock_timeout', '6s', true),
		set_config('statement_timeout', '10s', true), set_config('tcp_user_timeout', '10s', true),
		set_config('tcp_keepalives_idle', '5', true), set_config('tcp_keepalives_interval', '2', true), set_config('tcp_keepalives_count', '2', true)`
	begin = `begin; ` + limits
	// txTimeout bounds a transaction as this process sees it.
	txTimeout       = 15 * time.Second
	rollbackTimeout = time.Second
	// maxTries bounds how often a transaction runs that the database ended to resolve a conflict.
	maxTries = 5
)

// tx is one transaction. Its statements are written with "@." for the schema.
type tx struct {
	*pgx.Conn
	store        *Store
	begun, ended bool
	// rehearsal makes finish end it without a trace.
	rehearsal bool
}

// inTx commits what f does, as a whole or not at all. It runs f again when the
// database ended the transaction to resolve a deadlock; f sets its results anew each time.
func (s *Store) inTx(ctx context.Context, f func(context.Context, *tx) error) error {
	return s.inTxOf(ctx, s.pool, f)
}

func (s *Store) inTxOf(ctx context.Context, pool *pgxpool.Pool, f func(context.Context, *tx) error) error {
	return s.inPipelineOf(ctx, pool, func(ctx context.Context, t *tx) error {
		if err := t.control(ctx, begin); err != nil {
			return err
		}
		t.begun = true
		if err := f(ctx, t); err != nil {
			return err
		}
		if err := t.control(ctx, "commit"); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
		t.ended = true
		return nil
	})
}

// inPipeline is inTx without the round trips for the beginning and the end: f
// uses the transaction only by run, first, and by finish, which commits.
func (s *Store) inPipeline(ctx context.Context, f func(context.Context, *tx) error) error {
	return s.inPipelineOf(ctx, s.pool, f)
}

func (s *Store) inPipelineOf(ctx context.Context, pool *pgxpool.Pool, f func(context.Context, *tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, txTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := s.try(ctx, pool, f)
		if noPartition(err) {
			s.days.forget()
		}
		if !conflict(err) || try == maxTries {
			return err
		}
	}
}

func (s *Store) try(ctx context.Context, pool *pgxpool.Pool, f func(context.Context, *tx) error) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which closes it when it is still in a transaction
	t := &tx{Conn: conn.Conn(), store: s}
	defer func() {
		p := recover()
		if !t.ended { // after an error or a panic
			t.rollback(ctx)
		}
		if p != nil {
			s.log.Error("a change of the store panicked", "value", fmt.Sprint(p), "stack", string(debug.Stack()))
			panic(p)
		}
	}()
	return f(ctx, t)
}

// rollback is a courtesy to the database: a connection that cannot do it is closed.
func (t *tx) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_ = t.control(ctx, "rollback")
}

var errRolledBack = errors.New("the database rolled the transaction back")

// control runs statements that begin or end a transaction, in one round trip.
func (t *tx) control(ctx context.Context, statements string) error {
	results, err := t.PgConn().Exec(ctx, statements).ReadAll()
	if err != nil {
		return err
	}
	if last := results[len(results)-1]; statements == "commit" && last.CommandTag.String() != "COMMIT" {
		return errRolledBack
	}
	return nil
}

// batch is a pipeline of statements: one round trip for all of them.
type batch struct {
	pgx.Batch
	store *Store
}

func (t *tx) batch() *batch { return &batch{store: t.store} }

// add queues a statement with the "@." of the schema.
func (b *batch) add(query string, args ...any) *pgx.QueuedQuery {
	return b.Queue(b.store.sql(query), args...)
}

// run sends the pipeline and reads all of its answers by their callbacks. The
// first one of a transaction begins it.
func (t *tx) run(ctx context.Context, b *batch) error {
	if !t.begun {
		t.begun = true
		first := t.batch()
		first.Queue("begin")
		first.Queue(limits)
		b.QueuedQueries = append(first.QueuedQueries, b.QueuedQueries...)
	}
	return t.SendBatch(ctx, &b.Batch).Close()
}

// finish is run that commits with the last statement.
func (t *tx) finish(ctx context.Context, b *batch) error {
	if t.rehearsal {
		return t.vanish(ctx, b)
	}
	b.Queue("commit").Exec(func(tag pgconn.CommandTag) error {
		if t.ended = tag.String() == "COMMIT"; !t.ended {
			return errRolledBack
		}
		return nil
	})
	return t.run(ctx, b)
}

// errAgain ends a transaction that shall see what another one has just committed.
var errAgain = errors.New("another process changed the same rows")

// conflict reports whether a transaction ended only because of others.
func conflict(err error) bool {
	if errors.Is(err, errAgain) || noPartition(err) || begunTwice(err) {
		return true
	}
	switch code(err) {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return true
	}
	return false
}

// code is the SQLSTATE of an error of the database; empty for any other.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// whole marks the errors that no smaller batch would escape, all but those about the data itself and its amount, and
// those that are about the data.
func whole(err error) error {
	if err == nil {
		return nil
	}
	switch class := code(err); {
	case class == "57014", class == "55P03": // it took too long, or waited for somebody's row
		return err
	case strings.HasPrefix(class, "22"), strings.HasPrefix(class, "23"), strings.HasPrefix(class, "54"):
		return groupcommit.Own(err)
	}
	return groupcommit.Whole(err)
}
