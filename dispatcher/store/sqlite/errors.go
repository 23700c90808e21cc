package sqlite

import (
	"errors"
	"fmt"

	sqlitedriver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/groupcommit"
)

// primary is the result code without its extension; 0 for an error of another kind.
func primary(err error) int {
	if e, ok := errors.AsType[*sqlitedriver.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// whole marks the errors that no smaller batch would escape, and those that are a request's own.
func whole(err error) error {
	switch primary(err) {
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB,
		lib.SQLITE_READONLY, lib.SQLITE_BUSY, lib.SQLITE_NOMEM, lib.SQLITE_CANTOPEN:
		return groupcommit.Whole(err)
	case lib.SQLITE_CONSTRAINT, lib.SQLITE_TOOBIG, lib.SQLITE_MISMATCH:
		return groupcommit.Own(err)
	}
	if isAnswer(err) {
		return groupcommit.Own(err)
	}
	return err
}

// explain adds to SQLite's words what to do about them.
func (s *Store) explain(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		return fmt.Errorf("%s: %w; restore it from a backup, or move it away to begin with an empty one", s.path, err)
	}
	switch primary(err) {
	case lib.SQLITE_FULL:
		return s.full(err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return s.explain(s.damage.note(err))
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN:
		return fmt.Errorf("the store %s cannot be written; check the volume and the pod's fsGroup: %w", s.path, err)
	case lib.SQLITE_IOERR:
		return fmt.Errorf("the store's volume fails (%s); look at the node's kernel log: %w", s.path, err)
	}
	return err
}
