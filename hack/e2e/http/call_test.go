package http_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// invitees are users with a phone of four vendors each, who were logged in and are offline.
func (w *world) invitees(t *testing.T, suffix string) map[string]*app {
	t.Helper()
	apps := map[string]*app{}
	for user, row := range map[string]string{"bob": "fcm", "carl": "xiaomi", "dora": "huawei", "emil": "oppo"} {
		user += suffix
		a := w.newApp(t, models(row)[0])
		must(t, a.login(t.Context(), user, w.userToken(t, user)))
		a.sdk.Close()
		w.offline(t, user)
		apps[user] = a
	}
	return apps
}

// offline waits until the dispatchers know that the user has no session.
func (w *world) offline(t *testing.T, user string) {
	t.Helper()
	until(t, user+" is offline", func() error {
		if must1(w.server().Online(t.Context(), user))(t) {
			return errors.New("there is a session")
		}
		return nil
	})
}

// ring begins a call of alice's to all of them.
func (w *world) ring(t *testing.T, apps map[string]*app, seconds int32) wire.Call {
	t.Helper()
	b := wire.BeginCallFrom{From: "alice", BeginCall: wire.BeginCall{ClientID: unique("call"), CallInvitation: wire.CallInvitation{
		TimeoutSeconds: seconds, Body: unique("offer"), Push: &wire.Push{Title: unique("alice calls"), Content: "Answer?", ResourcesID: profile},
	}}}
	for user := range apps {
		b.To = append(b.To, user)
	}
	return must1(w.server().BeginCall(t.Context(), b))(t)
}

// ringing tells whether the phone's tray has an invitation to the call, and shown whether one arrived at all.
func (a *app) ringing(t *testing.T, callID string) (ringing, shown bool) {
	t.Helper()
	tray := map[int64]bool{}
	for _, n := range must1(a.world.sim.Client.Phone(t.Context(), a.id))(t).Tray {
		tray[n.Seq] = true
	}
	for _, p := range a.shows(t) {
		if p.Envelope.CallID == callID && p.Envelope.Operation == "" {
			ringing, shown = ringing || tray[p.Seq], true
		}
	}
	return ringing, shown
}

// awaitRinging waits until the phone shows the invitation.
func (a *app) awaitRinging(t *testing.T, callID string) {
	t.Helper()
	until(t, "the "+a.row+" phone rings", func() error {
		if rings, _ := a.ringing(t, callID); !rings {
			return errors.New("it does not")
		}
		return nil
	})
}

// quietPhones waits until nothing is pending, when no phone may ring any more. Of those whose app runs the app itself
// takes the notification away: it was told.
func (w *world) quietPhones(t *testing.T, apps map[string]*app, callID string) {
	t.Helper()
	w.settled(t)
	for user, a := range apps {
		if rings, _ := a.ringing(t, callID); rings && !slices.Contains(a.toldOfCalls(), "ended "+callID) {
			t.Errorf("%s's %s phone ends with a ringing notification: %+v", user, a.row, a.shows(t))
		}
	}
}

// rangInTime waits until nothing is pending: no invitation arrived after it had ended. One that ended by itself stays in
// the tray as a call that was missed.
func (w *world) rangInTime(t *testing.T, apps map[string]*app, callID string) {
	t.Helper()
	w.settled(t)
	rang := 0
	for user, a := range apps {
		for _, p := range a.shows(t) {
			if p.Envelope.CallID != callID || p.Envelope.Operation != "" {
				continue
			}
			rang++
			if end := time.UnixMilli(p.Envelope.ExpiresAt); p.ArrivedAt.After(end) {
				t.Errorf("%s's %s phone rang at %s, the invitation ended at %s", user, a.row, p.ArrivedAt, end)
			}
		}
	}
	if rang == 0 {
		t.Error("no phone rang: the test proves nothing")
	}
}

// comesBack starts the app again and logs the user in.
func (a *app) comesBack(t *testing.T, user string) {
	t.Helper()
	a.start(t)
	must(t, a.login(t.Context(), user, a.world.userToken(t, user)))
}

// awaitCall waits until the app was told of the call so.
func (a *app) awaitCall(t *testing.T, what, callID string) {
	t.Helper()
	until(t, fmt.Sprintf("the %s phone is told %s", a.row, what), func() error {
		if got := a.toldOfCalls(); !slices.Contains(got, what+" "+callID) {
			return fmt.Errorf("it was told %v", got)
		}
		return nil
	})
}

