package binding_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// peers let go after a while, or not in time.
type peers struct {
	after  time.Duration
	asked  []store.EpochChange
	reason string
}

func (p *peers) Fence(ctx context.Context, changes []store.EpochChange, reason string) error {
	p.asked, p.reason = changes, reason
	select {
	case <-time.After(p.after):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAnswersOnlyAfterAllDispatchersLetGo(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		local, peers time.Duration
		want         time.Duration
		err          error
	}{
		{name: "the slower one is here", local: 5 * time.Second, peers: 2 * time.Second, want: 5 * time.Second},
		{name: "the slower one is elsewhere", local: time.Second, peers: 6 * time.Second, want: 6 * time.Second},
		{name: "a lease runs out just in time", peers: 16 * time.Second, want: 16 * time.Second},
		{name: "never", peers: time.Hour, want: 20 * time.Second, err: context.DeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fence := &planetest.Fence{}
				time.AfterFunc(tt.local, fence.Hold())
				others := &peers{after: tt.peers}
				service := binding.New(binding.Deps{
					Store: unbinder{}, Fence: fence, Sessions: &sessions{t: t, fence: fence}, Peers: others,
				})
				start := time.Now()
				if err := service.Logout(t.Context(), 1); !errors.Is(err, tt.err) || time.Since(start) != tt.want {
					t.Errorf("answered %v after %v, want %v after %v", err, time.Since(start), tt.err, tt.want)
				}
				if diff := cmp.Diff([]store.EpochChange{{Device: 1, Epoch: 2}}, others.asked); diff != "" || others.reason != wire.KickedLoggedOut {
					t.Errorf("the others were asked for %q: %s", others.reason, diff)
				}
			})
		})
	}
}
