// Package postgrestest runs private PostgreSQL servers, and PgBouncer before
// them, for tests and benchmarks. They are the real programs of Debian's
// packages in a temporary folder, and are gone when the process that started
// them is, however it ends.
package postgrestest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Superuser is the role that the URIs name.
const Superuser = "postgres"

// Network is how clients reach a server besides its unix socket.
type Network int

// The networks.
const (
	// Socket is the unix socket alone, without a password.
	Socket Network = iota
	// TCP is without encryption and asks for a password.
	TCP
	// TLS refuses plain connections and asks for a password.
	TLS
	// MutualTLS asks for a client certificate too.
	MutualTLS
)

// Options say what server to start; the zero value is one on a unix socket
// whose commits survive a crash.
type Options struct {
	Network Network
	// Host is the address to listen on; empty means 127.0.0.1.
	Host string
	// NoSync does without fsync, for benchmarks of anything but the disk.
	NoSync bool
	// Settings are further lines of postgresql.conf.
	Settings map[string]string
}

// Server is a running PostgreSQL server.
type Server struct {
	// Certificates are the server's when its Network has TLS.
	Certificates Certificates

	options Options
	space   *workspace
	dir     string
	port    int
	names   atomic.Int64
	process *process
}

// Start runs a server for one test.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	s, err := Run(tb.Context(), options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.logOnFailure(tb, 0)
		if err := s.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

var shared = sync.OnceValues(func() (*Server, error) {
	return Run(context.Background(), Options{NoSync: true, Settings: map[string]string{"max_connections": "300"}})
})

// Shared is the one server on a unix socket of the whole test binary, where
// each test takes a database of its own. Nobody stops it. It does without
// fsync, which only the end of the whole machine would show.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Run starts a server for a program, which stops it.
func Run(ctx context.Context, options Options) (*Server, error) {
	options.Host = cmp.Or(options.Host, "127.0.0.1")
	space, err := openWorkspace()
	if err != nil {
		return nil, err
	}
	dir, err := space.folder("server")
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, space: space, dir: dir, port: 5432}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// prepare fills the folder: a copy of the binary's one fresh cluster, its
// settings and certificates.
func (s *Server) prepare(ctx context.Context) error {
	if err := s.space.copyCluster(ctx, s.data()); err != nil {
		return err
	}
	settings := map[string]string{
		"unix_socket_directories": s.dir,
		"listen_addresses":        "",
		"log_lock_waits":          "on",
		"log_line_prefix":         "%m [%p] %q%a@%d ",
	}
	if s.options.NoSync {
		settings["fsync"], settings["full_page_writes"] = "off", "off"
	}
	if s.options.Network != Socket {
		settings["listen_addresses"] = s.options.Host
		port, err := freePort(ctx, s.options.Host)
		if err != nil {
			return err
		}
		s.port = port
	}
	settings["port"] = strconv.Itoa(s.port)
	if s.options.Network == TLS || s.options.Network == MutualTLS {
		if err := s.prepareTLS(settings); err != nil {
			return err
		}
	}
	maps.Copy(settings, s.options.Settings)
	var conf strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, value)
	}
	if err := s.space.write(filepath.Join(s.data(), "postgresql.auto.conf"), conf.String()); err != nil {
		return err
	}
	return s.space.write(filepath.Join(s.data(), "pg_hba.conf"), "local all all trust\nlocal replication all trust\n"+map[Network]string{
		TCP:       "host all all all scram-sha-256\n",
		TLS:       "hostssl all all all scram-sha-256\n",
		MutualTLS: "hostssl all all all scram-sha-256 clientcert=verify-full\n",
	}[s.options.Network])
}

func (s *Server) prepareTLS(settings map[string]string) error {
	made, key, err := newCertificates(s.options.Host)
	if err != nil {
		return err
	}
	s.Certificates = made.Certificates
	settings["ssl"] = "on"
	for setting, pem := range map[string]string{"ssl_ca_file": made.CA, "ssl_cert_file": made.server, "ssl_key_file": key} {
		settings[setting] = filepath.Join(s.dir, setting)
		if err := s.space.write(settings[setting], pem); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) data() string    { return filepath.Join(s.dir, "data") }
func (s *Server) logPath() string { return filepath.Join(s.dir, "log") }

// URI is a connection URI of libpq over the server's network.
func (s *Server) URI(database string) string {
	if s.options.Network == Socket {
		return socketURI(s.dir, s.port, database)
	}
	query := url.Values{"sslmode": {"verify-full"}}
	if s.options.Network == TCP {
		query.Set("sslmode", "disable")
	}
	return (&url.URL{
		Scheme:   "postgresql",
		User:     url.UserPassword(Superuser, s.space.password),
		Host:     s.Addr(),
		Path:     "/" + database,
		RawQuery: query.Encode(),
	}).String()
}

// Addr is the host:port that the server listens on unless its Network is Socket.
func (s *Server) Addr() string { return net.JoinHostPort(s.options.Host, strconv.Itoa(s.port)) }

// Folder makes an empty folder that the server's user reaches. It is gone with the server's process.
func (s *Server) Folder() (string, error) { return s.space.folder("place") }

// FolderIn makes a folder of the server's user in another one, for a tablespace.
func (s *Server) FolderIn(dir string) (string, error) {
	path := filepath.Join(dir, "space")
	if err := os.Mkdir(path, 0o700); err != nil {
		return "", err
	}
	return path, s.space.own(path)
}

// Password is the superuser's.
func (s *Server) Password() string { return s.space.password }

func socketURI(dir string, port int, database string) string {
	query := url.Values{"host": {dir}, "port": {strconv.Itoa(port)}}
	return (&url.URL{Scheme: "postgresql", User: url.User(Superuser), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// NewDatabase makes a database that the end of the test drops. What the server
// logs until then is shown if the test fails.
func (s *Server) NewDatabase(tb testing.TB) string {
	tb.Helper()
	from := s.logSize()
	name, err := s.CreateDatabase(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.logOnFailure(tb, from)
		// A test that killed or stopped the server leaves nothing to drop.
		if s.process.running() {
			if err := s.exec(context.WithoutCancel(tb.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
				tb.Error(err)
			}
		}
	})
	return name
}

// CreateDatabase makes an empty database.
func (s *Server) CreateDatabase(ctx context.Context) (name string, err error) {
	name = "test" + strconv.FormatInt(s.names.Add(1), 10)
	return name, s.exec(ctx, "CREATE DATABASE "+name)
}

func (s *Server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, socketURI(s.dir, s.port, "postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	if err != nil {
		err = fmt.Errorf("%s: %w", sql, err)
	}
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

func (s *Server) logSize() int64 {
	info, err := os.Stat(s.logPath())
	if err != nil {
		return 0
	}
	return info.Size()
}

func (s *Server) logOnFailure(tb testing.TB, from int64) {
	tb.Helper()
	if !tb.Failed() {
		return
	}
	log, err := readLog(s.logPath(), from)
	if err != nil {
		tb.Logf("the log of PostgreSQL cannot be read: %v", err)
		return
	}
	tb.Logf("PostgreSQL logged:\n%s", log)
}

// freePort finds one below those that the kernel gives to whoever asks for any, and to connections: one of them could
// have it before the server listens, or while it is down.
func freePort(ctx context.Context, host string) (port int, err error) {
	const from, to, tries = 10_000, 30_000, 20
	for range tries {
		port = from + rand.IntN(to-from) //nolint:gosec // any will do
		var listener net.Listener
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return port, listener.Close()
		}
	}
	return 0, err
}
