package process

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// schema is where an app's tables are in the tests.
const schema = "chat"

// NewDatabase is an empty database, for the end of the test, of the one PostgreSQL server of the test binary.
func NewDatabase(tb testing.TB) config.Store {
	tb.Helper()
	server := postgrestest.Shared(tb)
	return DatabaseAt(server.URI(server.NewDatabase(tb)))
}

// DatabaseAt is the store of a configuration at a connection URI.
func DatabaseAt(uri string) config.Store {
	return config.Store{Postgres: &config.Postgres{URI: config.NewSecret(uri), Schema: schema}}
}
