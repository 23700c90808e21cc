package http_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator/phone"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// newMessage is a message with everything, whose texts are nowhere else.
func (w *world) newMessage(from string, to ...string) wire.SendMessage {
	m := wire.SendMessage{
		ClientID: unique("id"), From: from, To: to, Body: unique("body"),
		Push: &wire.Push{Title: unique("title"), Content: unique("content"), Payload: unique("payload"), ResourcesID: profile},
	}
	for _, text := range []string{m.Body, m.Push.Title, m.Push.Content, m.Push.Payload} {
		w.secrets.add("the text of a message", text, atVendors, inStore)
	}
	return m
}

// send sends a message that must be accepted as new.
func (w *world) send(t *testing.T, m wire.SendMessage) wire.Sent {
	t.Helper()
	sent := must1(w.server().Send(t.Context(), m))(t)
	if sent.Duplicate {
		t.Fatalf("%q was accepted before", m.ClientID)
	}
	return sent
}

// A user with a phone of each vendor gets a message on both, as each vendor's client reads it.
func TestPushReachesBothPhones(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			m := w.newMessage("alice", "bob")
			phones := map[string]*handset{}
			for _, v := range vendors() {
				phones[v.row] = w.newPhone(t, v)
				phones[v.row].bind(t, "bob")
			}
			sent := w.send(t, m)
			if want := []wire.Recipient{{UserID: "bob", Seq: 1}}; !cmp.Equal(sent.Recipients, want) {
				t.Errorf("recipients: %s", cmp.Diff(want, sent.Recipients))
			}
			common := phone.Content{Kind: phone.Notification, Title: m.Push.Title, Content: m.Push.Content, Payload: m.Push.Payload}
			want := map[string]phone.Content{"fcm": common, "xiaomi": common}
			got := map[string]phone.Content{}
			for row, h := range phones {
				a := h.arrivals(t, 1)[0].Content
				if about := a.Data["offlinepush"]; !strings.Contains(about, sent.MessageID) || strings.Contains(about, "bob") {
					t.Errorf("%s: the envelope %q must name the message and not the user", row, about)
				}
				got[row] = a
			}
			vendorsOwn := cmpopts.IgnoreFields(phone.Content{}, "MessageID", "Data", "ReplaceID", "DedupID", "Channel", "Sound", "MessageContent")
			if diff := cmp.Diff(want, got, vendorsOwn); diff != "" {
				t.Errorf("what the phones showed (-want +got):\n%s", diff)
			}
			if f, x := got["fcm"], got["xiaomi"]; f.Channel != "chat-fcm" || f.Sound != "ding" || x.Channel != "chat-xiaomi" {
				t.Errorf("the push profile did not reach the phones: fcm channel %q sound %q, xiaomi channel %q", f.Channel, f.Sound, x.Channel)
			}
			w.traced(t, sent.MessageID, phones)
			w.settled(t)
			for _, h := range phones {
				h.silent(t, 1)
			}
		})
	}
}

// traced checks that the trace tells of every phone that it was handed over.
func (w *world) traced(t *testing.T, messageID string, phones map[string]*handset) {
	t.Helper()
	var trace wire.Trace
	until(t, "the trace is complete", func() error {
		trace = must1(w.server().Trace(t.Context(), messageID))(t)
		if i := slices.IndexFunc(trace.Devices, func(d wire.TraceDevice) bool { return d.State != "Handed" }); i >= 0 {
			return fmt.Errorf("%+v", trace.Devices[i])
		}
		return nil
	})
	if len(trace.Devices) != len(phones) {
		t.Fatalf("the trace has %d devices, want %d: %+v", len(trace.Devices), len(phones), trace)
	}
	for _, d := range trace.Devices {
		if h := phones[d.Channel]; h == nil || d.PushID != h.credentials.PushID || d.UserID != "bob" || d.VendorMessageID == "" {
			t.Errorf("the trace is wrong about a device: %+v", d)
		}
	}
}

