package sqlite_test

import (
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

func options(dir string) sqlite.Options {
	return sqlite.Options{
		Dir: dir, AppID: "app", Pod: "chat-0", Log: slog.New(slog.DiscardHandler), SealingKey: key("k"),
	}
}

func key(letter string) config.Secret {
	return config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 32))))
}

// opener opens the store in a directory.
func opener(t *testing.T, dir string) storetest.Opener {
	t.Helper()
	return func() (store.Store, error) { return sqlite.Open(t.Context(), options(dir)) }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Opener { return opener(t, t.TempDir()) })
}
