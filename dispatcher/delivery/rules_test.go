package delivery

import (
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outcome message.Outcome
		attempt int
		fused   bool
		state   message.State
		reason  string
		atLeast time.Duration
		atMost  time.Duration
	}{
		{name: "accepted", outcome: message.Outcome{Class: message.Accepted}, state: message.Handed, reason: "Accepted"},
		{name: "rejected", outcome: message.Outcome{Class: message.Rejected}, state: message.Failed, reason: "Rejected"},
		{name: "invalid token", outcome: message.Outcome{Class: message.InvalidToken}, state: message.Quarantined, reason: "InvalidToken"},
		{name: "invalid token, fused", outcome: message.Outcome{Class: message.InvalidToken}, fused: true, atLeast: heldBack, atMost: heldBack},
		{name: "credential", outcome: message.Outcome{Class: message.CredentialRejected}, attempt: 99, atLeast: heldBack, atMost: heldBack},
		{name: "quota names its end", outcome: message.Outcome{Class: message.QuotaExhausted, RetryAfter: 5 * time.Hour}, atLeast: 5 * time.Hour, atMost: 5 * time.Hour},
		{name: "quota names no end", outcome: message.Outcome{Class: message.QuotaExhausted}, atLeast: quotaWait, atMost: quotaWait},
		{name: "throttled", outcome: message.Outcome{Class: message.Throttled, RetryAfter: time.Minute}, attempt: 1, atLeast: time.Minute, atMost: time.Minute},
		{name: "transient first", outcome: message.Outcome{Class: message.Transient}, attempt: 1, atLeast: firstBackoff / 2, atMost: firstBackoff},
		{name: "transient late", outcome: message.Outcome{Class: message.Transient}, attempt: 60, atLeast: maxBackoff / 2, atMost: maxBackoff},
		{name: "unknown early", outcome: message.Outcome{Class: message.Unknown}, attempt: maxUnknown - 1, atLeast: firstBackoff / 2, atMost: maxBackoff},
		{name: "unknown late", outcome: message.Outcome{Class: message.Unknown}, attempt: maxUnknown, state: message.Failed, reason: message.ReasonAttempts},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := trial{calls: tt.attempt, backoff: backoff(tt.attempt), fused: tt.fused}.judge(tt.outcome)
			if v.state != tt.state || v.reason != tt.reason {
				t.Errorf("got %s/%s, want %s/%s", v.state, v.reason, tt.state, tt.reason)
			}
			if v.wait < tt.atLeast || v.wait > tt.atMost {
				t.Errorf("got wait %s, want %s to %s", v.wait, tt.atLeast, tt.atMost)
			}
		})
	}
}

func TestEveryClassIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range message.Classes() {
		v := trial{calls: 1, backoff: firstBackoff}.judge(message.Outcome{Class: c})
		if v.reason == "UnknownClass" || (v.state == "" && v.wait <= 0) {
			t.Errorf("%s: got %+v", c, v)
		}
	}
}

