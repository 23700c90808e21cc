package quickstart

import (
	"context"
	"fmt"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
)

const (
	// grace is for how long a user counts as connected whose dispatcher drained.
	grace = 10 * time.Second
	// slack is for the time between the drain and the moment in which the phone notices it.
	slack = 3 * time.Second
)

// absence is a time without a session.
type absence struct{ from, to time.Time }

func (a *app) noteConnection(c client.Connection) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch c {
	case client.Reconnecting:
		if a.lost.IsZero() {
			a.lost = time.Now()
		}
	case client.Connected:
		if !a.lost.IsZero() {
			a.absences = append(a.absences, absence{a.lost, time.Now()})
		}
		a.lost = time.Time{}
	case client.Disconnected:
	}
}

// graceful tells whether a push at that moment came after the grace of a drain. A busy machine may take longer than that to
// bring the session back, and what was missed, and the acknowledgement.
func (a *app) graceful(at time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range a.absences {
		if since := at.Sub(b.from); since > grace-slack && since < 2*grace {
			return true
		}
	}
	return !a.lost.IsZero() && at.Sub(a.lost) > grace-slack
}

// longest is the longest time without a session.
func (a *app) longest() (longest time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, b := range a.absences {
		longest = max(longest, b.to.Sub(b.from))
	}
	return longest
}

// quiet wants no push on the phones of users who are online, unless their grace was over.
func (u *Upgrade) quiet(ctx context.Context) error {
	late, longest := 0, time.Duration(0)
	for user, a := range u.online {
		longest = max(longest, a.longest())
		list, err := a.shows(ctx)
		if err != nil {
			return err
		}
		for _, s := range list {
			if !a.graceful(s.ArrivedAt) {
				return fmt.Errorf("%s was online and pushed %q at %s; without a session: %v", user, s.Payload.Payload, s.ArrivedAt, a.absences)
			}
			late++
		}
	}
	u.Say("    up to now sessions were away for %.1fs at most; %d pushes came to them after a grace of %s", longest.Seconds(), late, grace)
	return nil
}
