package modeltest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// tick is how far the database's clock is behind that of the bubble at most.
const tick = 100 * time.Millisecond

// database is PostgreSQL with the time of the bubble: its clock_timestamp, by
// which the store measures everything, reads a row that the bubble keeps.
type database struct {
	uri     string
	schemas int
}

// virtual replaces the clock of one database.
const virtual = `SET allow_system_table_mods = on;
CREATE TABLE public.virtual (ms bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO public.virtual VALUES (0);
ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO real_clock_timestamp;
CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
	AS 'SELECT to_timestamp(ms / 1000.0) FROM public.virtual'`

func newDatabase(t *testing.T) *database {
	t.Helper()
	server := postgrestest.Shared(t)
	d := &database{uri: server.URI(server.NewDatabase(t))}
	conn, err := pgx.Connect(t.Context(), d.uri)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), virtual); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

// schema is a store for one more history.
func (d *database) schema() config.Store {
	d.schemas++
	return config.Store{Postgres: &config.Postgres{URI: config.NewSecret(d.uri), Schema: fmt.Sprint("history", d.schemas)}}
}

// keepTime keeps the database's clock at the time of the bubble, until the returned function is called.
func (d *database) keepTime(ctx context.Context) (stop func() error, err error) {
	conn, err := pgx.Connect(ctx, d.uri)
	if err != nil {
		return nil, err
	}
	set := func() error {
		_, err := conn.Exec(ctx, `UPDATE public.virtual SET ms = $1`, time.Now().UnixMilli())
		return err
	}
	if err := set(); err != nil {
		return nil, err
	}
	ending, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-ending:
				ended <- conn.Close(ctx)
				return
			case <-time.After(tick):
			}
			if err := set(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() error {
		close(ending)
		return <-ended
	}, nil
}

// TestHistoriesOnPostgreSQL runs some of the histories over a database.
func TestHistoriesOnPostgreSQL(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	ran, failed := 0, false
	rapid.Check(t, func(r *rapid.T) {
		if ran++; ran > onPostgres && !failed {
			return // One takes as long as ten others.
		}
		history := histories().Draw(r, "history")
		if faults := inBubble(t, d, history); len(faults) > 0 {
			failed = true
			r.Fatalf("%s\nafter the history\n%s", strings.Join(faults, "\n"), literal(history))
		}
	})
}
