package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/offlinepush/operator/dispatcher/config"
)

const (
	connectTimeout = 5 * time.Second
	maxConnections = 10
	// vitalConnections are for the lease, and for the peers that a fence asks.
	vitalConnections = 2
	// A connection that the database's side of a failover has forgotten is closed after this.
	maxLifetime = 30 * time.Minute
)

// lookups keeps the plans of prepared statements good. One that is made while the
// tables are small would read them as a whole until the next ANALYZE, and those of
// a new app grow to a million rows before that. Behind a pooler in transaction
// mode no plan lasts, and a setting would be left to others. What has no index
// counts as dear now, which is no reason to compile it.
const lookups = `SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off`

// newPool connects lazily, and takes the connections that pass the check.
func newPool(ctx context.Context, o Options, connections int32, check func(context.Context, *pgx.Conn) error) (*pgxpool.Pool, error) {
	first := o.Config()
	parsed, err := connConfig(first)
	if err != nil {
		return nil, err
	}
	if parsed.MaxConns < connections || connections == vitalConnections { // pool_max_conns may ask for more
		parsed.MaxConns = connections
	}
	parsed.MaxConnLifetime, parsed.MaxConnLifetimeJitter = maxLifetime, maxLifetime/10
	parsed.ConnConfig.Tracer, parsed.AfterConnect = o.Tracer, check
	if first.PoolMode == "Transaction" {
		// A named prepared statement would be on another server connection when it is executed.
		parsed.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	} else {
		parsed.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if _, err := conn.Exec(ctx, lookups); err != nil {
				return err
			}
			return check(ctx, conn)
		}
	}
	parsed.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		fresh, err := connConfig(o.Config())
		if err != nil {
			return err
		}
		c.Host, c.Port, c.Database = fresh.ConnConfig.Host, fresh.ConnConfig.Port, fresh.ConnConfig.Database
		c.User, c.Password = fresh.ConnConfig.User, fresh.ConnConfig.Password
		c.TLSConfig, c.Fallbacks = fresh.ConnConfig.TLSConfig, fresh.ConnConfig.Fallbacks
		return nil
	}
	return pgxpool.NewWithConfig(ctx, parsed)
}

// connConfig reads the URI as libpq would, with certificates from memory instead of files.
func connConfig(c config.Postgres) (*pgxpool.Config, error) {
	uri, err := verifying(c)
	if err != nil {
		return nil, err
	}
	parsed, err := pgxpool.ParseConfig(uri)
	if err != nil {
		// The error may quote the URI, which holds the password.
		return nil, errors.New("store.postgres.uri: cannot be read; check its port and its parameters, such as sslmode")
	}
	if err := trust(c, parsed.ConnConfig); err != nil {
		return nil, err
	}
	parsed.ConnConfig.ConnectTimeout = connectTimeout
	if parsed.ConnConfig.ValidateConnect == nil { // a standby cannot take what we write
		parsed.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return parsed, nil
}

// verifying makes sslmode require verify the certificate when a CA is given, as libpq does.
func verifying(c config.Postgres) (string, error) {
	u, err := url.Parse(c.URI.Reveal())
	if err != nil || u.Scheme != "postgresql" && u.Scheme != "postgres" {
		return "", errors.New("store.postgres.uri: must be a URI such as postgresql://user:password@host:5432/database")
	}
	if c.CABundle == "" {
		return u.String(), nil
	}
	parameters := strings.Split(u.RawQuery, "&") // and not parsed: pgx reads a plus sign as one
	for i, p := range parameters {
		if p == "sslmode=require" {
			parameters[i] = "sslmode=verify-ca"
		}
	}
	u.RawQuery = strings.Join(parameters, "&")
	return u.String(), nil
}

// trust adds the configured certificates to every way of connecting with TLS.
func trust(c config.Postgres, conn *pgx.ConnConfig) error {
	var roots *x509.CertPool
	if c.CABundle != "" {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(c.CABundle)) {
			return errors.New("store.postgres.caBundle: holds no PEM certificate")
		}
	}
	var own []tls.Certificate
	if c.ClientCertificate != "" {
		pair, err := tls.X509KeyPair([]byte(c.ClientCertificate), []byte(c.ClientKey.Reveal()))
		if err != nil {
			return fmt.Errorf("store.postgres.clientCertificate: %w", err)
		}
		own = []tls.Certificate{pair}
	}
	all := []*tls.Config{conn.TLSConfig}
	for _, f := range conn.Fallbacks {
		all = append(all, f.TLSConfig)
	}
	for _, t := range all {
		if t == nil {
			continue
		}
		t.MinVersion, t.Certificates = tls.VersionTLS12, own
		if roots != nil {
			t.RootCAs = roots
		}
	}
	return nil
}
