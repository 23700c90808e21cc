package quickstart

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

func TestTimeoutTellsWhatWasWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused, first := errors.New("HTTP 404"), true
		err := await(t.Context(), "an answer", func(ctx context.Context) error {
			if first {
				first = false
				return refused
			}
			<-ctx.Done() // the timeout interrupts this one
			return ctx.Err()
		})
		if !errors.Is(err, refused) {
			t.Errorf("got %v, want %v", err, refused)
		}
	})
}
