package http_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

// Two users switch on one phone of each of four vendors, under a stream of messages to both: they log in, out and over, and
// kill the app. No phone ever shows a message of the other user, every message is in its user's inbox once, and what the
// vendors took is on the phone.
func TestTwoUsersOnOnePhone(t *testing.T) {
	t.Parallel()
	const turns = 15
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := everyVendor(t, store)
			dice := seed(t)
			rivals := map[string][2]string{
				"fcm": {"ann", "ben"}, "xiaomi": {"cat", "dan"}, "huawei": {"eve", "fay"}, "oppo": {"gil", "hal"},
			}
			apps, inboxes := map[string]*app{}, map[string][]wire.Message{}
			var users []string
			for row, pair := range rivals {
				w.fault(t, row, traffic.Fault{LatencyMs: 30, Probability: 0.5, Seed: dice.Uint64()})
				apps[row] = w.newApp(t, models(row)[0])
				users = append(users, pair[:]...)
			}
			l := w.startLoad(t, users...)
			var people sync.WaitGroup
			for row, a := range apps {
				own := rand.New(rand.NewPCG(dice.Uint64(), 0))
				people.Go(func() { a.contend(t, own, rivals[row], turns) })
			}
			people.Wait()
			acked := l.stop()
			for row, a := range apps {
				w.clearFault(t, row)
				for _, user := range rivals[row] {
					inboxes[user] = a.readAll(t, user, acked)
				}
			}
			w.settled(t)
			for row, a := range apps {
				a.judge(t)
				for _, user := range rivals[row] {
					a.complete(t, inboxes[user])
				}
			}
			account := w.disp.Report(t).Account
			t.Logf("%d messages: %+v", len(acked), account)
			if account.Handed == 0 || account.Cancelled == 0 || account.Suppressed == 0 {
				t.Errorf("the test proves nothing: %+v", account)
			}
		})
	}
}

// contend lets two users take turns on the phone.
func (a *app) contend(t *testing.T, dice *rand.Rand, pair [2]string, turns int) {
	t.Helper()
	ctx := t.Context()
	tokens := [2]string{a.world.userToken(t, pair[0]), a.world.userToken(t, pair[1])}
	in := false
	for range turns {
		n := dice.IntN(len(pair))
		var err error
		switch what := dice.IntN(4); {
		case !in:
			err, in = a.login(ctx, pair[n], tokens[n]), true
		case what == 0:
			err, in = a.logout(ctx), false
		case what == 1: // The user stays, offline, and is pushed until somebody logs in.
			a.restart(t)
			<-time.After(time.Duration(dice.IntN(150)) * time.Millisecond)
			err = a.login(ctx, pair[n], tokens[n])
		default:
			err = a.switchTo(ctx, pair[n], tokens[n])
		}
		if err != nil {
			t.Error(err)
			return
		}
		<-time.After(time.Duration(dice.IntN(80)) * time.Millisecond)
	}
	if in {
		if err := a.logout(ctx); err != nil {
			t.Error(err)
		}
	}
}

// readAll logs the user in until everything for them was received.
func (a *app) readAll(t *testing.T, user string, acked map[string]string) []wire.Message {
	t.Helper()
	mine := map[string]bool{}
	for payload, to := range acked {
		if to == user {
			mine[payload] = true
		}
	}
	must(t, a.login(t.Context(), user, a.world.userToken(t, user)))
	inbox := a.awaitInbox(t, user, mine)
	if err := inOrder(inbox); err != nil || len(inbox) != len(mine) {
		t.Errorf("%s received %d messages, want %d: %v", user, len(inbox), len(mine), err)
	}
	for _, m := range inbox {
		if to := receiver(m.Push.Payload); to != user {
			t.Errorf("%s received what is for %s", user, to)
		}
	}
	must(t, a.logout(t.Context()))
	return inbox
}

// judge holds what the phone showed against who was logged in.
func (a *app) judge(t *testing.T) {
	t.Helper()
	for _, p := range a.shows(t) {
		if to := receiver(p.Payload.Payload); !a.history.Allows(to, p.ArrivedAt) {
			t.Errorf("the %s phone showed at %s what is for %s, who was not logged in", a.row, p.ArrivedAt, to)
		}
	}
	if len(a.kicks) > 0 {
		t.Errorf("the %s phone was kicked: %v", a.row, a.kicks)
	}
}

// complete holds what the phone showed against what became of every message of an inbox, of which none may have failed.
func (a *app) complete(t *testing.T, inbox []wire.Message) {
	t.Helper()
	shown := map[string]bool{}
	for _, p := range a.shows(t) {
		shown[p.Envelope.MessageID] = true
	}
	for _, m := range inbox {
		if err := a.world.told(t.Context(), m.MessageID, shown[m.MessageID]); err != nil {
			t.Errorf("the %s phone, %q: %v", a.row, m.Push.Payload, err)
		}
	}
}

// told checks that a message was handed over if, and only if, the phone showed it.
func (w *world) told(ctx context.Context, messageID string, shown bool) error {
	trace, err := w.server().Trace(ctx, messageID)
	if err != nil {
		return err
	}
	return process.Told(trace, shown, false)
}
