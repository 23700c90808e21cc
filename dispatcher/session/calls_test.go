package session_test

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// ringing is a call of alice's that rings for bob and carl.
func ringing(t *testing.T, bed *planetest.Bed, clientID string, ring time.Duration) message.Call {
	t.Helper()
	c, _, err := bed.Calls.Begin(t.Context(), call.Beginning{
		ClientID: clientID, From: "alice", To: []string{"bob", "carl"}, Ring: ring, Body: "body", Push: &message.PushConfig{Title: "Alice"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func step(t *testing.T, bed *planetest.Bed, id string, e call.Event) {
	t.Helper()
	if _, err := bed.Calls.Do(t.Context(), id, e); err != nil {
		t.Fatal(err)
	}
}

// TestInvitationAtLogin: who logs in while it rings is called, who logs in later is not.
func TestInvitationAtLogin(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	ringing(t, bed, "rings", 10*time.Minute)
	cancelled := ringing(t, bed, "cancelled", 10*time.Minute)
	answered := ringing(t, bed, "answered", 10*time.Minute)
	rejected := ringing(t, bed, "rejected", 10*time.Minute)
	others := ringing(t, bed, "of others", 10*time.Minute)
	late := ringing(t, bed, "too late", time.Second)
	step(t, bed, cancelled.ID, call.Event{Action: message.CallCancel, By: "alice"})
	step(t, bed, answered.ID, call.Event{Action: message.CallAccept, By: "bob"})
	step(t, bed, rejected.ID, call.Event{Action: message.CallReject, By: "bob"})
	step(t, bed, others.ID, call.Event{Action: message.CallReject, By: "carl"})
	waitFor(t, func() bool { return bed.Store.Now().After(late.CreatedAt.Add(2 * time.Second)) }) // It has rung out.
	got := map[string]bool{}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	for range 10 {
		m := p.next(wire.FrameMessage)
		if m.Kind != "Call" || m.From == "" {
			t.Fatalf("%+v", m.Message)
		}
		if m.Call.Action != "Invite" {
			continue
		}
		got[m.Call.CallID] = m.Call.Over
		if m.Call.Over != (m.Body == "") || m.Call.Over != (m.Push == nil) || m.Call.Caller != "alice" || m.Call.ExpiresAt == nil {
			t.Errorf("%+v", m.Message)
		}
	}
	over := 0
	for _, o := range got {
		if o {
			over++
		}
	}
	if len(got) != 6 || over != 4 || got[others.ID] {
		t.Errorf("over: %v", got)
	}
}

// TestCallsLive: every step reaches all who are concerned, also the actor's other devices.
func TestCallsLive(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	first, _ := bed.Phone(t, "FCM", "bob")
	second, _ := bed.Phone(t, "Xiaomi", "bob")
	phones := []*phone{dial(t, bed), dial(t, bed)}
	phones[0].login(bed, first, "bob")
	phones[1].login(bed, second, "bob")
	c := ringing(t, bed, "c", time.Minute)
	tell := func(want string) {
		t.Helper()
		for i, p := range phones {
			m := p.next(wire.FrameMessage).Call
			if got := m.Action + " " + m.State + " by " + m.UserID; got != want || m.Over {
				t.Errorf("phone %d: got %s, over %v, want %s", i, got, m.Over, want)
			}
		}
	}
	tell("Invite Ringing by alice")
	step(t, bed, c.ID, call.Event{Action: message.CallAccept, By: "bob", Device: "first"})
	tell("Accept Ongoing by bob")
	step(t, bed, c.ID, call.Event{Action: message.CallEnd, By: "bob"})
	tell("End Ended by bob")
}

// TestInvitationOfOthers: the caller's own devices are told, and do not ring.
func TestInvitationOfOthers(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "alice")
	ringing(t, bed, "c", time.Minute)
	p := dial(t, bed)
	p.login(bed, c, "alice")
	if m := p.next(wire.FrameMessage); !m.Call.Over || m.Body != "" || m.Push != nil {
		t.Errorf("%+v", m.Message)
	}
}