func TestAdmit(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	target := message.Target{Device: 7, Epoch: 2, Seq: 5}
	tests := []struct {
		name   string
		mutate func(*admission, *store.FenceState)
		state  message.State
		reason string
	}{
		{"passes", func(*admission, *store.FenceState) {}, "", ""},
		{"changed hands", func(_ *admission, s *store.FenceState) { s.Epoch = 3 }, message.Cancelled, message.ReasonFenced},
		{"acked", func(_ *admission, s *store.FenceState) { s.Acked = 5 }, message.Cancelled, message.ReasonAcked},
		{"recalled", func(f *admission, _ *store.FenceState) { f.Recalled = true }, message.Cancelled, message.ReasonRecalled},
		{"received, then recalled", func(f *admission, s *store.FenceState) { f.Recalled, s.Acked = true, 5 }, message.Cancelled, message.ReasonAcked},
		{"over", func(f *admission, _ *store.FenceState) { f.expires = now }, message.Expired, message.ReasonTTL},
		{"no token", func(_ *admission, s *store.FenceState) { s.TokenOK = false }, message.Quarantined, message.ReasonNoToken},
		{"replaces nothing", func(f *admission, _ *store.FenceState) { f.replaces = true }, message.Cancelled, message.ReasonNoPredecessor},
		{"replaces what is open", func(f *admission, s *store.FenceState) {
			f.replaces, s.Replaced, s.TokenOK = true, store.ReplacedPending, false
		}, message.Pending, ""},
		{"waits in vain", func(f *admission, s *store.FenceState) {
			f.replaces, s.Replaced, f.expires = true, store.ReplacedPending, now
		}, message.Expired, message.ReasonTTL},
		{"replaces what was handed", func(f *admission, s *store.FenceState) { f.replaces, s.Replaced = true, store.ReplacedHanded }, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, s := admission{expires: now.Add(1), now: now}, store.FenceState{Epoch: 2, TokenOK: true, Acked: 4}
			tt.mutate(&f, &s)
			f.Devices = map[int64]store.FenceState{7: s}
			if state, reason := f.admit(target); state != tt.state || reason != tt.reason {
				t.Errorf("got %s/%s, want %s/%s", state, reason, tt.state, tt.reason)
			}
		})
	}
	f := admission{expires: now.Add(1), now: now}
	f.Devices = map[int64]store.FenceState{7: {Epoch: target.Epoch, TokenOK: true, Acked: 9}}
	if state, reason := f.admit(message.Target{Device: 7, Epoch: target.Epoch}); state != "" {
		t.Errorf("a push for the device alone: got %s/%s", state, reason)
	}
	f.Devices = nil
	if state, reason := f.admit(target); state != message.Cancelled || reason != message.ReasonFenced {
		t.Errorf("a device that is gone: got %s/%s", state, reason)
	}
}

func TestReplaceWait(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]time.Duration{
		-time.Second: firstReplaceWait, 0: firstReplaceWait, 8 * time.Second: time.Second, time.Hour: maxReplaceWait,
	} {
		if got := replaceWait(age); got != want {
			t.Errorf("after %s: %s, want %s", age, got, want)
		}
	}
}

