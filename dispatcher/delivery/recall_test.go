package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/store"
)

// replacing makes every message one that replaces another, whose push is in the state at each device.
func replacing(m *memory, states map[int64]store.Replaced) {
	m.detail = message.Detail{Replaces: "root"}
	for device, state := range states {
		s := m.devices[device]
		s.Replaced = state
		m.devices[device] = s
	}
}

func TestAReplacingPushGoesWhereItsPredecessorWent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		replacing(m, map[int64]store.Replaced{1: store.ReplacedHanded})
		v := &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b"}}, v.sent()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if got := m.result(1); got.State != message.Handed {
			t.Errorf("where it was handed: %+v", got)
		}
		if got := m.result(2); got.State != message.Cancelled || got.Reason != message.ReasonNoPredecessor {
			t.Errorf("where nothing was: %+v", got)
		}
		if m.asked.MessageID != "m" || m.asked.Replaces != "root" {
			t.Errorf("asked the fence of %+v", m.asked)
		}
	})
}

func TestAReplacingPushWaitsForItsPredecessor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then   store.Replaced
		state  message.State
		reason string
		calls  int
	}{
		"handed at last": {store.ReplacedHanded, message.Handed, "Accepted", 1},
		"never handed":   {store.ReplacedNone, message.Cancelled, message.ReasonNoPredecessor, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			replacing(m, map[int64]store.Replaced{1: store.ReplacedPending})
			v := &vendor{}
			b := newBench(t, m, v)
			defer b.drain()
			b.submit([]message.Delivery{m.add(1, 1)})
			elapse(5 * firstReplaceWait)
			synctest.Wait()
			m.set(func(m *memory) {
				if row, ok := m.rows[1]; !ok || row.Attempt != 0 || len(v.sent()) != 0 {
					t.Errorf("%s: waiting: %+v, there %v, after %d calls", name, row, ok, len(v.sent()))
				}
				replacing(m, map[int64]store.Replaced{1: tt.then})
			})
			elapse(firstReplaceWait)
			synctest.Wait()
			if got := m.result(1); got.State != tt.state || got.Reason != tt.reason || len(v.sent()) != tt.calls {
				t.Errorf("%s: %+v after %d calls", name, got, len(v.sent()))
			}
		})
	}
}

func TestAReplacingPushDoesNotWaitBeyondItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		replacing(m, map[int64]store.Replaced{1: store.ReplacedPending})
		b := newBench(t, m, &vendor{})
		defer b.drain()
		d := m.add(1, 1)
		d.ExpiresAt = d.DueAt.Add(700 * time.Millisecond)
		m.set(func(m *memory) { m.rows[1] = d })
		b.submit([]message.Delivery{d})
		elapse(time.Second)
		synctest.Wait()
		if got := m.result(1); got.State != message.Expired || got.Reason != message.ReasonTTL {
			t.Errorf("%+v", got)
		}
	})
}

func TestARecallDuringACallEndsItsRepetition(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answers []message.Outcome
		want    store.TargetResult
	}{
		"accepted": {outcomes(message.Accepted), store.TargetResult{State: message.Handed, Reason: "Accepted"}},
		"no answer": {outcomes(message.Transient, message.Accepted), store.TargetResult{
			State: message.Cancelled, Reason: message.ReasonRecalled, InDoubt: true,
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			v := &vendor{gate: make(chan struct{}), answers: map[string][]message.Outcome{"b": tt.answers}}
			b := newBench(t, m, v)
			defer b.drain()
			b.submit([]message.Delivery{m.add(1, 1)})
			synctest.Wait()
			m.set(func(m *memory) { m.recalled = true })
			close(v.gate)
			elapse(time.Minute)
			synctest.Wait()
			got := m.result(1)
			if got.State != tt.want.State || got.Reason != tt.want.Reason || got.InDoubt != tt.want.InDoubt || len(v.sent()) != 1 {
				t.Errorf("%s: %+v after %d calls, want %+v after one", name, got, len(v.sent()), tt.want)
			}
		})
	}
}

func TestARecalledMessageIsNotPushed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.recalled = true
		v := &vendor{}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		if got := m.result(1); got.State != message.Cancelled || got.Reason != message.ReasonRecalled || got.InDoubt || len(v.sent()) != 0 {
			t.Errorf("%+v after %d calls", got, len(v.sent()))
		}
	})
}

