package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// PgBouncer pools the connections of one server in transaction mode, on a unix
// socket of its own.
type PgBouncer struct {
	dir     string
	process *process
}

// bouncerPort names the socket; there is no TCP port.
const bouncerPort = 6432

// StartPgBouncer runs a pooler before a server for one test.
func StartPgBouncer(tb testing.TB, s *Server) *PgBouncer {
	tb.Helper()
	b, err := RunPgBouncer(tb.Context(), s)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			log, err := readLog(b.logPath(), 0)
			tb.Logf("PgBouncer logged (%v):\n%s", err, log)
		}
		if err := b.Stop(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

// RunPgBouncer starts a pooler before a server for a program, which stops it.
func RunPgBouncer(ctx context.Context, s *Server) (*PgBouncer, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		// Debian's folder for it is in the PATH of root only.
		if path, err = exec.LookPath("/usr/sbin/pgbouncer"); err != nil {
			return nil, fmt.Errorf("no PgBouncer: %s: %w", missing, err)
		}
	}
	dir, err := s.space.folder("bouncer")
	if err != nil {
		return nil, err
	}
	b := &PgBouncer{dir: dir}
	config := filepath.Join(dir, "pgbouncer.ini")
	err = s.space.write(config, fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s
[pgbouncer]
pool_mode = transaction
auth_type = any
unix_socket_dir = %s
listen_port = %d
max_client_conn = 500
`, s.dir, s.port, Superuser, dir, bouncerPort))
	if err != nil {
		return nil, err
	}
	b.process, err = start(ctx, s.space.command(ctx, path, config), b.logPath(), b.URI("postgres"))
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (b *PgBouncer) logPath() string { return filepath.Join(b.dir, "log") }

// URI is a connection URI of libpq through the pooler.
func (b *PgBouncer) URI(database string) string { return socketURI(b.dir, bouncerPort, database) }

// Stop ends the pooler and removes its folder.
func (b *PgBouncer) Stop() error {
	err := b.process.stop(syscall.SIGTERM)
	// It ends with status 1 whenever it does not wait for its clients.
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}
