package postgres

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// dumped restores the schema of a database into a new one, by the commands of docs/backup.md.
func dumped(t *testing.T, s *postgrestest.Server, database string) (restored string) {
	t.Helper()
	dump := s.Tool(t.Context(), "pg_dump", "--format=custom", "--schema=push", "--dbname="+s.URI(database))
	var file, said bytes.Buffer
	dump.Stdout, dump.Stderr = &file, &said
	if err := dump.Run(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, said.String())
	}
	restored = s.NewDatabase(t)
	restore := s.Tool(t.Context(), "pg_restore", "--exit-on-error", "--no-owner", "--dbname="+s.URI(restored))
	restore.Stdin = &file
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("pg_restore: %v\n%s", err, out)
	}
	return restored
}

func TestRestore(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	name := s.NewDatabase(t)
	original := options(at(s.URI(name)))
	storetest.Restore(t, func() (store.Store, error) { return Open(t.Context(), original) }, func() storetest.Copy {
		database := dumped(t, s, name)
		sql(t, s, database, "UPDATE push.leases SET expires_at = 0") // as if it had lain for a while
		o := options(at(s.URI(database)))
		return storetest.Copy{
			Open:     func() (store.Store, error) { return Open(t.Context(), o) },
			Restored: func(complete bool) error { return Restored(t.Context(), o, complete) },
		}
	})
}

// What is marked by hand is a copy: a database that went back in time keeps its tables' numbers.
func TestMarkedByHand(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	name := s.NewDatabase(t)
	o := options(at(s.URI(name)))
	if err := try(t, o); err != nil {
		t.Fatal(err)
	}
	sql(t, s, name, "UPDATE push.meta SET home = 0")
	if err := try(t, o); err == nil || !strings.Contains(err.Error(), "dispatcher restored") {
		t.Errorf("a marked schema opens with %v", err)
	}
	if err := Restored(t.Context(), o, false); err != nil {
		t.Fatal(err)
	}
	if err := try(t, o); err != nil {
		t.Error(err)
	}
}

// Nobody is unbound under a dispatcher that works.
func TestRestoredUnderADispatcher(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	o := options(at(s.URI(s.NewDatabase(t))))
	opened, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	if _, err := opened.AcquireLease(t.Context(), store.Holder{Pod: "chat-7"}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := Restored(t.Context(), o, false); err == nil || !strings.Contains(err.Error(), "chat-7") {
		t.Errorf("under a dispatcher: %v", err)
	}
	if err := opened.ReleaseLease(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := Restored(t.Context(), o, false); err != nil {
		t.Errorf("after it: %v", err)
	}
}
