package quickstart

import (
	"context"
	"fmt"
)

// Store is where the quickstart's app keeps its data.
type Store string

// The stores.
const (
	// SQLite has one dispatcher.
	SQLite Store = "sqlite"
	// Postgres has three dispatchers and a server of its own.
	Postgres Store = "postgres"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Store) UnmarshalText(text []byte) error {
	switch Store(text) {
	case SQLite, Postgres:
		*s = Store(text)
		return nil
	default:
		return fmt.Errorf("%q is no store: give %s or %s", text, SQLite, Postgres)
	}
}

// MarshalText implements encoding.TextMarshaler.
func (s Store) MarshalText() ([]byte, error) { return []byte(s), nil }

// sample is the folder of the quickstart with this store.
func (s Store) sample() string {
	if s == Postgres {
		return "config/samples/quickstart-postgres"
	}
	return "config/samples/quickstart"
}

// makeRoom deletes the app of another run whose store was another: an app's store cannot change.
func (w *World) makeRoom(ctx context.Context) error {
	const other = `jsonpath={.items[?(@.metadata.name=="chat")].spec.store.%s}`
	for _, store := range []Store{SQLite, Postgres} {
		if store == w.Store {
			continue
		}
		found, err := w.Kubectl(ctx, "-n", Namespace, "get", "pushapps", "-o", fmt.Sprintf(other, store))
		if err != nil {
			return err
		}
		if found != "" {
			return w.do(ctx, []string{"-n", Namespace, "delete", "pushapp/chat", "--cascade=foreground", "--wait"})
		}
	}
	return nil
}

// awaitStore waits until the server of the store is there; SQLite has none.
func (w *World) awaitStore(ctx context.Context) error {
	if w.Store != Postgres {
		return nil
	}
	return w.do(ctx, []string{"-n", Namespace, "rollout", "status", "statefulset/postgres", "--timeout=180s"})
}
