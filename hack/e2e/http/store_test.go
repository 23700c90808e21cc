package http_test

import (
	"testing"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// storeKind is one of the stores that an app may have.
type storeKind struct {
	name string
	// open makes an empty one, which is gone when the test ends.
	open func(testing.TB) config.Store
}

// eachStore lists the stores that a test runs against.
func eachStore() []storeKind { return []storeKind{sqlite(), postgres()} }

func sqlite() storeKind {
	return storeKind{"sqlite", func(testing.TB) config.Store { return config.Store{} }}
}

func postgres() storeKind { return storeKind{"postgres", process.NewDatabase} }
