package postgres

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

func options(c config.Postgres) Options {
	return Options{
		AppID: "app", Log: slog.New(slog.DiscardHandler), Config: func() config.Postgres { return c },
		SealingKey: config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))),
	}
}

// schemas gives each case a schema of its own in one database. A tracer sees all statements.
func schemas(c config.Postgres, tracer pgx.QueryTracer) func(t *testing.T) storetest.Opener {
	var made atomic.Int64
	return func(t *testing.T) storetest.Opener {
		t.Helper()
		own := c
		own.Schema = fmt.Sprint("push_", made.Add(1))
		o := options(own)
		o.Tracer = tracer
		return func() (store.Store, error) { return Open(t.Context(), o) }
	}
}

// plain is a database without a pooler.
func plain(t *testing.T, tracer pgx.QueryTracer) func(t *testing.T) storetest.Opener {
	t.Helper()
	server := postgrestest.Shared(t)
	return schemas(config.Postgres{URI: config.NewSecret(server.URI(server.NewDatabase(t)))}, tracer)
}

// TestConformance runs the suite, and then looks at the plans of all queries
// that it made.
func TestConformance(t *testing.T) {
	t.Parallel()
	seen := &recorder{}
	t.Run("suite", func(t *testing.T) { storetest.Run(t, plain(t, seen)) })
	checkPlans(t, seen.seen())
}

func TestSharedConformance(t *testing.T) {
	t.Parallel()
	storetest.Shared(t, plain(t, nil))
}

// TestConformanceBehindPgBouncer shares server connections between
// transactions, so that nothing may be left on them.
func TestConformanceBehindPgBouncer(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	bouncer := postgrestest.StartPgBouncer(t, server)
	fresh := schemas(config.Postgres{URI: config.NewSecret(bouncer.URI(server.NewDatabase(t))), PoolMode: "Transaction"}, nil)
	t.Run("alone", func(t *testing.T) { storetest.Run(t, fresh) })
	t.Run("shared", func(t *testing.T) { storetest.Shared(t, fresh) })
}
