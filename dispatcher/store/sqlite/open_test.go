package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

func mustOpen(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// refused checks what an opening says that must fail.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it opened")
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestWrongApp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustClose(t, mustOpen(t, options(dir)))
	other := options(dir)
	other.AppID = "other"
	_, err := Open(t.Context(), other)
	if refused(t, err, `"app"`, `"other"`); !errors.Is(err, store.ErrWrongApp) {
		t.Errorf("%v is not ErrWrongApp", err)
	}
	mustClose(t, mustOpen(t, options(dir))) // the refusal let go of the lock
}

func TestSecondOpenerIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	second := options(dir)
	second.Pod = "chat-1"
	_, err := Open(t.Context(), second)
	refused(t, err, "chat-0", fmt.Sprint(os.Getpid()), dir)
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the holder, after somebody else tried: %v", err)
	}
	mustClose(t, s)
	mustClose(t, mustOpen(t, second))
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*Options){
		"Dir":          func(o *Options) { o.Dir = "" },
		"AppID":        func(o *Options) { o.AppID = "" },
		"keys.sealing": func(o *Options) { o.SealingKey = config.NewSecret("short") },
		"directory":    func(o *Options) { o.Dir = "/dev/null/store" },
	} {
		o := options(t.TempDir())
		change(&o)
		_, err := Open(t.Context(), o)
		refused(t, err, field)
	}
}

func TestDamagedDatabase(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(path string, size int64) error{
		"no database": func(path string, _ int64) error {
			return os.WriteFile(path, []byte(strings.Repeat("this is something else\n", 500)), 0o600)
		},
		"cut in half":      func(path string, size int64) error { return os.Truncate(path, size/2) },
		"cut in the first": func(path string, _ int64) error { return os.Truncate(path, 1000) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := mustOpen(t, options(dir))
			for i := range 50 {
				if _, err := s.Register(t.Context(), store.Registration{PushID: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
			mustClose(t, s)
			path := filepath.Join(dir, fileName)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(path, info.Size()); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), options(dir))
			refused(t, err, "damaged", path, "backup")
		})
	}
}

func TestAccessTokensAreSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	token := provider.AccessToken{Value: config.NewSecret("ya29.very-secret")}
	if ok, err := s.SwapToken(t.Context(), "row", provider.AccessToken{}, token); !ok || err != nil {
		t.Fatal(ok, err)
	}
	mustClose(t, s)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err != nil || strings.Contains(string(b), "very-secret") {
			t.Errorf("%s holds the token: %v", f, err)
		}
	}
	rotated := options(dir)
	rotated.SealingKey = key("x")
	s = mustOpen(t, rotated)
	defer mustClose(t, s)
	if _, ok, err := s.LoadToken(t.Context(), "row"); ok || err != nil {
		t.Errorf("another key: %v, %v, want none", ok, err)
	}
	if ok, err := s.SwapToken(t.Context(), "row", provider.AccessToken{}, token); !ok || err != nil {
		t.Errorf("an unreadable token is not replaced: %v, %v", ok, err)
	}
}

func TestClosedStoreAnswers(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	mustClose(t, s)
	if err := s.Ping(t.Context()); err == nil {
		t.Error("a closed store commits")
	}
	if _, err := s.Account(t.Context()); err == nil {
		t.Error("a closed store reads")
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Account(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	for range 50 { // either it was withdrawn, or it was committed and says so
		if err := s.Ping(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("writing: %v", err)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("the store after that: %v", err)
	}
}

// TestPanicFailsAlone: a defect in one change answers its own caller with an
// error and leaves the others and the transaction in order.
func TestPanicFailsAlone(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	add := func(id string) change {
		return func(tx *tx) error { _, err := tx.user(id); return err }
	}
	bad := func(tx *tx) error {
		if _, err := tx.user("half"); err != nil {
			return err
		}
		panic("defect")
	}
	errs := s.writeAll(t.Context(), []change{add("one"), bad, add("two")})
	if errs[0] != nil || errs[2] != nil || errs[1] == nil || !strings.Contains(errs[1].Error(), "defect") {
		t.Errorf("got %v", errs)
	}
	for id, want := range map[string]int{"one": 1, "two": 1, "half": 0} {
		var n int
		if err := s.reader.row(t.Context(), `SELECT count(*) FROM users WHERE user_id = ?`, []any{&n}, id); err != nil || n != want {
			t.Errorf("%s is there %d times, want %d: %v", id, n, want, err)
		}
	}
}

// TestRefusalUndoesWhatItWrote: an answer after a write is no commit of half a change.
func TestRefusalUndoesWhatItWrote(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	err := s.write(t.Context(), func(tx *tx) error {
		if _, err := tx.user("half"); err != nil {
			return err
		}
		return store.ErrConflict
	})
	var n int
	if readErr := s.reader.row(t.Context(), `SELECT count(*) FROM users`, []any{&n}); readErr != nil || n != 0 || !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v, %d users, %v", err, n, readErr)
	}
}

// TestConnections: a power failure cannot be had in a test, so the pragmas that
// are for it are read back.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "0", "busy_timeout": "5000"} {
		var writes, reads string
		if err := s.write(t.Context(), func(tx *tx) error { return tx.row("PRAGMA "+pragma, []any{&writes}) }); err != nil {
			t.Fatal(err)
		}
		if err := s.reader.row(t.Context(), "PRAGMA "+pragma, []any{&reads}); err != nil {
			t.Fatal(err)
		}
		if writes != want || reads != want {
			t.Errorf("%s: the writer has %s, readers have %s, want %s", pragma, writes, reads, want)
		}
	}
	if _, err := s.reader.db.ExecContext(t.Context(), "DELETE FROM users"); err == nil {
		t.Error("a reader can write")
	}
}

// TestForeignRows: what another incarnation owns is neither due nor settled.
func TestForeignRows(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	lease, err := s.AcquireLease(t.Context(), store.Holder{Pod: "pod"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Accept(t.Context(), []store.AcceptRequest{unicast(message.Device{Key: 1, UserID: "anna"})})[0]
	if got.Err != nil {
		t.Fatal(got.Err)
	}
	if err := s.write(t.Context(), func(tx *tx) error {
		_, err := tx.exec("UPDATE deliveries SET owner = ?", lease.Incarnation+1)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Due(t.Context(), store.DueQuery{Channel: "fcm", Until: time.Now().Add(time.Minute), Limit: 10})
	if err != nil || len(rows) != 0 {
		t.Errorf("due: %v, %v", rows, err)
	}
	row := got.Deliveries[0]
	err = s.Settle(t.Context(), []store.Settlement{{DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets}}}})
	if !errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("settled: %v", err)
	}
}
