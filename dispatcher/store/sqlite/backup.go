package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// backupReserve is what a backup leaves free on its volume: a dispatcher beside it goes on accepting.
const backupReserve = 16 << 20

// Backup writes what is committed in the store of a directory into one file, also while a dispatcher works
// with it. The file is checked as a whole and says that it is a copy; it is there complete or not at all.
func Backup(ctx context.Context, dir, to string) error {
	source := filepath.Join(dir, fileName)
	if _, err := os.Stat(source); err != nil {
		return fmt.Errorf("there is no store in %s; name its directory with --data-dir: %w", dir, err)
	}
	part := to + ".part"
	err := os.Remove(part)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = copyInto(ctx, source, part)
	}
	if err == nil {
		err = markCopy(ctx, part)
	}
	if err == nil {
		err = settle(part, to)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("backing up %s: %w", source, (&Store{path: source}).explain(err))
	}
	return nil
}

// copyInto writes one snapshot into a new file, if there is room.
func copyInto(ctx context.Context, source, to string) error {
	db, err := connect(source, 1)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written through it
	var size int64
	if err := db.QueryRowContext(ctx, `SELECT (page_count - freelist_count) * page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&size); err != nil {
		return err
	}
	if err := room(filepath.Dir(to), size); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO ?`, to)
	return err
}

func room(dir string, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("looking for room in %s: %w", dir, err)
	}
	if free := int64(fs.Bavail) * fs.Bsize; free < size+backupReserve { //nolint:gosec // volumes are smaller
		return fmt.Errorf("%s has %d MiB free and the backup takes %d MiB; it leaves %d MiB free, so enlarge the volume or name another folder with --to",
			dir, free>>20, size>>20+1, int64(backupReserve)>>20)
	}
	return nil
}

// markCopy checks all of a file and marks it as a copy, of the time of the first one.
func markCopy(ctx context.Context, path string) error {
	db, err := connectAlone(path)
	if err != nil {
		return err
	}
	if err = check(ctx, db, checkAll); err == nil {
		_, err = db.ExecContext(ctx, `UPDATE meta SET copied_at = coalesce(copied_at, ?)`, time.Now().UnixMilli())
	}
	return errors.Join(err, db.Close())
}

// connectAlone opens a database that is one file, without a log beside it.
func connectAlone(path string) (*sql.DB, error) {
	return connect(path, 1, "journal_mode(DELETE)")
}

// settle makes a complete file durable under its name.
func settle(part, name string) error {
	if err := syncFile(part); err != nil {
		return err
	}
	if err := os.Rename(part, name); err != nil {
		return err
	}
	return syncFile(filepath.Dir(name))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Restore puts a backup into a directory whose store no process has, with ErrHeld, and marks it as a copy. A store that
// is there is moved aside if it shall be replaced, and refused otherwise. It returns the name under which it is kept.
func Restore(ctx context.Context, from io.Reader, dir string, replace bool) (aside string, err error) {
	lock, err := lockForCommand(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock(lock)) }()
	path := filepath.Join(dir, fileName)
	_, missing := os.Stat(path)
	if missing == nil && !replace {
		return "", fmt.Errorf("%s is there already; move it aside with --replace", path)
	}
	part := path + ".part"
	if err := receive(ctx, from, part); err != nil {
		_ = os.Remove(part)
		return "", fmt.Errorf("the backup: %w", err)
	}
	if missing == nil {
		aside = path + ".before-" + time.Now().UTC().Format("20060102T150405.000Z")
	}
	if err := moveAside(path, aside); err != nil {
		return "", err
	}
	return aside, settle(part, path)
}

// MarkCopy checks a store that came with its volume, from a snapshot, and marks it as a copy, with ErrHeld.
func MarkCopy(ctx context.Context, dir string) (err error) {
	lock, err := lockForCommand(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock(lock)) }()
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no store in %s; name its directory with --data-dir: %w", dir, err)
	}
	return (&Store{path: path}).explain(markCopy(ctx, path))
}

func lockForCommand(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the store's directory: %w", err)
	}
	return lockDir(dir, "(a command)")
}

// receive writes the file, checks that it is a whole store and marks it.
func receive(ctx context.Context, from io.Reader, part string) error {
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return (&Store{path: part}).explain(markCopy(ctx, part))
}

// moveAside moves a database and its log, or removes a log that is left of none: it would be taken for the next one's.
func moveAside(path, aside string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		var err error
		if aside != "" {
			err = os.Rename(path+suffix, aside+suffix)
		} else {
			err = os.Remove(path + suffix)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Restored takes a store that was restored for the app's own again. Unless it is complete, it goes on by the rules for
// an older state, see rules.Restore.
func Restored(ctx context.Context, o Options, complete bool) error {
	s, err := openWith(ctx, o, func(t *tx, o Options) error {
		if _, err := t.own(o); err != nil {
			return err
		}
		statements := rules.Restore("")
		if complete {
			statements = nil
		}
		for _, statement := range statements {
			if _, err := t.exec(statement); err != nil {
				return err
			}
		}
		_, err := t.exec(`UPDATE meta SET copied_at = NULL, restored_at = ?`, t.now)
		return err
	})
	if err != nil {
		return err
	}
	return s.Close()
}
