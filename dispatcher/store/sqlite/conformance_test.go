package sqlite

import (
	"encoding/base64"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

func options(dir string) Options {
	return Options{Dir: dir, AppID: "app", Pod: "chat-0", Log: slog.New(slog.DiscardHandler), SealingKey: key("k")}
}

func key(letter string) config.Secret {
	return config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32))))
}

// opener opens the store in a directory.
func opener(t *testing.T, dir string) storetest.Opener {
	t.Helper()
	return func() (store.Store, error) { return Open(t.Context(), options(dir)) }
}

// TestConformance runs the suite, and then looks at the plans of all queries
// that it made.
func TestConformance(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var opened []*Store
	t.Run("suite", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) storetest.Opener {
			t.Helper()
			dir := t.TempDir()
			return func() (store.Store, error) {
				s, err := Open(t.Context(), options(dir))
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					opened = append(opened, s)
				}
				return s, err
			}
		})
	})
	queries := map[string]bool{traceOutcomes: true, traceDeliveries: true, traceNames: true, traceReceipts: true}
	for _, s := range opened {
		for q := range maps.Keys(s.writer.stmts) {
			queries[q] = true
		}
		for q := range maps.Keys(s.reader.stmts) {
			queries[q] = true
		}
	}
	if len(queries) < 50 {
		t.Errorf("the suite made %d queries only; the plans of the rest are unknown", len(queries))
	}
	checkPlans(t, queries)
}
