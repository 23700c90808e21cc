package postgres

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

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

// schemas gives each case a schema of its own in one database.
func schemas(c config.Postgres) func(t *testing.T) storetest.Opener {
	var made atomic.Int64
	return func(t *testing.T) storetest.Opener {
		t.Helper()
		own := c
		own.Schema = fmt.Sprint("push_", made.Add(1))
		return func() (store.Store, error) { return Open(t.Context(), options(own)) }
	}
}

// plain is a database without a pooler.
func plain(t *testing.T) func(t *testing.T) storetest.Opener {
	t.Helper()
	server := postgrestest.Shared(t)
	return schemas(config.Postgres{URI: config.NewSecret(server.URI(server.NewDatabase(t)))})
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, plain(t))
}

func TestSharedConformance(t *testing.T) {
	t.Parallel()
	storetest.Shared(t, plain(t))
}

// TestConformanceBehindPgBouncer shares server connections between
// transactions, so that nothing may be left on them.
func TestConformanceBehindPgBouncer(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	bouncer := postgrestest.StartPgBouncer(t, server)
	fresh := schemas(config.Postgres{URI: config.NewSecret(bouncer.URI(server.NewDatabase(t))), PoolMode: "Transaction"})
	t.Run("alone", func(t *testing.T) { storetest.Run(t, fresh) })
	t.Run("shared", func(t *testing.T) { storetest.Shared(t, fresh) })
}
