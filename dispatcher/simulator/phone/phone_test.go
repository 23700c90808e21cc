package phone

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func add(t *testing.T, b *Book, id, token string) *Handset {
	t.Helper()
	h, err := b.Add("fcm", "chat", id, Names{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func push(id string, change func(*Push)) Push {
	p := Push{Content: Content{MessageID: id, Kind: Notification, Title: id}, TTL: time.Hour}
	if change != nil {
		change(&p)
	}
	return p
}

// shown lists the message ids of arrivals, with what they replace or repeat.
func shown(arrivals []Arrival) (list []string) {
	for _, a := range arrivals {
		text := a.MessageID
		if a.Replaces > 0 {
			text += fmt.Sprintf(" replaces %d", a.Replaces)
		}
		if a.DuplicateOf > 0 {
			text += fmt.Sprintf(" repeats %d", a.DuplicateOf)
		}
		list = append(list, text)
	}
	return list
}

func TestTray(t *testing.T) {
	t.Parallel()
	replace := func(p *Push) { p.ReplaceID = "7" }
	dedup := func(p *Push) { p.DedupID = "job" }
	data := func(p *Push) { p.Kind = Data }
	tests := []struct {
		name           string
		pushes         []Push
		arrivals, tray []string
	}{
		{"plain", []Push{push("a", nil), push("b", nil)}, []string{"a", "b"}, []string{"a", "b"}},
		{"replaced", []Push{push("a", replace), push("b", replace), push("c", nil)}, []string{"a", "b replaces 1", "c"}, []string{"b replaces 1", "c"}},
		{"repeated", []Push{push("a", dedup), push("b", dedup)}, []string{"a", "b repeats 1"}, []string{"a"}},
		{"data", []Push{push("a", data)}, []string{"a"}, nil},
		{"repetition does not replace", []Push{
			push("a", func(p *Push) { p.ReplaceID, p.DedupID = "7", "job" }), push("b", replace),
			push("c", func(p *Push) { p.ReplaceID, p.DedupID = "7", "job" }),
		}, []string{"a", "b replaces 1", "c repeats 1"}, []string{"b replaces 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := add(t, NewBook(), "p", "token")
			for _, p := range tt.pushes {
				h.Deliver(p)
			}
			if diff := cmp.Diff(tt.arrivals, shown(h.Arrivals(0))); diff != "" {
				t.Errorf("arrivals (-want +got):\n%s", diff)
			}
			tray := shown(h.Phone().Tray)
			if diff := cmp.Diff(tt.tray, tray); diff != "" {
				t.Errorf("tray (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfflinePhone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := add(t, NewBook(), "p", "token")
		var events []Event
		report := func(p *Push) { p.Report = func(e Event) { events = append(events, e) } }
		h.SetState(Change{Online: new(false)})
		h.Deliver(push("now or never", func(p *Push) { p.TTL = 0 }))
		h.Deliver(push("short", func(p *Push) { p.TTL = time.Minute }))
		h.Deliver(push("long", report))
		h.Deliver(push("collapsed", func(p *Push) { p.CollapseKey = "k" }))
		h.Deliver(push("collapsing", func(p *Push) { p.CollapseKey = "k" }))
		if got := h.Phone().Pending; got != 3 {
			t.Errorf("pending = %d, want 3", got)
		}
		time.Sleep(time.Minute) // virtual
		h.SetState(Change{Online: new(true)})
		if diff := cmp.Diff([]string{"long", "collapsing"}, shown(h.Arrivals(0))); diff != "" {
			t.Errorf("arrivals (-want +got):\n%s", diff)
		}
		if a := h.Arrivals(0)[0]; a.ArrivedAt.Sub(a.SentAt) != time.Minute {
			t.Errorf("the push took %v, want a minute", a.ArrivedAt.Sub(a.SentAt))
		}
		if diff := cmp.Diff([]Event{Delivered}, events); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestOneMoreThanFCMKeepsDiscardsAll(t *testing.T) {
	t.Parallel()
	h := add(t, NewBook(), "p", "token")
	h.SetState(Change{Online: new(false)})
	for i := range maxPending {
		h.Deliver(push(fmt.Sprint(i), nil))
	}
	if got := h.Phone().Pending; got != maxPending {
		t.Fatalf("pending = %d, want %d", got, maxPending)
	}
	h.Deliver(push("one more", nil))
	if got := h.Phone().Pending; got != 0 {
		t.Errorf("pending = %d, want 0", got)
	}
}

func TestDisabledNotifications(t *testing.T) {
	t.Parallel()
	h := add(t, NewBook(), "p", "token")
	h.SetState(Change{PushEnabled: new(false)})
	var events []Event
	h.Deliver(push("a", func(p *Push) { p.Report = func(e Event) { events = append(events, e) } }))
	h.Deliver(push("b", func(p *Push) { p.Kind = Data }))
	if diff := cmp.Diff([]string{"b"}, shown(h.Arrivals(0))); diff != "" {
		t.Errorf("arrivals (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Event{Disabled}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	b := NewBook()
	h := add(t, b, "p", "one")
	owns := func(token string, want bool) {
		t.Helper()
		if got, ok := b.Lookup("fcm", token); ok != want || (ok && got != h) {
			t.Errorf("Lookup(%s) = %v, want %v", token, ok, want)
		}
	}
	owns("one", true)
	if err := b.RotateToken(h, "two"); err != nil {
		t.Fatal(err)
	}
	owns("one", false)
	owns("two", true)
	h.Deliver(push("a", func(p *Push) { p.DedupID = "job" }))
	b.Uninstall(h)
	owns("two", false)
	if p := h.Phone(); p.Installed || len(p.Tray) > 0 || len(h.Arrivals(0)) != 1 {
		t.Errorf("after the uninstallation: %+v", p)
	}
	if again := add(t, b, "p", "two"); again != h {
		t.Error("the phone with the id is another one")
	}
	owns("two", true)
	h.Deliver(push("b", func(p *Push) { p.DedupID = "job" }))
	if diff := cmp.Diff([]string{"a", "b"}, shown(h.Arrivals(0))); diff != "" {
		t.Errorf("a new installation remembers nothing (-want +got):\n%s", diff)
	}
	if _, err := b.Add("fcm", "chat", "q", Names{Token: "two"}); !errors.Is(err, ErrTokenTaken) {
		t.Errorf("a token for two phones: %v", err)
	}
	if _, err := b.Add("fcm", "other", "p", Names{Token: "three"}); !errors.Is(err, ErrIDTaken) {
		t.Errorf("an id for two apps: %v", err)
	}
	b.Forget(h)
	if _, ok := b.Get("p"); ok {
		t.Error("the phone is still there")
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := add(t, NewBook(), "p", "token")
		h.Deliver(push("a", nil))
		done := make(chan []Arrival)
		go func() { done <- h.Wait(t.Context(), 1) }()
		synctest.Wait()
		h.Deliver(push("b", nil))
		if diff := cmp.Diff([]string{"b"}, shown(<-done)); diff != "" {
			t.Errorf("arrivals (-want +got):\n%s", diff)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got := h.Wait(ctx, 2); got != nil {
			t.Errorf("arrivals %v, want none", got)
		}
	})
}

func TestArrivalsAreBounded(t *testing.T) {
	t.Parallel()
	h := add(t, NewBook(), "p", "token")
	for i := range maxArrivals + 10 {
		h.Deliver(push("a", func(p *Push) { p.DedupID, p.ReplaceID = fmt.Sprint("job", i), fmt.Sprint("id", i) }))
	}
	if got := h.Arrivals(0); len(got) != maxArrivals || got[0].Seq != 11 {
		t.Errorf("%d arrivals from %d, want %d from 11", len(got), got[0].Seq, maxArrivals)
	}
	if len(h.seen) != maxArrivals || len(h.shown) != maxArrivals {
		t.Errorf("remembers %d and %d ids, want %d", len(h.seen), len(h.shown), maxArrivals)
	}
}

func TestVoIPToken(t *testing.T) {
	t.Parallel()
	b := NewBook()
	h, err := b.Add("apns", "io.chat", "i", Names{Token: "alert", VoIPToken: "voip"})
	if err != nil {
		t.Fatal(err)
	}
	found := func(name string) bool {
		got, ok := b.Lookup("apns", name)
		return ok && got == h
	}
	if !found("alert") || !found("voip") || h.Phone().VoIPToken != "voip" {
		t.Errorf("got %+v", h.Phone())
	}
	if err := b.RotateToken(h, "alert-2"); err != nil {
		t.Error(err)
	}
	if found("alert") || !found("alert-2") || !found("voip") {
		t.Error("a new token is no other VoIP token")
	}
	if _, err := b.Add("apns", "io.chat", "j", Names{Token: "x", VoIPToken: "voip"}); !errors.Is(err, ErrTokenTaken) {
		t.Errorf("got %v", err)
	}
	before := time.Now()
	b.Uninstall(h)
	for name, dead := range map[string]bool{"alert": true, "alert-2": true, "voip": true, "never": false, "": false} {
		at, ok := b.Died("apns", name)
		if ok != dead || ok && at.After(time.Now()) || name == "voip" && at.Before(before) {
			t.Errorf("%q: got %s, %t", name, at, ok)
		}
	}
	if _, err := b.Add("apns", "io.chat", "i", Names{Token: "alert-2"}); err != nil {
		t.Error(err)
	}
	if _, ok := b.Died("apns", "alert-2"); ok {
		t.Error("a token that is in use again is dead")
	}
}
