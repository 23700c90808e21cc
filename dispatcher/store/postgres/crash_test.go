package postgres_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// crashURI tells a copy of the test binary to write to that database until it is killed.
const crashURI = "STORETEST_CRASH_URI"

func TestMain(m *testing.M) {
	if uri := os.Getenv(crashURI); uri != "" {
		os.Exit(crashHelper(uri))
	}
	os.Exit(m.Run())
}

func crashHelper(uri string) int {
	ctx := context.Background()
	s, err := openCrashed(ctx, uri)
	if err == nil {
		err = storetest.WriteUntilKilled(ctx, s, 8*time.Second, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func openCrashed(ctx context.Context, uri string) (store.Store, error) {
	return postgres.Open(ctx, postgres.Options{
		AppID: "app", Log: slog.New(slog.DiscardHandler),
		Config:     func() config.Postgres { return config.Postgres{URI: config.NewSecret(uri), Schema: "push"} },
		SealingKey: config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))),
	})
}

// TestCrash kills two processes at once: each dies under the writes of the other.
func TestCrash(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server := postgrestest.Shared(t)
	uri := server.URI(server.NewDatabase(t))
	open := func() (store.Store, error) { return openCrashed(t.Context(), uri) }
	storetest.Crash(t, open, 2, func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), crashURI+"="+uri)
		cmd.Stderr = os.Stderr
		return cmd
	})
}
