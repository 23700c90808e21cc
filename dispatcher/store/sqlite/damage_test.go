package sqlite

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// TestDamageWhileOpen: what the disk spoils under an open store is noticed by the first who reads it. From then on nothing
// is read or written, not even what is whole.
func TestDamageWhileOpen(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	register(t, s, 300)
	if _, err := s.writer.conn.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil { // nobody else writes
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	turnOver(t, s.path)
	_, err := s.Device(t.Context(), "17")
	refused(t, err, "damaged", s.path, "backup")
	if _, err := s.Account(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("reading something else: %v", err)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("committing: %v", err)
	}
	if got := s.Accept(t.Context(), []store.AcceptRequest{unicast(message.Device{Key: 1, UserID: "anna"})})[0]; !errors.Is(got.Err, store.ErrDamaged) {
		t.Errorf("accepting: %v", got.Err)
	}
}

// turnOver spoils all pages but the first one.
func turnOver(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() }) // not before: it would give up the process's locks of the file
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	b := make([]byte, info.Size()-page)
	if _, err := f.ReadAt(b, page); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 0x5a
	}
	if _, err := f.WriteAt(b, page); err != nil {
		t.Fatal(err)
	}
}

// TestOneDamagedPage: wherever in the file of a stopped store a page is spoilt, it does not open, or opens with all that
// was in it.
func TestOneDamagedPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	register(t, s, 300)
	mustClose(t, s)
	whole, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	found := 0
	for at := 0; at < len(whole); at += page {
		spoilt := append([]byte(nil), whole...)
		for i := at; i < at+page; i++ {
			spoilt[i] ^= 0x5a
		}
		if err := os.WriteFile(s.path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), options(dir))
		if err != nil {
			found++
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("page %d: %v, want ErrDamaged", at/page, err)
			}
			continue
		}
		if n := count(t, again, "devices"); n != 300 {
			t.Errorf("page %d: it opens with %d devices", at/page, n)
		}
		for i := range 300 {
			if _, err := again.Device(t.Context(), fmt.Sprint(i)); err != nil {
				t.Errorf("page %d: device %d: %v", at/page, i, err)
			}
		}
		mustClose(t, again)
	}
	if pages := len(whole) / page; found < pages*3/4 {
		t.Errorf("of %d damaged pages %d were found", pages, found)
	}
}
