package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// TestPhoneConnectsAgain with growing waits, until it is in; the dispatcher may ask for longer ones.
func TestPhoneConnectsAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told := make(events, 100)
		_, first := f.loggedIn(t, client.Options{Callbacks: told.callbacks(), Backoff: client.Backoff{Min: time.Second, Max: 4 * time.Second}})
		f.answer = func(w http.ResponseWriter) {
			if len(f.logins) == 6 {
				w.Header().Set("Retry-After", "60")
			}
			(&wire.Problem{Status: http.StatusServiceUnavailable, Code: wire.CodeDraining}).Write(w)
			if len(f.logins) == 6 {
				f.answer = nil
			}
		}
		broke := time.Now()
		_ = first.conn.CloseNow()
		<-f.lines
		synctest.Wait()
		var waits []time.Duration
		for _, at := range f.came()[1:] {
			waits = append(waits, at.Sub(broke))
			broke = at
		}
		limits := []time.Duration{1, 2, 4, 4, 4}
		for i, most := range limits {
			if most *= time.Second; waits[i] < most/2 || waits[i] > most {
				t.Errorf("wait %d is %s, want %s to %s", i, waits[i], most/2, most)
			}
		}
		if last := waits[len(limits)]; len(waits) != len(limits)+1 || last != time.Minute {
			t.Errorf("the waits are %v, the last has to be what the dispatcher asked for", waits)
		}
		want := []string{"Connected", "Reconnecting", "Reconnecting", "Reconnecting", "Reconnecting", "Reconnecting", "Reconnecting", "Connected"}
		if diff := cmp.Diff(want, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestPhoneConnectsAtOnce when the dispatcher drains, or the app knows that there is a network.
func TestPhoneConnectsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		p, l := f.loggedIn(t, client.Options{Backoff: client.Backoff{Min: time.Minute, Max: time.Hour}})
		began := time.Now()
		l.kick(wire.KickedDraining)
		l = <-f.lines
		if waited := time.Since(began); waited > time.Minute {
			t.Errorf("after a drain it waits %s", waited)
		}
		began = time.Now()
		_ = l.conn.CloseNow()
		synctest.Wait()
		p.NetworkChanged()
		<-f.lines
		if waited := time.Since(began); waited > 0 {
			t.Errorf("with a network it waits %s", waited)
		}
	})
}

// TestPhoneGivesUpSilence: on a connection that died without a word not even pongs come.
func TestPhoneGivesUpSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		_, silent := f.loggedIn(t, client.Options{})
		began := time.Now()
		go func() { // It takes what the phone says and answers nothing.
			for {
				if _, err := silent.read(); err != nil {
					return
				}
			}
		}()
		<-f.lines
		if waited := time.Since(began); waited < 30*time.Second || waited > 31*time.Second {
			t.Errorf("it took %s", waited)
		}
	})
}

// TestPhoneStaysAway after a kick that connecting again would not cure.
func TestPhoneStaysAway(t *testing.T) {
	t.Parallel()
	for reason, user := range map[string]string{
		wire.KickedLoggedOut: "", wire.KickedRebound: "", wire.KickedUnregistered: "", wire.KickedReplaced: "bob", wire.KickedDeviceLimit: "",
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				told, kept := make(events, 100), &shelf{}
				p, l := f.loggedIn(t, client.Options{Callbacks: told.callbacks(), Storage: kept})
				l.kick(reason)
				time.Sleep(time.Hour) // virtual
				if len(f.came()) != 1 {
					t.Errorf("it connected %d times again", len(f.came())-1)
				}
				if diff := cmp.Diff([]string{"Connected", "Disconnected", "kicked " + reason}, told.all()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if p.UserID() != user || kept.UserID != user || (kept.Credentials.PushID == "") != (reason == wire.KickedUnregistered) {
					t.Errorf("the app keeps %+v", kept)
				}
				err := p.Login(t.Context(), "token of bob")
				if unregistered := reason == wire.KickedUnregistered; errors.Is(err, client.ErrNotRegistered) != unregistered || (err != nil) != unregistered {
					t.Errorf("the next login: %v", err)
				}
			})
		})
	}
}

