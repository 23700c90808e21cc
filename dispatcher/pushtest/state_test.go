package pushtest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestState(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := start.Add(2 * time.Second)
	over := start.Add(timeToLive)
	queued := report.PushTestHop{Status: report.HopSucceeded, Message: "queued for channel row fcm", MessageID: "m", At: start}
	stopped := func(code string, at time.Time) report.PushTestHop {
		return report.PushTestHop{Status: report.HopFailed, Code: code, At: at}
	}
	skipped := report.PushTestHop{Status: report.HopSkipped, Message: "the dispatcher did not push"}
	refused := &store.PushTestAnswer{Class: message.CredentialRejected, Code: "401", Detail: "who are you", Body: "{}", Took: 7 * time.Millisecond}
	accepted := &store.PushTestAnswer{Class: message.Accepted, Body: "ok", Took: time.Millisecond}
	for name, tt := range map[string]struct {
		refused string
		answer  *store.PushTestAnswer
		line    store.Trace
		now     time.Time
		hop     report.PushTestHop
		push    report.PushTestHop
		receipt *report.PushTestReceipt
	}{
		"not tried yet": {hop: queued, now: at, push: report.PushTestHop{Status: report.HopPending}},
		"accepted": {
			answer: accepted, now: at, hop: queued,
			line: store.Trace{State: message.Handed, Reason: "Accepted", Code: "0", VendorMessageID: "v", At: at},
			push: report.PushTestHop{Status: report.HopSucceeded, Code: "0", MessageID: "v", Answer: "ok", LatencyMilliseconds: new(int64(1)), At: at},
		},
		"clicked": {
			now: at, hop: queued, push: report.PushTestHop{Status: report.HopSucceeded, At: start},
			line: store.Trace{State: message.Handed, At: start, Receipts: []store.TraceReceipt{
				{Event: provider.Delivered, At: start}, {Event: provider.Clicked, Code: "2", Reason: "a tap", At: at},
			}},
			receipt: &report.PushTestReceipt{Event: "Clicked", Code: "2", Message: "a tap", At: at},
		},
		"accepted and forgotten": {
			answer: accepted, now: over.Add(time.Hour), hop: queued,
			push: report.PushTestHop{Status: report.HopSucceeded, Answer: "ok", LatencyMilliseconds: new(int64(1))},
		},
		"to be tried again": {
			answer: refused, now: at, hop: queued,
			line: store.Trace{State: message.Pending, Reason: "CredentialRejected", Code: "401", Detail: "who are you", At: at},
			push: report.PushTestHop{
				Status: report.HopPending, Code: "401", Message: "who are you", Answer: "{}", LatencyMilliseconds: new(int64(7)), At: at,
			},
		},
		"unreachable": {
			now: at, hop: queued, line: store.Trace{State: message.Pending, Reason: "Transient", Detail: "connection refused", At: at},
			push: report.PushTestHop{Status: report.HopPending, Code: "Transient", Message: "connection refused", At: at},
		},
		"rejected": {
			now: at, hop: queued, line: store.Trace{State: message.Failed, Reason: "Rejected", Code: "21", Detail: "too long", At: at},
			push: report.PushTestHop{Status: report.HopFailed, Code: "21", Message: "too long", At: at},
		},
		"dead token": {
			now: at, hop: queued, line: store.Trace{State: message.Quarantined, Reason: "InvalidToken", Code: "UNREGISTERED", At: at},
			push: report.PushTestHop{Status: report.HopFailed, Code: "UNREGISTERED", At: at},
		},
		"too late": {
			answer: refused, now: over.Add(time.Minute), hop: queued, line: store.Trace{State: message.Expired, Reason: "TTLExpired", At: over},
			push: report.PushTestHop{
				Status: report.HopFailed, Code: "TTLExpired", Answer: "{}", LatencyMilliseconds: new(int64(7)), At: over,
				Message: "not pushed within 1m0s; the last try ended with CredentialRejected 401: who are you",
			},
		},
		"kept by a closed row": {
			now: over.Add(grace + 1), hop: queued, line: store.Trace{State: message.Pending, At: start},
			push: report.PushTestHop{
				Status: report.HopFailed, Code: "TTLExpired", At: start,
				Message: "not pushed within 1m0s; channel row fcm took nothing, see its state in the PushApp",
			},
		},
		"a call may be open": {
			now: over.Add(grace), hop: queued, line: store.Trace{State: message.Pending, At: start},
			push: report.PushTestHop{Status: report.HopPending, At: start},
		},
		"never accepted": {
			now: over.Add(grace + 1), hop: queued,
			push: report.PushTestHop{
				Status: report.HopFailed, Code: "TTLExpired", At: over,
				Message: "not pushed within 1m0s; channel row fcm took nothing, see its state in the PushApp",
			},
		},
		"no channel":       {refused: message.ReasonNoChannel, now: at, hop: stopped("NoChannel", start), push: skipped},
		"several channels": {refused: message.ReasonAmbiguous, now: at, hop: stopped("AmbiguousChannel", start), push: skipped},
		"suspended":        {refused: message.ReasonSuspended, now: at, hop: stopped("ChannelSuspended", start), push: skipped},
		"no token":         {refused: message.ReasonNoToken, now: at, hop: stopped("NoToken", start), push: skipped},
		"changed hands": {
			now: at, line: store.Trace{State: message.Cancelled, Reason: "Fenced", At: at}, hop: stopped("Fenced", at), push: skipped,
		},
		"lost its token": {
			now: at, line: store.Trace{State: message.Quarantined, Reason: "NoToken", At: at}, hop: stopped("NoToken", at), push: skipped,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test := store.PushTest{
				Message: message.Message{ID: "m", CreatedAt: start, PushExpiresAt: over},
				Devices: []store.TestedDevice{
					{Device: 4, PushID: "other", Refused: message.ReasonNoChannel},
					{Device: 7, PushID: "p", Vendor: "FCM", Channel: "fcm", Refused: tt.refused, Answer: tt.answer},
				},
			}
			var lines []store.Trace
			if tt.line.Device = 7; tt.line.State != "" {
				lines = []store.Trace{tt.line}
			}
			got := state(test, lines, tt.now).Devices[1]
			if tt.hop.Status == report.HopFailed {
				if got.Dispatcher.Message == "" || strings.Contains(got.Dispatcher.Message, "cancelled") {
					t.Errorf("no cure: %q", got.Dispatcher.Message)
				}
				got.Dispatcher.Message = ""
			}
			want := report.PushTestDevice{PushID: "p", Channel: "fcm", Vendor: "FCM", Dispatcher: tt.hop, Push: tt.push, Receipt: tt.receipt}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
