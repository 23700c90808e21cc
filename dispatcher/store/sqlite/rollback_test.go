package sqlite

import (
	"errors"
	"testing"

	sqlitedriver "modernc.org/sqlite"
)

// TestFailedRollback has SQLite refuse to leave a transaction: what it held is
// gone, and the next commit works.
func TestFailedRollback(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	refusals := 0
	deny := func(action sqlitedriver.AuthorizerActionCode, what, _, _, _ string) sqlitedriver.AuthorizerReturnCode {
		if action == sqlitedriver.AuthTransaction && what == "ROLLBACK" {
			refusals++
			return sqlitedriver.AuthorizerDeny
		}
		return sqlitedriver.AuthorizerOK
	}
	defect := errors.New("defect")
	err := s.write(t.Context(), func(tx *tx) error {
		if _, err := tx.user("half"); err != nil {
			return err
		}
		err := tx.w.conn.Raw(func(c any) error {
			return c.(sqlitedriver.AuthorizerRegisterer).RegisterAuthorizer(deny) //nolint:forcetypeassert // It is the driver's.
		})
		return errors.Join(err, defect)
	})
	if !errors.Is(err, defect) || refusals == 0 {
		t.Fatalf("got %v, %d refusals", err, refusals)
	}
	for _, id := range []string{"one", "two"} {
		if err := s.write(t.Context(), func(tx *tx) error { _, err := tx.user(id); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]int{"half": 0, "one": 1, "two": 1} {
		var n int
		if err := s.reader.row(t.Context(), `SELECT count(*) FROM users WHERE user_id = ?`, []any{&n}, id); err != nil || n != want {
			t.Errorf("%s is there %d times, want %d: %v", id, n, want, err)
		}
	}
	if refusals != 1 {
		t.Errorf("the connection was kept: %d refusals", refusals)
	}
}