func TestWhatEndsACallStartsNone(t *testing.T) {
	t.Parallel()
	event := func(action message.CallAction) message.Detail {
		return message.Detail{Call: &message.CallEvent{CallID: "c", Action: action, ExpiresAt: 7}}
	}
	for name, tt := range map[string]struct {
		detail message.Detail
		kind   message.TokenKind
		push   string
	}{
		"invite": {event(message.CallInvite), message.TokenVoIP, "VoIP"},
		"cancel": {event("Cancel"), message.TokenAlert, "Alert"},
		"recall": {message.Detail{Of: "root", Replaces: "root"}, message.TokenAlert, "Alert"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(1)
			replacing(m, map[int64]store.Replaced{1: store.ReplacedHanded})
			m.profile, m.detail = "call", tt.detail
			ringing(m, "u")
			v := &vendor{}
			b := newBench(t, m, v)
			defer b.drain()
			b.iphones()
			b.submit([]message.Delivery{m.add(1, 1)})
			synctest.Wait()
			if len(v.shown) != 1 || m.kind != tt.kind || v.shown[0].Setting.APNs.PushType != tt.push {
				t.Errorf("%s: %s token, shown %+v", name, m.kind, v.shown)
			}
		})
	}
}

func TestANotificationSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	call := func(action message.CallAction) *message.CallEvent {
		return &message.CallEvent{CallID: "room-1", Action: action, Caller: "anna", ExpiresAt: 90_000}
	}
	voip := &message.VoIP{HandleType: "Generic", HandleValue: "Anna"}
	settings := []config.Setting{
		{Vendor: "APNs", AppType: 1, APNs: &config.APNsSetting{PushType: "VoIP", Category: "c"}},
		{Vendor: "HarmonyOS", AppType: 1, HarmonyOS: &config.HarmonyOSSetting{PushType: "VoIP", Category: "c"}},
	}
	doc := &config.Document{Profiles: []config.Profile{{ResourcesID: "call", Settings: settings}}}
	type shown struct {
		ReplaceID, Operation, Of, CallID string
		ExpiresAt                        int64
		Urgent, VoIP, Rings              bool
	}
	for name, tt := range map[string]struct {
		message message.Message
		want    shown
	}{
		"a chat message": {message.Message{ID: "m"}, shown{ReplaceID: "m", Urgent: true, VoIP: true, Rings: true}},
		"a recall": {
			message.Message{ID: "r", Kind: message.KindRecall, Detail: message.Detail{Of: "m", Replaces: "m"}},
			shown{ReplaceID: "m", Operation: "recall", Of: "m", Urgent: true},
		},
		"another replacement": {
			message.Message{ID: "r", Detail: message.Detail{Replaces: "m"}},
			shown{ReplaceID: "m", Operation: "replace", Of: "m", Urgent: true},
		},
		"an invitation": {
			message.Message{ID: "i", Kind: message.KindCall, Detail: message.Detail{Call: call(message.CallInvite)}},
			shown{ReplaceID: "i", CallID: "room-1", ExpiresAt: 90_000, Urgent: true, VoIP: true, Rings: true},
		},
		"a cancelled call": {
			message.Message{ID: "c", Kind: message.KindCall, Detail: message.Detail{Call: call("Cancel"), Replaces: "i"}},
			shown{ReplaceID: "i", Operation: "cancel_invitation", Of: "i", CallID: "room-1", ExpiresAt: 90_000, Urgent: true},
		},
	} {
		tt.message.Push, tt.message.PushExpiresAt = &message.PushConfig{Title: "t", ResourcesID: "call", VoIP: voip}, now.Add(time.Minute)
		for _, s := range settings {
			n := notification(tt.message, doc, config.Channel{Vendor: s.Vendor, AppType: 1}, now)
			rings := n.Setting.APNs != nil && n.Setting.APNs.PushType == "VoIP" || n.Setting.HarmonyOS != nil && n.Setting.HarmonyOS.PushType == "VoIP"
			got := shown{n.ReplaceID, n.Operation, n.Of, n.CallID, n.ExpiresAt, n.Urgent, n.VoIP != nil, rings}
			if diff := cmp.Diff(tt.want, got); diff != "" || n.DedupID != tt.message.ID || n.MessageID != tt.message.ID {
				t.Errorf("%s by %s (-want +got), deduplicated as %s:\n%s", name, s.Vendor, n.DedupID, diff)
			}
		}
	}
	if got := settings[0].APNs.PushType + settings[1].HarmonyOS.PushType; got != "VoIPVoIP" {
		t.Errorf("the profile itself changed to %s", got)
	}
}

func TestARecalledMessageShowsNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	m := message.Message{ID: "m", Recalled: true, PushExpiresAt: now.Add(time.Minute)}
	want := provider.Notification{MessageID: "m", DedupID: "m", ReplaceID: "m", TTL: time.Minute}
	if diff := cmp.Diff(want, notification(m, &config.Document{}, config.Channel{Vendor: "APNs", AppType: 1}, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
