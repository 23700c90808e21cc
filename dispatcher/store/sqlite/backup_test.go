package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// backUp backs a store up and gives what it wrote.
func backUp(t *testing.T, dir string) []byte {
	t.Helper()
	to := filepath.Join(t.TempDir(), "backup")
	if err := Backup(t.Context(), dir, to); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Restore(t, opener(t, dir), func() storetest.Copy {
		other := filepath.Join(t.TempDir(), "empty", "volume")
		aside, err := Restore(t.Context(), bytes.NewReader(backUp(t, dir)), other, false)
		if err != nil || aside != "" {
			t.Fatal(aside, err)
		}
		return storetest.Copy{Open: opener(t, other), Restored: func(complete bool) error {
			return Restored(t.Context(), options(other), complete)
		}}
	})
}

// TestRestoreOverAStore: what is there is kept under another name, with its log, which must not become that of the restored one.
func TestRestoreOverAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	backup := backUp(t, dir)
	if _, err := Restore(t.Context(), bytes.NewReader(backup), dir, true); err == nil || !strings.Contains(err.Error(), "stop that process") {
		t.Errorf("over a store that somebody has: %v", err)
	}
	register(t, s, 3)
	crashed, err := os.ReadFile(s.path + "-wal")
	if err != nil || len(crashed) == 0 {
		t.Fatal("there is no log to leave behind", err)
	}
	mustClose(t, s)
	if err := os.WriteFile(s.path+"-wal", crashed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Restore(t.Context(), bytes.NewReader(backup), dir, false); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("over a store without --replace: %v", err)
	}
	aside, err := Restore(t.Context(), bytes.NewReader(backup), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if log, err := os.ReadFile(aside + "-wal"); err != nil || !bytes.Equal(log, crashed) {
		t.Errorf("the former log is not beside %s: %v", aside, err)
	}
	if err := Restored(t.Context(), options(dir), true); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, options(dir))
	defer mustClose(t, s)
	if n := count(t, s, "devices"); n != 0 {
		t.Errorf("it has %d devices of after the backup", n)
	}
}

// TestSnapshotOfTheVolume: a store that came with its volume is marked where it is, also with a log of before a crash.
func TestSnapshotOfTheVolume(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	s := mustOpen(t, options(dir))
	register(t, s, 3)
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(s.path + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(other, fileName+suffix), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	if err := MarkCopy(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), options(other)); !errors.Is(err, store.ErrCopied) {
		t.Fatalf("it opens with %v, want ErrCopied", err)
	}
	if err := Restored(t.Context(), options(other), false); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, options(other))
	defer mustClose(t, s)
	if n := count(t, s, "devices"); n != 3 {
		t.Errorf("it has %d devices, want 3", n)
	}
	if err := MarkCopy(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("marking nothing: %v", err)
	}
}

func register(t *testing.T, s *Store, n int) {
	t.Helper()
	for i := range n {
		if _, err := s.Register(t.Context(), store.Registration{PushID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.reader.row(t.Context(), `SELECT count(*) FROM `+table, []any{&n}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBackupsThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	register(t, s, 300)
	backup := backUp(t, dir)
	mustClose(t, s)
	for name, tt := range map[string]struct {
		backup []byte
		words  []string
	}{
		"cut off":     {backup[:len(backup)/2], []string{"damaged"}},
		"empty":       {nil, []string{"the backup"}},
		"no database": {bytes.Repeat([]byte("no database\n"), 1000), []string{"damaged"}},
		"spoilt":      {spoil(backup), []string{"damaged"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			into := t.TempDir()
			_, err := Restore(t.Context(), bytes.NewReader(tt.backup), into, false)
			refused(t, err, tt.words...)
			if left, err := filepath.Glob(filepath.Join(into, fileName+"*")); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
	if err := Backup(t.Context(), t.TempDir(), filepath.Join(t.TempDir(), "backup")); err == nil || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("backing nothing up: %v", err)
	}
}

// spoil turns over the bytes of the last page but one.
func spoil(file []byte) []byte {
	const page = 4096
	out := bytes.Clone(file)
	for i := len(out) - 2*page; i < len(out)-page; i++ {
		out[i] ^= 0x5a
	}
	return out
}

// TestBackupLeavesRoom: a backup must not be what fills the volume.
func TestBackupLeavesRoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Fatalf("mounting a small volume needs root and the right to mount; run the tests as root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := mustOpen(t, options(dir))
	defer mustClose(t, s)
	err := Backup(t.Context(), dir, filepath.Join(dir, "backup"))
	refused(t, err, "MiB free", "--to")
	if left, err := filepath.Glob(filepath.Join(dir, "backup*")); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}