// A call with four invitees of four vendors is cancelled while two of the vendors still have the pushes: every phone ends
// without a ringing notification. Who logs in while it rings receives the invitation, who comes later does not.
func TestCallCancelledInFlight(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := everyVendor(t, store)
			apps := w.invitees(t, "")
			for _, row := range []string{"xiaomi", "huawei"} {
				w.fault(t, row, traffic.Fault{LatencyMs: 5000})
			}
			call := w.ring(t, apps, 120)
			for _, user := range []string{"bob", "emil"} {
				apps[user].awaitRinging(t, call.CallID)
			}
			apps["emil"].comesBack(t, "emil")
			apps["emil"].awaitCall(t, "invited", call.CallID)

			pending := w.disp.Report(t).Account.Pending
			over := must1(w.server().CancelCall(t.Context(), call.CallID, wire.CancelCallFor{CallUser: wire.CallUser{UserID: "alice"}}))(t)
			if over.State != "Ended" || over.Reason != "Cancelled" {
				t.Errorf("the call is %+v", over)
			}
			if pending == 0 {
				t.Error("no push was in flight: the test proves nothing")
			}
			apps["emil"].awaitCall(t, "ended", call.CallID)
			w.quietPhones(t, apps, call.CallID)
			for _, user := range []string{"bob", "emil"} {
				if _, shown := apps[user].ringing(t, call.CallID); !shown {
					t.Errorf("%s's phone never rang", user)
				}
			}

			apps["dora"].comesBack(t, "dora")
			apps["dora"].awaitCall(t, "ended", call.CallID)
			if got := apps["dora"].toldOfCalls(); slices.Contains(got, "invited "+call.CallID) {
				t.Errorf("dora came after the end and was told %v", got)
			}
			w.settled(t)
		})
	}
}

// A dispatcher is killed in each phase of a call: while it rings, after somebody accepted, and when it was just
// cancelled. What happens by itself happens all the same, no phone begins to ring too late, and none rings after the
// cancellation.
func TestCallOutlivesItsDispatcher(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := everyVendor(t, store)
			if store.name == postgres().name {
				w.another(t) // which goes on with what the killed one leaves
			}
			alice := wire.CallUser{UserID: "alice"}
			for _, phase := range []struct {
				name string
				// step is what happens before the kill, and after what the call comes to by itself.
				step          func(*testing.T, wire.Call)
				state, reason string
				members       map[string]string
			}{
				{"ringing", func(*testing.T, wire.Call) {}, "Ended", "TimedOut", map[string]string{"bob": "TimedOut", "carl": "TimedOut"}},
				{"accepted", func(t *testing.T, c wire.Call) {
					t.Helper()
					bob := wire.CallUser{UserID: "bob-accepted"}
					must1(w.server().AcceptCall(t.Context(), c.CallID, wire.AnswerCallFor{CallUser: bob}))(t)
				}, "Ongoing", "", map[string]string{"bob": "Accepted", "carl": "TimedOut"}},
				{"cancelled", func(t *testing.T, c wire.Call) {
					t.Helper()
					must1(w.server().CancelCall(t.Context(), c.CallID, wire.CancelCallFor{CallUser: alice}))(t)
				}, "Ended", "Cancelled", map[string]string{"bob": "Cancelled", "carl": "Cancelled"}},
			} {
				apps := w.invitees(t, "-"+phase.name)
				for _, row := range []string{"xiaomi", "huawei"} {
					w.fault(t, row, traffic.Fault{LatencyMs: 500})
				}
				call := w.ring(t, apps, 10)
				if phase.reason != "Cancelled" {
					apps["bob-"+phase.name].awaitRinging(t, call.CallID)
				}
				phase.step(t, call)
				w.crash(t)
				for _, row := range []string{"xiaomi", "huawei"} {
					w.clearFault(t, row)
				}
				w.awaitEnd(t, phase.name, call, func(c wire.Call) error {
					if c.State != phase.state || c.Reason != phase.reason {
						return fmt.Errorf("it is %s %s", c.State, c.Reason)
					}
					for _, m := range c.Members {
						if want, ok := phase.members[m.UserID[:max(0, len(m.UserID)-len(phase.name)-1)]]; ok && m.State != want {
							return fmt.Errorf("%s is %s, want %s", m.UserID, m.State, want)
						}
					}
					return nil
				})
				check := w.rangInTime
				if phase.reason == "Cancelled" {
					check = w.quietPhones
				}
				check(t, apps, call.CallID)
				if phase.state == "Ongoing" {
					must1(w.server().EndCall(t.Context(), call.CallID, wire.LeaveCallFor{CallUser: alice}))(t)
				}
			}
		})
	}
}

// awaitEnd waits until the call is as it shall become.
func (w *world) awaitEnd(t *testing.T, phase string, call wire.Call, holds func(wire.Call) error) {
	t.Helper()
	began := time.Now()
	until(t, "the call comes to its end, "+phase, func() error { return holds(must1(w.server().Call(t.Context(), call.CallID))(t)) })
	t.Logf("%s: %s after the kill", phase, time.Since(began))
}

// crash kills the dispatcher that the app's servers talk to, and starts it again over the same store.
func (w *world) crash(t *testing.T) {
	t.Helper()
	w.disp.Kill()
	w.disp.Start(t)
	w.service.Lead(w.disp.DeviceURL)
}