// A connected user gets the message over the session and no push; an offline one
// gets the push, and the stored message when the app logs in.
func TestOnlineUserIsNotPushed(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			online, offline := w.newPhone(t, vendors()[0]), w.newPhone(t, vendors()[1])
			session, live := online.open(t, "olive")
			offline.bind(t, "oscar")
			if session.UserID() != "olive" || !must1(w.server().Online(t.Context(), "olive"))(t) {
				t.Fatalf("olive is not online: the session is %q's", session.UserID())
			}
			m := w.newMessage("alice", "olive", "oscar")
			sent := w.send(t, m)
			want := wire.Message{Seq: 1, MessageID: sent.MessageID, Kind: "Chat", From: "alice", Body: m.Body, Push: m.Push}
			sameMessage(t, want, next(t, live))
			if got := offline.arrivals(t, 1)[0].Title; got != m.Push.Title {
				t.Errorf("the offline phone shows %q, want %q", got, m.Push.Title)
			}
			_, stored := offline.open(t, "oscar")
			sameMessage(t, want, next(t, stored))
			w.settled(t) // after the time to acknowledge, so that a push of the online phone would have come
			online.silent(t, 0)
			offline.silent(t, 1)
			for _, d := range must1(w.server().Trace(t.Context(), sent.MessageID))(t).Devices {
				if d.UserID == "olive" && (d.State != "Cancelled" || d.Reason != "Acked") {
					t.Errorf("olive's push: %+v, want Cancelled because of Acked", d)
				}
			}
		})
	}
}

func next(t *testing.T, messages <-chan wire.Message) wire.Message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		t.Fatalf("the session got no message in %s", patience)
		return wire.Message{}
	}
}

func sameMessage(t *testing.T, want, got wire.Message) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(wire.Message{}, "CreatedAt")); diff != "" {
		t.Errorf("the session's message (-want +got):\n%s", diff)
	}
}

// A repeated request is answered like the first and pushes nothing; another content under its id is refused.
func TestRepetitionIsIdempotent(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[0])
			h.bind(t, "bob")
			m := w.newMessage("alice", "bob")
			first := w.send(t, m)
			h.arrivals(t, 1)
			again := must1(w.server().Send(t.Context(), m))(t)
			if !again.Duplicate || again.MessageID != first.MessageID || !cmp.Equal(again.Recipients, first.Recipients) {
				t.Errorf("the repetition was answered %+v, the first %+v", again, first)
			}
			other := m
			other.Body = unique("body")
			if _, err := w.server().Send(t.Context(), other); client.CodeOf(err) != wire.CodeIDConflict {
				t.Errorf("other content under the same id: %v, want %s", err, wire.CodeIDConflict)
			}
			w.settled(t)
			h.silent(t, 1)
		})
	}
}

// Each message of a batch is accepted or refused alone, in the batch's order.
func TestBatch(t *testing.T) {
	t.Parallel()
	for _, store := range eachStore() {
		t.Run(store.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store)
			h := w.newPhone(t, vendors()[1])
			h.bind(t, "bob")
			batch := make([]wire.SendMessage, 5)
			for i := range batch {
				batch[i] = w.newMessage("alice", "bob")
			}
			const bad = 2
			batch[bad].Push.ResourcesID = "unknown"
			results := must1(w.server().SendBatch(t.Context(), batch))(t)
			if len(results) != len(batch) {
				t.Fatalf("%d results for %d messages", len(results), len(batch))
			}
			for i, r := range results {
				if i == bad {
					if r.Problem == nil || r.Problem.Status != http.StatusUnprocessableEntity || len(r.Problem.Errors) != 1 ||
						!strings.HasSuffix(r.Problem.Errors[0].Field, "push.resourcesID") {
						t.Errorf("result %d: %+v, want a problem of push.resourcesID", i, r.Problem)
					}
					continue
				}
				if r.Sent == nil || r.Sent.Duplicate {
					t.Errorf("result %d: %+v %v", i, r.Sent, r.Problem)
				}
			}
			titles := map[string]bool{}
			for _, a := range h.arrivals(t, len(batch)-1) {
				titles[a.Title] = true
			}
			for i, m := range batch {
				if titles[m.Push.Title] == (i == bad) {
					t.Errorf("message %d shown: %t", i, titles[m.Push.Title])
				}
			}
			w.settled(t)
		})
	}
}
