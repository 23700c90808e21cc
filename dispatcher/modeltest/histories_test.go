package modeltest

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/offlinepush/operator/dispatcher/store/sqlite"
)

// migrated is a store without anything in it, so that not every history has to migrate its own.
var migrated = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp(memory(), "offlinepush-model-")
	if err != nil {
		panic(err)
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{
		Dir: dir, AppID: appID, Pod: "pod", SealingKey: document().Keys.Sealing, Log: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		panic(err)
	}
	return dir
})

func TestMain(m *testing.M) {
	if os.Getenv("RAPID_CHECKS") == "" {
		_ = flag.Set("rapid.checks", "30") // of rapid's own; the command line comes after
	}
	migrated() // outside of any bubble
	code := m.Run()
	_ = os.RemoveAll(migrated())
	os.Exit(code)
}

// onPostgres is how many histories run over a database.
const onPostgres = 5

// TestHistories runs generated histories, in as many parts as there are tests at the same time.
func TestHistories(t *testing.T) {
	t.Parallel()
	for part := range 2 {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				history := histories().Draw(r, "history")
				if faults := inBubble(t, nil, history); len(faults) > 0 {
					r.Fatalf("%s\nafter the history\n%s", strings.Join(faults, "\n"), literal(history))
				}
			})
		})
	}
}

// inBubble runs a history in virtual time, over SQLite where there is no database.
func inBubble(t *testing.T, d *database, history []step) (faults []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { faults = run(t.Context(), d, history) })
	return faults
}