// TestPhoneAsksForAToken when that of the login is refused.
func TestPhoneAsksForAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		asked := 0
		_, l := f.loggedIn(t, client.Options{UserToken: func(context.Context) (string, error) { asked++; return "fresh", nil }})
		welcome := f.greet
		f.greet = func(l *line) {
			if l.login.Token != "fresh" {
				l.refuse()
				return
			}
			welcome(l)
		}
		_ = l.conn.CloseNow()
		came := []string{(<-f.lines).login.Token, (<-f.lines).login.Token} // The fake may take longer to refuse than the phone to come again.
		slices.Sort(came)
		if want := []string{"fresh", "token of bob"}; !slices.Equal(came, want) || asked != 1 {
			t.Errorf("it came with %q after asking %d times", came, asked)
		}
	})
}

// TestPhoneTakesANo after some, when there is no other token.
func TestPhoneTakesANo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told := make(events, 100)
		p, l := f.loggedIn(t, client.Options{Callbacks: told.callbacks()})
		f.greet = (*line).refuse
		_ = l.conn.CloseNow()
		time.Sleep(time.Hour) // virtual
		want := []string{"Connected", "Reconnecting", "Reconnecting", "Reconnecting", "Disconnected", "kicked refused"}
		if diff := cmp.Diff(want, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		err := p.Login(t.Context(), "another")
		if e, ok := errors.AsType[*client.RefusedError](err); !ok || e.Reason != "the user token is not valid" || len(f.came()) != 5 {
			t.Errorf("the next login: %v, %d logins in all", err, len(f.came()))
		}
	})
}

// TestPhoneDropsRepetitions of a dispatcher that did not note an acknowledgement, and acknowledges them again. An app that
// moved to another store counts from 1 again with other messages.
func TestPhoneDropsRepetitions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told := make(events, 10_000)
		c := told.callbacks()
		c.ConnectionChanged = nil
		_, l := f.loggedIn(t, client.Options{Callbacks: c})
		say := func(seq int64, id string) {
			t.Helper()
			if acked := l.say(wire.Message{Seq: seq, MessageID: id}); acked != seq {
				t.Errorf("%s at %d was acknowledged as %d", id, seq, acked)
			}
		}
		again := func() {
			_ = l.conn.CloseNow()
			l = <-f.lines
		}
		say(1, "a")
		say(2, "b")
		again()
		say(2, "b")
		say(3, "c")
		again() // at another store
		say(1, "x")
		say(2, "y")
		if diff := cmp.Diff([]string{"received a", "received b", "received c", "received x", "received y"}, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for seq := int64(3); seq < 2000; seq++ {
			say(seq, time.Duration(seq).String())
		}
		told.all()
		again() // at a third store, where few of the sequences are remembered
		say(1, "p")
		say(1500, "q")
		if diff := cmp.Diff([]string{"received p", "received q"}, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestPhoneKeepsWhatTheAppRefused: it is not acknowledged and comes again.
func TestPhoneKeepsWhatTheAppRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		tries := 0
		_, l := f.loggedIn(t, client.Options{Callbacks: client.Callbacks{MessageReceived: func(wire.Message) error {
			if tries++; tries == 1 {
				return errors.New("the phone's disk is full")
			}
			return nil
		}}})
		m := wire.Message{Seq: 1, MessageID: "a"}
		if acked := l.say(m); acked != 0 {
			t.Errorf("it was acknowledged: %d", acked)
		}
		l = <-f.lines
		if acked := l.say(m); acked != 1 || tries != 2 {
			t.Errorf("the second time: acknowledged %d after %d tries", acked, tries)
		}
	})
}

