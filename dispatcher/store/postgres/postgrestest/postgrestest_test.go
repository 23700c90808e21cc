package postgrestest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

func exec1(t *testing.T, uri, sql string, configure ...func(*pgx.ConnConfig)) (string, error) {
	t.Helper()
	config, err := pgx.ParseConfig(uri)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	for _, c := range configure {
		c(config)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var text *string
	err = conn.QueryRow(t.Context(), sql).Scan(&text)
	if err != nil || text == nil {
		return "", err
	}
	return *text, nil
}

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	one, two := s.NewDatabase(t), s.NewDatabase(t)
	if _, err := exec1(t, s.URI(one), "WITH made AS (SELECT 1) SELECT set_config('x.y', 'z', false)"); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{s.URI(one), s.URI(two)} {
		if got, err := exec1(t, uri, "SELECT current_database()"); err != nil || !strings.Contains(uri, "/"+got+"?") {
			t.Errorf("current_database() = %q, %v at %s", got, err, uri)
		}
	}
	if used, err := s.CPUTime(); err != nil || used <= 0 {
		t.Errorf("CPUTime() = %s, %v", used, err)
	}
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	for name, network := range map[string]postgrestest.Network{
		"TCP": postgrestest.TCP, "TLS": postgrestest.TLS, "MutualTLS": postgrestest.MutualTLS,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := postgrestest.Start(t, postgrestest.Options{Network: network, NoSync: true})
			plain := strings.Replace(s.URI("postgres"), "sslmode=verify-full", "sslmode=disable", 1)
			encrypted := func(with ...tls.Certificate) error {
				_, err := exec1(t, s.URI("postgres"), "SELECT 1::text", func(c *pgx.ConnConfig) {
					c.TLSConfig.RootCAs = x509.NewCertPool()
					c.TLSConfig.RootCAs.AppendCertsFromPEM([]byte(s.Certificates.CA))
					c.TLSConfig.Certificates = with
				})
				return err
			}
			if _, err := exec1(t, plain, "SELECT 1::text"); (err == nil) != (network == postgrestest.TCP) {
				t.Errorf("without TLS: %v", err)
			}
			if network == postgrestest.TCP {
				wrong := strings.Replace(s.URI("postgres"), s.Password(), "wrong", 1)
				if _, err := exec1(t, wrong, "SELECT 1::text"); err == nil || !strings.Contains(err.Error(), "password authentication failed") {
					t.Errorf("with a wrong password: %v", err)
				}
				return
			}
			if err := encrypted(); (err == nil) != (network == postgrestest.TLS) {
				t.Errorf("with TLS: %v", err)
			}
			pair, err := tls.X509KeyPair([]byte(s.Certificates.Client), []byte(s.Certificates.ClientKey))
			if err != nil {
				t.Fatal(err)
			}
			if err := encrypted(pair); err != nil {
				t.Errorf("with a client certificate: %v", err)
			}
		})
	}
}

func TestPgBouncerPoolsTransactions(t *testing.T) {
	t.Parallel()
	s := postgrestest.Shared(t)
	uri := postgrestest.StartPgBouncer(t, s).URI(s.NewDatabase(t))
	var backends [2]string
	for i := range backends {
		config, err := pgx.ParseConfig(uri)
		if err != nil {
			t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid()::text").Scan(&backends[i]); err != nil {
			t.Fatal(err)
		}
	}
	if backends[0] != backends[1] {
		t.Errorf("two idle clients took the backends %v, want one", backends)
	}
}

func TestCommitsSurviveKill9(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{})
	uri := s.URI("postgres")
	if fsync, err := exec1(t, uri, "SELECT current_setting('fsync')"); err != nil || fsync != "on" {
		t.Errorf("fsync = %q, %v", fsync, err)
	}
	conn, err := pgx.Connect(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 'yes' AS answer"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill9(); err != nil {
		t.Fatal(err)
	}
	if _, err := exec1(t, uri, "SELECT 1::text"); err == nil {
		t.Fatal("a killed server answers")
	}
	for range 2 { // After a crash, then after an orderly end.
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := exec1(t, uri, "SELECT answer FROM kept"); err != nil || got != "yes" {
			t.Errorf("answer = %q, %v", got, err)
		}
	}
}

// TestNothingOutlivesTheProcess kills a process that runs a server: this binary, as its own child.
func TestNothingOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	const variable = "POSTGRESTEST_CHILD"
	if os.Getenv(variable) != "" {
		s := postgrestest.Start(t, postgrestest.Options{NoSync: true})
		if _, err := os.Stdout.WriteString("URI " + s.URI("postgres") + "\n"); err != nil {
			t.Fatal(err)
		}
		<-t.Context().Done() // Until it is killed.
	}
	temp, err := os.MkdirTemp("", "pgt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(temp); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(temp, 0o755); err != nil { // The server's user must pass.
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=10m")
	cmd.Env = append(os.Environ(), variable+"=yes", "TMPDIR="+temp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	if n, err := out.Read(buffer); err != nil || !strings.HasPrefix(string(buffer[:n]), "URI ") {
		t.Fatalf("the child wrote %q, %v", buffer[:n], err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var killed *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &killed) {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		left, err := filepath.Glob(filepath.Join(temp, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the killed process left %v", left)
		}
	}
}
