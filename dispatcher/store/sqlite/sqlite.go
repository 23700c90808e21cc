// Package sqlite is the embedded store: one SQLite database in one directory,
// held by one process. Every change is on disk before its caller is answered,
// and concurrent changes share a commit.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
	"github.com/offlinepush/operator/dispatcher/store/rules"
	"github.com/offlinepush/operator/dispatcher/store/seal"
)

// fileName is the database in its directory.
const fileName = "store.db"

// Options say which store to open.
type Options struct {
	// Dir holds the database and nothing else; it is made when it is missing.
	Dir string
	// AppID is the app that the store belongs to from its first opening on.
	AppID string
	// Pod is the name that a second opener is told.
	Pod string
	// SealingKey is keys.sealing of the configuration.
	SealingKey config.Secret
	Log        *slog.Logger
}

// Store implements store.Store.
type Store struct {
	path   string
	lock   *os.File
	writer *writer
	reader *reader
	group  *groupcommit.Group[change]
	sealer *seal.Sealer
	log    *slog.Logger
	damage damage
	// accepts are the messages among the writes.
	accepts groupcommit.Watch
	space   groupcommit.Rehearsal
}

var _ store.Store = (*Store)(nil)

// Open takes the directory's lock, checks the file, brings the schema up to
// date and checks that the store is the app's own, with ErrHeld,
// store.ErrDamaged, store.ErrWrongApp and store.ErrCopied.
func Open(ctx context.Context, o Options) (*Store, error) {
	return openWith(ctx, o, claim)
}

// openWith opens the store if its first transaction lets it.
func openWith(ctx context.Context, o Options, first func(*tx, Options) error) (*Store, error) {
	if o.Dir == "" || o.AppID == "" || o.Log == nil {
		return nil, errors.New("sqlite: Dir, AppID and Log must be set")
	}
	sealer, err := seal.New(o.SealingKey)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the store's directory: %w", err)
	}
	lock, err := lockDir(o.Dir, o.Pod)
	if err != nil {
		return nil, err
	}
	s := &Store{path: filepath.Join(o.Dir, fileName), lock: lock, sealer: sealer, log: o.Log}
	if err := s.open(ctx, func(t *tx) error { return first(t, o) }); err != nil {
		return nil, errors.Join(s.explain(err), s.release())
	}
	ctx = context.WithoutCancel(ctx) // a commit that has begun ends, so that its callers learn the truth
	s.group = groupcommit.New(func(batch []change) error { return s.writer.commit(ctx, batch) })
	return s, nil
}

func (s *Store) open(ctx context.Context, first change) (err error) {
	if s.writer, err = openWriter(ctx, s.path, s.log); err != nil {
		return err
	}
	if s.reader, err = openReader(s.path); err != nil {
		return err
	}
	s.writer.damage, s.reader.damage = &s.damage, &s.damage
	return s.writer.commit(ctx, []change{first})
}

// claim makes a new store the app's own and refuses another app's, and one that is a copy. The lock
// proves that whoever had a lease is dead.
func claim(t *tx, o Options) error {
	copied, err := t.own(o)
	if err != nil {
		return err
	}
	if copied != nil {
		return fmt.Errorf("%w of %s; %s", store.ErrCopied, instant(*copied).Format(time.RFC3339), rules.CopiedCure)
	}
	_, err = t.exec(`DELETE FROM leases`)
	return err
}

// own makes a new store the app's own, refuses another app's and tells of when it is a copy, if it is one.
func (t *tx) own(o Options) (copied *int64, err error) {
	if _, err := t.exec(`INSERT INTO meta (id, app_id, created_at, checked_at) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING`,
		o.AppID, t.now, t.now); err != nil {
		return nil, err
	}
	var owner string
	if err := t.row(`SELECT app_id, copied_at FROM meta WHERE id = 1`, []any{&owner, &copied}); err != nil {
		return nil, err
	}
	if owner != o.AppID {
		return nil, fmt.Errorf("%w: it holds the data of appID %q and this is appID %q; give each app its own volume",
			store.ErrWrongApp, owner, o.AppID)
	}
	return copied, nil
}

// Close ends the last commit and gives up the directory.
func (s *Store) Close() error {
	s.group.Close()
	return s.release()
}

func (s *Store) release() error {
	var errs []error
	if s.reader != nil {
		errs = append(errs, s.reader.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, unlock(s.lock))...)
}

// write commits one change.
func (s *Store) write(ctx context.Context, c change) error {
	return s.writeAll(ctx, []change{c})[0]
}

// writeAll commits changes in their order, each with its own answer. An error
// that callers decide on is an answer: it must not undo the changes of others
// that share the commit.
func (s *Store) writeAll(ctx context.Context, changes []change) []error {
	refused := make([]error, len(changes))
	requests := make([]change, len(changes))
	for i, c := range changes {
		requests[i] = func(t *tx) error {
			before := t.writes
			err := c(t)
			if refused[i] = nil; isAnswer(err) && t.writes == before {
				refused[i], err = err, nil
			}
			return err
		}
	}
	errs := s.group.DoAll(ctx, requests)
	for i, err := range errs {
		if err == nil {
			errs[i] = refused[i]
			continue
		}
		s.logPanic(err)
		errs[i] = s.explain(err)
	}
	return errs
}

func (s *Store) logPanic(err error) {
	if p, ok := errors.AsType[*groupcommit.PanicError](err); ok {
		s.log.Error("a change of the store panicked", "value", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
}

// isAnswer reports whether an error is the truth about the request, and not trouble of the store.
func isAnswer(err error) bool {
	for _, answer := range []error{
		store.ErrNotFound, store.ErrConflict, store.ErrRecalled, store.ErrStale, store.ErrBacklogFull, store.ErrLeaseLost,
		store.ErrGroupFull, store.ErrNotMember, store.ErrMoved, store.ErrEnded,
	} {
		if errors.Is(err, answer) {
			return true
		}
	}
	_, tooSoon := errors.AsType[*store.TooSoonError](err)
	_, limited := errors.AsType[*store.LimitedError](err)
	return tooSoon || limited
}

// millis and instant are the one translation of times: Unix milliseconds in UTC.
func millis(t time.Time) int64   { return t.UnixMilli() }
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
