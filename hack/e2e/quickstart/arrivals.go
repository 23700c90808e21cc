package quickstart

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// arrivals is what the phones of some users have shown of messages whose payload begins with the receiver.
type arrivals struct {
	*World
	phones map[string]*handset
	// first is when each payload came first.
	first    map[string]time.Time
	repeated int
}

// collect waits until n messages have arrived, each at its receiver.
func (a *arrivals) collect(ctx context.Context, n int) error {
	var wrong error
	err := await(ctx, fmt.Sprintf("%d messages to arrive", n), func(ctx context.Context) error {
		for user, h := range a.phones {
			if wrong = a.look(ctx, user, h); wrong != nil {
				return nil
			}
		}
		if len(a.first) < n {
			return fmt.Errorf("%w: %d have", errNotYet, len(a.first))
		}
		return nil
	})
	if wrong != nil {
		return wrong
	}
	return err
}

// look notes what is new on a phone.
func (a *arrivals) look(ctx context.Context, user string, h *handset) error {
	list, err := a.vendors.Notifications(ctx, h.id, h.seen, 0)
	if err != nil {
		return fmt.Errorf("looking at the phone of %s: %w", user, err)
	}
	for _, shown := range list {
		h.seen = shown.Seq
		if to, _, _ := strings.Cut(shown.Payload, " "); to != user {
			return fmt.Errorf("the phone of %s showed what is for %s: %q", user, to, shown.Payload)
		}
		if _, ok := a.first[shown.Payload]; !ok {
			a.first[shown.Payload] = shown.ArrivedAt
			continue
		}
		a.repeated++
		if shown.Replaces == 0 && shown.DuplicateOf == 0 {
			return fmt.Errorf("%s sees %q twice", user, shown.Payload)
		}
	}
	return nil
}
