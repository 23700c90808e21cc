package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/ingress/planetest"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/wire"
)

func TestStoredThenLive(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 70) // more than two pages
	p := dial(t, bed)
	welcome := p.login(bed, c, "bob")
	want := wire.ServerFrame{Type: wire.FrameWelcome, UserID: "bob", HeartbeatSeconds: 10}
	if diff := cmp.Diff(want, welcome); diff != "" {
		t.Error(diff)
	}
	for seq := range int64(70) {
		if f := p.next(wire.FrameMessage); f.Seq != seq+1 || f.Body != "body" || f.From != "alice" || f.Push.Title != "title" {
			t.Fatalf("got %+v, want %d", f, seq+1)
		}
	}
	post(t, bed, "bob", 1)
	if f := p.next(wire.FrameMessage); f.Seq != 71 || f.MessageID == "" || f.CreatedAt.IsZero() {
		t.Errorf("live: %+v", f.Message)
	}
}

func TestCursorAndAfter(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	post(t, bed, "bob", 3)
	p := dial(t, bed)
	p.login(bed, c, "bob")
	for range 3 {
		p.next(wire.FrameMessage)
	}
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 2})
	p.ping()
	tests := []struct {
		after         []int64
		cursor, first int64
	}{
		{nil, 2, 3},
		{[]int64{0}, 0, 1},
		{[]int64{1}, 1, 2},
		{[]int64{99}, 2, 3}, // It never skips.
	}
	for _, tt := range tests {
		again := dial(t, bed)
		if w := again.login(bed, c, "bob", tt.after...); w.Cursor != tt.cursor {
			t.Errorf("after %v: cursor %d, want %d", tt.after, w.Cursor, tt.cursor)
		}
		if f := again.next(wire.FrameMessage); f.Seq != tt.first {
			t.Errorf("after %v: first %d, want %d", tt.after, f.Seq, tt.first)
		}
	}
}

func TestConnectedWaitsForTheAck(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	if bed.Online(t, "bob") {
		t.Error("online without a session")
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	p.ping()
	if !bed.Online(t, "bob") || bed.Online(t, "eve") {
		t.Error("offline with a session")
	}
	before := time.Now()
	post(t, bed, "bob", 1)
	if due := bed.Rows.All()[0].DueAt; due.Before(before.Add(time.Second)) || due.After(time.Now().Add(3*time.Second)) {
		t.Errorf("the push is due %v later, want the time to acknowledge", due.Sub(before))
	}
	_ = p.conn.Close(websocket.StatusNormalClosure, "")
	waitFor(t, func() bool { return !bed.Online(t, "bob") })
	post(t, bed, "bob", 1)
	if wait := time.Until(bed.Rows.All()[1].DueAt); wait > 0 {
		t.Errorf("offline, and the push waits %v", wait)
	}
}

func TestGapsAreTold(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	push := &message.PushConfig{Title: "title"} // What waits for a vendor is kept.
	for i, p := range []*message.PushConfig{nil, nil, push, nil, push} {
		r := accept.Request{ClientID: fmt.Sprint(i), From: "alice", To: []string{"bob"}, Body: "body", Push: p}
		if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	if _, err := bed.Store.Prune(t.Context(), store.Cutoffs{Messages: time.Now().Add(time.Hour)}, 1000); err != nil {
		t.Fatal(err)
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	type told struct{ gap, seq int64 }
	var got []told
	for range 4 {
		f, err := p.read()
		if err != nil {
			t.Fatal(err)
		}
		one := told{gap: f.Cursor}
		if f.Message != nil {
			one.seq = f.Seq
		}
		got = append(got, one)
	}
	if diff := cmp.Diff([]told{{gap: 0}, {seq: 3}, {gap: 3}, {seq: 5}}, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Error(diff)
	}
	p.ping() // Nothing is told twice.
	p.send(wire.ClientFrame{Type: wire.FrameAck, Seq: 5})
	p.ping()
}

func TestGapAtTheEndIsToldOnce(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "bob")
	say := func(id string) {
		t.Helper()
		r := accept.Request{ClientID: id, From: "alice", To: []string{"bob"}, Body: id}
		if err := bed.Acceptor.Accept(t.Context(), []accept.Request{r})[0].Err; err != nil {
			t.Fatal(err)
		}
	}
	say("gone")
	if _, err := bed.Store.Prune(t.Context(), store.Cutoffs{Messages: time.Now().Add(time.Hour)}, 1000); err != nil {
		t.Fatal(err)
	}
	p := dial(t, bed)
	p.login(bed, c, "bob")
	if f := p.next(wire.FrameGap); f.Cursor != 0 {
		t.Errorf("gap after %d", f.Cursor)
	}
	say("new")
	if f := p.next(wire.FrameMessage); f.Seq != 2 {
		t.Errorf("after the gap: %+v", f.Message)
	}
}

func TestLoginBinds(t *testing.T) {
	t.Parallel()
	bed := planetest.New(t)
	c, _ := bed.Phone(t, "FCM", "")
	p := dial(t, bed)
	p.login(bed, c, "bob")
	if d, err := bed.Bindings.Find(t.Context(), c.PushID); err != nil || d.UserID != "bob" {
		t.Errorf("%+v, %v", d, err)
	}
}