// TestKinds of messages have their callbacks.
func TestKinds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		told := make(events, 100)
		c := told.callbacks()
		c.ConnectionChanged = nil
		c.MessagesLost = func(after int64) { told <- "lost after " + time.Duration(after).String() }
		_, l := f.loggedIn(t, client.Options{Callbacks: c})
		call := func(action, state, member string) *wire.CallEvent {
			return &wire.CallEvent{Action: action, State: state, Members: []string{member}, Over: action == "Invite" && member != "bob"}
		}
		l.send(wire.ServerFrame{Type: wire.FrameGap, Cursor: 7})
		for i, m := range []wire.Message{
			{Kind: "Chat"},
			{Kind: "Command"},
			{Kind: "Recall", Of: "it"},
			{Kind: "Rule"},
			{Kind: "Application"},
			{Kind: "Broadcast"},
			{Kind: "Call", Call: call("Invite", "Ringing", "bob")},
			{Kind: "Call", Call: call("Invite", "Ringing", "carl")},
			{Kind: "Call", Call: call("Accept", "Ongoing", "bob")},
			{Kind: "Call", Call: call("Cancel", "Ended", "carl")},
			{Kind: "Call", Call: call("Timeout", "Ongoing", "bob")},
			{Kind: "Call"},
			{Kind: "Newer"},
			{Kind: "Call", Call: call("Cancel", "Ringing", "carl")},
			{Kind: "Call", Call: call("Reject", "Ringing", "bob")},
		} {
			m.Seq, m.MessageID = int64(i+1), string(rune('a'+i))
			if acked := l.say(m); acked != m.Seq {
				t.Errorf("%+v was acknowledged as %d", m, acked)
			}
		}
		want := []string{
			"lost after 7ns", "received a", "received b", "recalled it", "rule d", "received e", "received f",
			"invited g", "changed i", "ended j", "ended k", "received m", "changed n", "ended o",
		}
		if diff := cmp.Diff(want, told.all()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestPhoneTakesTheNewPace that a pong tells, for its own heartbeats and for the silence that it bears.
func TestPhoneTakesTheNewPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		_, l := f.loggedIn(t, client.Options{})
		var waits []time.Duration
		last := time.Now()
		for _, pace := range []int32{10, 40, 0, 5} {
			if frame, err := l.read(); err != nil || frame.Type != wire.FramePing {
				t.Fatalf("got %+v, %v", frame, err)
			}
			waits, last = append(waits, time.Since(last)), time.Now()
			l.send(wire.ServerFrame{Type: wire.FramePong, HeartbeatSeconds: pace})
		}
		if diff := cmp.Diff([]time.Duration{10 * time.Second, 10 * time.Second, 40 * time.Second, 40 * time.Second}, waits); diff != "" {
			t.Errorf("heartbeats (-want +got):\n%s", diff)
		}
		go func() {
			for {
				if _, err := l.read(); err != nil {
					return
				}
			}
		}()
		<-f.lines
		if bore := time.Since(last); bore < 15*time.Second || bore > 16*time.Second {
			t.Errorf("it bore %s of silence", bore)
		}
	})
}

// TestPhoneLogsOutOverItsSession, and by a request when nobody answers that.
func TestPhoneLogsOutOverItsSession(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{true, false} {
		t.Run(fmt.Sprint("answered ", answered), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				told := make(events, 100)
				p, l := f.loggedIn(t, client.Options{Callbacks: told.callbacks()})
				said := make(chan string, 1)
				go func() {
					frame, _ := l.read()
					said <- frame.Type
					if answered {
						l.send(wire.ServerFrame{Type: wire.FramePong}) // of a heartbeat before
						l.send(wire.ServerFrame{Type: wire.FrameLoggedOut})
					}
				}()
				if err := p.Logout(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := <-said; got != wire.FrameLogout {
					t.Errorf("the phone said %s", got)
				}
				if requests := f.asked(); answered && len(requests) > 0 || !answered && !slices.Equal(requests, []string{"DELETE /v1/devices/push/binding"}) {
					t.Errorf("requests besides: %q", requests)
				}
				if diff := cmp.Diff([]string{"Connected", "Disconnected"}, told.all()); diff != "" || p.UserID() != "" {
					t.Errorf("%q is logged in (-want +got):\n%s", p.UserID(), diff)
				}
			})
		})
	}
}
