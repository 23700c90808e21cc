package sqlite

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// TestDatabaseFull has SQLite itself find no page any more.
func TestDatabaseFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	limit := func(s store.Store, pages int) {
		if err := s.(*Store).write(t.Context(), func(tx *tx) error { //nolint:forcetypeassert // It is ours.
			return tx.row(fmt.Sprintf("PRAGMA max_page_count = %d", pages), []any{new(int)})
		}); err != nil {
			t.Fatal(err)
		}
	}
	opened := 0
	storetest.Full(t, func() (store.Store, error) {
		s, err := Open(t.Context(), options(dir))
		if opened++; err == nil && opened == 1 {
			limit(s, 200)
		}
		return s, err
	}, func(s store.Store) { limit(s, 1<<20) })
}

// TestVolumeFull has the kernel refuse to write, on a small volume of its own.
func TestVolumeFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatalf("mounting a small volume needs root and the right to mount; run the tests as root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	storetest.Full(t, opener(t, dir), func(store.Store) {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=32m"); err != nil {
			t.Fatal(os.NewSyscallError("remount", err))
		}
	})
}
