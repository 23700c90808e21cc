package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Ping implements store.Store with a commit of its own, which takes no space of the volume for long, and with what
// became of everything that was written lately. Where no message was, some space is taken for a moment.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.write(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE meta SET checked_at = ? WHERE id = 1`, t.now)
		return err
	}); err != nil {
		return err
	}
	if err := s.group.Watch().Trouble(); err != nil {
		return s.explain(err)
	}
	if s.accepts.Busy() {
		return nil
	}
	return s.space.Run(s.takeSpace)
}

// spaceNeeded is what a commit with its pages may take.
const spaceNeeded = 64 << 10

// takeSpace writes a file beside the database and deletes it.
func (s *Store) takeSpace() error {
	name := filepath.Join(filepath.Dir(s.path), "space")
	err := os.WriteFile(name, make([]byte, spaceNeeded), 0o600)
	if removed := os.Remove(name); !errors.Is(removed, os.ErrNotExist) {
		err = errors.Join(err, removed)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return s.full(err)
	}
	return fmt.Errorf("the store's volume cannot be written; check it and the pod's fsGroup: %w", err)
}

func (s *Store) full(err error) error {
	return fmt.Errorf("the store's volume is full (%s); enlarge it or shorten the retention: %w", s.path, err)
}
