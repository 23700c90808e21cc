package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrHeld says that another process has the store.
var ErrHeld = errors.New("the store has one process at a time")

// lockDir takes the directory for this process until the file is closed. Two
// writers of one database on different nodes would not see each other's locks
// in time, and two dispatchers must not send the same deliveries.
func lockDir(dir, pod string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the store's lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close() //nolint:errcheck // The reason to fail is told already.
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, heldBy(f, dir)
		}
		return nil, fmt.Errorf("locking the store: %w", err)
	}
	if err := sign(f, pod); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the store's lock: %w", err), f.Close())
	}
	return f, nil
}

// unlock gives the directory up at once, even if a child process that is just
// being started still shares the open file.
func unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

func heldBy(f *os.File, dir string) error {
	holder, err := io.ReadAll(io.LimitReader(f, 512))
	if err != nil || len(holder) == 0 {
		holder = []byte("another process")
	}
	return fmt.Errorf("%w: the one in %s is held by %s; stop that process, a SQLite store has one replica",
		ErrHeld, dir, strings.TrimSpace(string(holder)))
}

func sign(f *os.File, pod string) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(io.NewOffsetWriter(f, 0), "pod %s, pid %d\n", pod, os.Getpid())
	return err
}