// A spent quota is asked about once an hour at the most, and a class's not before the vendor says.
func TestWaitWhileClosed(t *testing.T) {
	t.Parallel()
	for class, want := range map[message.Class]time.Duration{
		message.QuotaExhausted: quotaWait, message.CredentialRejected: firstBackoff, message.Throttled: firstBackoff,
	} {
		if got := whileClosed(message.Outcome{Class: class}, 9*time.Hour); got != want {
			t.Errorf("%s: waits %s, want %s", class, got, want)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	one := func(c message.Class) []message.Outcome {
		return []message.Outcome{{Class: c, Code: "21301", Detail: "auth failed"}}
	}
	tests := []struct {
		name  string
		calls [][]message.Outcome
		fused bool
		state report.ChannelState
		code  string
		wait  time.Duration
	}{
		{name: "nothing yet", state: report.NoTraffic},
		{name: "accepted", calls: [][]message.Outcome{one(message.Accepted)}, state: report.Delivering},
		{name: "refused", calls: [][]message.Outcome{one(message.Accepted), one(message.CredentialRejected)}, state: report.CredentialRejected, code: "21301", wait: heldBack},
		{name: "recovered", calls: [][]message.Outcome{one(message.CredentialRejected), one(message.Accepted)}, state: report.Delivering},
		{name: "partly accepted", calls: [][]message.Outcome{{{Class: message.InvalidToken}, {Class: message.Accepted}}}, state: report.Delivering},
		{name: "one failure", calls: [][]message.Outcome{one(message.Transient)}, state: report.NoTraffic},
		{name: "unreachable", calls: [][]message.Outcome{one(message.Transient), one(message.Transient), one(message.Transient)}, state: report.Unreachable, code: "21301", wait: 8 * time.Second},
		{name: "the worst decides", calls: [][]message.Outcome{{{Class: message.Transient}, {Class: message.QuotaExhausted, Code: "200001"}}}, state: report.QuotaExhausted, code: "200001", wait: quotaWait},
		{name: "a long quota has a trial an hour", calls: [][]message.Outcome{{{Class: message.QuotaExhausted, RetryAfter: 9 * time.Hour}}}, state: report.QuotaExhausted, wait: quotaWait},
		{name: "a phone's quota says nothing", calls: [][]message.Outcome{{{Class: message.QuotaExhausted, PhoneOnly: true}, {Class: message.Throttled, PhoneOnly: true}}}, state: report.NoTraffic},
		{name: "a phone's quota hides nothing", calls: [][]message.Outcome{{{Class: message.QuotaExhausted, PhoneOnly: true}, {Class: message.Throttled, Code: "9", RetryAfter: time.Second}}}, state: report.Throttled, code: "9", wait: time.Second},
		{name: "a class's quota closes nothing", calls: [][]message.Outcome{{{Class: message.QuotaExhausted, ClassOnly: true, Code: "10071", RetryAfter: 9 * time.Hour}}}, state: report.QuotaExhausted, code: "10071"},
		{name: "a class's quota is not shown while others get through", calls: [][]message.Outcome{one(message.Accepted), {{Class: message.QuotaExhausted, ClassOnly: true, Code: "10071"}}}, state: report.Delivering},
		{name: "invalid token says nothing", calls: [][]message.Outcome{one(message.InvalidToken)}, state: report.NoTraffic},
		{name: "mass invalidation", calls: [][]message.Outcome{one(message.InvalidToken)}, fused: true, state: report.MassInvalidation, code: "21301", wait: heldBack},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHealth(now)
			for _, outcomes := range tt.calls {
				h.observe(outcomes, tt.fused, now)
			}
			if h.state != tt.state || h.code != tt.code {
				t.Errorf("got %s/%s, want %s/%s", h.state, h.code, tt.state, tt.code)
			}
			if got := max(h.closedUntil.Sub(now), 0); got != tt.wait {
				t.Errorf("closed for %s, want %s", got, tt.wait)
			}
		})
	}
}

func TestCallsThatWereOpenTogetherFailAsOne(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	h := newHealth(now)
	for range defaultConcurrency {
		h.observe([]message.Outcome{{Class: message.Transient}}, false, now)
	}
	if got := h.closedUntil.Sub(now); got != firstBackoff<<unreachableAfter {
		t.Errorf("closed for %s, want %s", got, firstBackoff<<unreachableAfter)
	}
}

// TestBlocked: a row is blocked once a vendor has throttled everything for half a minute, until it takes a push or nothing is
// tried any more.
func TestBlocked(t *testing.T) {
	t.Parallel()
	start := time.UnixMilli(0)
	throttled := []message.Outcome{{Class: message.Throttled, RetryAfter: 5 * time.Second}}
	h := newHealth(start)
	for s := time.Duration(0); s <= 35*time.Second; s += 5 * time.Second {
		h.observe(throttled, false, start.Add(s))
		if got, want := h.blocked(start.Add(s)), s >= 30*time.Second; got != want {
			t.Errorf("after %s of throttling blocked is %t, want %t", s, got, want)
		}
	}
	if h.blocked(start.Add(5 * time.Minute)) {
		t.Error("a row that nothing is tried on is blocked")
	}
	h.observe([]message.Outcome{{Class: message.Accepted}}, false, start.Add(40*time.Second))
	h.observe(throttled, false, start.Add(41*time.Second))
	if h.blocked(start.Add(42 * time.Second)) {
		t.Error("a row that has just delivered is blocked")
	}
}
