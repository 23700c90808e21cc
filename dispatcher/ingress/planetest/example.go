package planetest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// example is the testing.TB of an example, which has none.
type example struct {
	testing.TB // nil: the methods below are all that a bed needs

	ctx  context.Context //nolint:containedctx // a testing.TB has one
	ends []func()
}

// Example makes a bed for an example, and what takes it down.
func Example() (bed *Bed, tb testing.TB, end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	e := &example{ctx: ctx}
	return New(e), e, func() {
		cancel()
		for _, last := range slices.Backward(e.ends) {
			last()
		}
	}
}

func (*example) Helper()                    {}
func (*example) Name() string               { return "Example" }
func (e *example) Context() context.Context { return e.ctx }
func (e *example) Cleanup(end func())       { e.ends = append(e.ends, end) }

func (e *example) TempDir() string {
	dir, err := os.MkdirTemp("", "offlinepush-example-")
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (*example) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
func (*example) Error(args ...any) { panic(fmt.Sprint(args...)) }
