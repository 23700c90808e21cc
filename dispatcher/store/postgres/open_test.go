package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// try opens the store and closes it again.
func try(t *testing.T, o Options) error {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		return err
	}
	return errors.Join(s.Ping(t.Context()), s.Close())
}

// sql runs statements as the superuser.
func sql(t *testing.T, s *postgrestest.Server, database string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URI(database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func at(uri string) config.Postgres {
	return config.Postgres{URI: config.NewSecret(uri), Schema: "push"}
}

func TestWrongApp(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	c := at(s.URI(s.NewDatabase(t)))
	if err := try(t, options(c)); err != nil {
		t.Fatal(err)
	}
	other := options(c)
	other.AppID = "other"
	if err := try(t, other); !errors.Is(err, store.ErrWrongApp) || !strings.Contains(err.Error(), `"app"`) {
		t.Errorf("another app: %v, want ErrWrongApp with the owner", err)
	}
	c.Schema = "other"
	other.Config = func() config.Postgres { return c }
	if err := try(t, other); err != nil {
		t.Errorf("another app in a schema of its own: %v", err)
	}
	if err := try(t, options(at(c.URI.Reveal()))); err != nil {
		t.Errorf("the owner, after another app came: %v", err)
	}
}

func TestProcessesOpenAtOnce(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	c := at(s.URI(s.NewDatabase(t)))
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := try(t, options(c)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestOpenRefusesWithACure(t *testing.T) {
	t.Parallel()
	const password = "hunter2-of-eve"
	s := postgrestest.Start(t, postgrestest.Options{Network: postgrestest.TCP, NoSync: true})
	sql(t, s, "postgres", "CREATE ROLE eve LOGIN PASSWORD '"+password+"'")
	as := func(user, password, database string) string {
		return strings.Replace(s.URI(database), postgrestest.Superuser+":"+s.Password(), user+":"+password, 1)
	}
	for name, tt := range map[string]struct{ uri, want string }{
		"a wrong password":     {as("eve", password+"x", "postgres"), "correct it in the Secret"},
		"an unknown database":  {as("eve", password, "nowhere"), "the database does not exist"},
		"no right to a schema": {as("eve", password, "postgres"), "grant it CREATE"},
		"nobody who listens":   {strings.Replace(as("eve", password, "postgres"), s.Addr(), "127.0.0.1:1", 1), "connect"},
		"a server without TLS": {strings.Replace(as("eve", password, "postgres"), "sslmode=disable", "sslmode=require", 1), "TLS"},
		"a standby":            {as("eve", password, "postgres") + "&options=-c%20default_transaction_read_only%3Don", "read only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := try(t, options(at(tt.uri)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), password) {
				t.Errorf("error %v, want one about %q without the password", err, tt.want)
			}
		})
	}
}

func TestRoleThatMayNotMakeSchemas(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{Network: postgrestest.TCP, NoSync: true})
	sql(t, s, "postgres", "CREATE ROLE push LOGIN PASSWORD 'secret'", "CREATE SCHEMA push AUTHORIZATION push")
	uri := strings.Replace(s.URI("postgres"), postgrestest.Superuser+":"+s.Password(), "push:secret", 1)
	if err := try(t, options(at(uri))); err != nil {
		t.Errorf("with a schema that is its own already: %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	for name, network := range map[string]postgrestest.Network{"TLS": postgrestest.TLS, "MutualTLS": postgrestest.MutualTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgrestest.Start(t, postgrestest.Options{Network: network, NoSync: true})
			foreign := postgrestest.Start(t, postgrestest.Options{Network: network, NoSync: true})
			full := s.URI("postgres")
			mode := func(m string) string { return strings.Replace(full, "sslmode=verify-full", "sslmode="+m, 1) }
			localhost := strings.Replace(full, "@127.0.0.1:", "@localhost:", 1)
			ca, client, key := s.Certificates.CA, s.Certificates.Client, config.NewSecret(s.Certificates.ClientKey)
			for _, tt := range []struct {
				name string
				c    config.Postgres
				want bool
			}{
				{"verify-full", config.Postgres{URI: config.NewSecret(full), CABundle: ca}, true},
				{"verify-full at another name", config.Postgres{URI: config.NewSecret(localhost), CABundle: ca}, false},
				{"verify-full with another CA", config.Postgres{URI: config.NewSecret(full), CABundle: foreign.Certificates.CA}, false},
				{"verify-full without a CA", config.Postgres{URI: config.NewSecret(full)}, false},
				{"verify-ca at another name", config.Postgres{URI: config.NewSecret(strings.Replace(localhost, "verify-full", "verify-ca", 1)), CABundle: ca}, true},
				{"verify-ca with another CA", config.Postgres{URI: config.NewSecret(mode("verify-ca")), CABundle: foreign.Certificates.CA}, false},
				{"require", config.Postgres{URI: config.NewSecret(mode("require"))}, true},
				{"require with another CA", config.Postgres{URI: config.NewSecret(mode("require")), CABundle: foreign.Certificates.CA}, false},
				{"prefer", config.Postgres{URI: config.NewSecret(mode("prefer"))}, true},
				{"allow", config.Postgres{URI: config.NewSecret(mode("allow"))}, true},
				{"disable", config.Postgres{URI: config.NewSecret(mode("disable"))}, false},
			} {
				tt.c.Schema = "push"
				bare := try(t, options(tt.c))
				if got := bare == nil; got != (tt.want && network == postgrestest.TLS) {
					t.Errorf("%s without a client certificate: %v", tt.name, bare)
				}
				tt.c.ClientCertificate, tt.c.ClientKey = client, key
				if err := try(t, options(tt.c)); (err == nil) != tt.want {
					t.Errorf("%s with a client certificate: %v", tt.name, err)
				}
			}
		})
	}
}

func TestRotatedPassword(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{Network: postgrestest.TCP, NoSync: true})
	var current atomic.Pointer[config.Postgres]
	use := func(password string) {
		current.Store(new(at(strings.Replace(s.URI("postgres"), s.Password(), password, 1))))
	}
	use(s.Password())
	o := options(*current.Load())
	o.Config = func() config.Postgres { return *current.Load() }
	opened, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	use("rotated")
	// The connections of before do not outlive the password.
	sql(t, s, "postgres", "ALTER ROLE postgres PASSWORD 'rotated'",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
	for range maxConnections + 1 { // Each of them is found to be closed once.
		if err = opened.Ping(t.Context()); err == nil {
			break
		}
	}
	if err != nil {
		t.Errorf("with the new password: %v", err)
	}
}

// A Secret that names another app's database later must not mix the rows of two apps.
func TestDatabaseOfAnotherAppLater(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	own, foreign := at(s.URI(s.NewDatabase(t))), at(s.URI(s.NewDatabase(t)))
	other := options(foreign)
	other.AppID = "other"
	if err := try(t, other); err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[config.Postgres]
	current.Store(&own)
	o := options(own)
	o.Config = func() config.Postgres { return *current.Load() }
	opened, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	current.Store(&foreign)
	opened.pool.Reset()
	if err := opened.Ping(t.Context()); !errors.Is(err, store.ErrWrongApp) {
		t.Errorf("at the database of another app: %v, want ErrWrongApp", err)
	}
	current.Store(&own)
	if err := opened.Ping(t.Context()); err != nil {
		t.Errorf("back at its own: %v", err)
	}
}
