package router

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // for machines without the time zone database

	"github.com/offlinepush/operator/dispatcher/message"
)

// change makes something of the message from alice to bob's one phone.
type change func(*Input)

func kind(k message.Kind) change          { return func(in *Input) { in.Message.Kind = k } }
func mode(m message.PushMode) change      { return func(in *Input) { in.Message.Push.Mode = m } }
func session(n int64) change              { return func(in *Input) { in.Recipients[0].Devices[0].Session = n } }
func muted(in *Input)                     { in.Recipients[0].Muted = true }
func mentions(m *message.Mentions) change { return func(in *Input) { in.Message.Detail.Mentions = m } }

func online(until time.Duration) change {
	return func(in *Input) { in.Recipients[0].OnlineUntil = in.Now.Add(until) }
}

func rule(f func(*message.Rule)) change {
	return func(in *Input) {
		if in.Recipients[0].Rule == nil {
			in.Recipients[0].Rule = new(message.DefaultRule())
		}
		f(in.Recipients[0].Rule)
	}
}

func quiet(allowCalls bool) change {
	return rule(func(r *message.Rule) {
		r.QuietHours = &message.QuietHours{Start: "11:00", End: "13:00", TimeZone: "Europe/London", AllowCalls: allowCalls}
	})
}

// desktop adds a device of a platform, connected or not, and lets the user keep the phone quiet while such a one is online.
func desktop(platform string, session int64) change {
	return func(in *Input) {
		in.Recipients[0].Devices = append(in.Recipients[0].Devices, message.Device{Key: 2, Platform: platform, Session: session})
		rule(func(r *message.Rule) {
			r.OnlinePlatforms, r.NotToReceiveOfflinePushPlatforms = []string{"Windows", "macOS"}, []string{"android", "iPhoneOS"}
		})(in)
	}
}

func offline(in *Input) { rule(func(r *message.Rule) { r.OfflinePush = false })(in) }
func noMessages(in *Input) {
	rule(func(r *message.Rule) { r.MessagePush = false })(in)
}
func noCalls(in *Input) { rule(func(r *message.Rule) { r.CallPush = false })(in) }

// TestRules has every rule with what it does not touch and what overrides it.
func TestRules(t *testing.T) {
	t.Parallel()
	bob := &message.Mentions{UserIDs: []string{"carl", "bob"}}
	tests := []struct {
		name    string
		changes []change
		want    string
	}{
		{"a message", nil, message.RuleOffline},
		{"a chat message", []change{kind(message.KindChat)}, message.RuleOffline},
		{"a recall", []change{kind(message.KindRecall)}, message.RuleOffline},
		{"a call", []change{kind(message.KindCall)}, message.RuleOffline},
		{"an application", []change{kind(message.KindApplication)}, message.RuleOffline},
		{"a push alone", []change{kind(message.KindPush)}, message.RuleDirect},
		{"a broadcast", []change{kind(message.KindBroadcast)}, message.RuleOffline},
		{"a command", []change{kind(message.KindCommand)}, message.ReasonKind},
		{"a room's message", []change{kind(message.KindRoom)}, message.ReasonKind},
		{"an edit", []change{kind(message.KindEdit), mode(message.PushForce)}, message.ReasonKind},
		{"a rule's change", []change{kind(message.KindRule)}, message.ReasonKind},
		{"no push content", []change{func(in *Input) { in.Message.Push = nil }}, message.ReasonNoPushConfig},
		{"a command without content", []change{kind(message.KindCommand), func(in *Input) { in.Message.Push = nil }}, message.ReasonKind},
		{"never", []change{mode(message.PushNever)}, message.ReasonPushNever},
		{"the sender's own device", []change{func(in *Input) { in.Message.Sender = "bob" }, mode(message.PushForce)}, message.ReasonOwnDevice},

		{"online elsewhere", []change{online(time.Millisecond)}, message.ReasonOnline},
		{"online elsewhere, forced", []change{online(time.Hour), mode(message.PushForce)}, message.ReasonOnline},
		{"online elsewhere until now", []change{online(0)}, message.RuleOffline},

		{"all off", []change{offline}, message.ReasonPushOff},
		{"all off, forced", []change{offline, mode(message.PushForce)}, message.ReasonPushOff},
		{"all off, a call", []change{offline, kind(message.KindCall)}, message.ReasonPushOff},
		{"all off, a push alone", []change{offline, kind(message.KindPush)}, message.ReasonPushOff},
		{"messages off", []change{noMessages}, message.ReasonMessagePushOff},
		{"messages off, forced", []change{noMessages, mode(message.PushForce)}, message.ReasonMessagePushOff},
		{"messages off, a recall", []change{noMessages, kind(message.KindRecall)}, message.ReasonMessagePushOff},
		{"messages off, a call", []change{noMessages, kind(message.KindCall)}, message.RuleOffline},
		{"messages off, an application", []change{noMessages, kind(message.KindApplication)}, message.RuleOffline},
		{"calls off", []change{noCalls}, message.RuleOffline},
		{"calls off, a call", []change{noCalls, kind(message.KindCall)}, message.ReasonCallPushOff},
		{"calls off, a forced call", []change{noCalls, kind(message.KindCall), mode(message.PushForce)}, message.ReasonCallPushOff},

		{"the desktop is online", []change{desktop("WINDOWS", 5)}, message.ReasonPlatform},
		{"the desktop is online, the phone too", []change{desktop("macos", 5), session(6)}, message.ReasonPlatform},
		{"the desktop is online, a call", []change{desktop("Windows", 5), kind(message.KindCall)}, message.ReasonPlatform},
		{"the desktop is online, forced", []change{desktop("Windows", 5), mode(message.PushForce)}, message.RuleForced},
		{"the desktop is not online", []change{desktop("Windows", 0)}, message.RuleOffline},
		{"another platform is online", []change{desktop("Web", 5)}, message.RuleOffline},
		{"the desktop is online, for no platform of the phone", []change{
			desktop("Windows", 5), rule(func(r *message.Rule) { r.NotToReceiveOfflinePushPlatforms = []string{"iPadOS"} }),
		}, message.RuleOffline},

		{"muted", []change{muted}, message.ReasonMuted},
		{"muted, the phone is online", []change{muted, session(6)}, message.ReasonMuted},
		{"muted, forced", []change{muted, mode(message.PushForce)}, message.RuleForced},
		{"muted, mentioned", []change{muted, mentions(bob)}, message.RuleMentioned},
		{"muted, all mentioned", []change{muted, mentions(&message.Mentions{All: true})}, message.RuleMentioned},
		{"muted, others mentioned", []change{muted, mentions(&message.Mentions{UserIDs: []string{"carl"}})}, message.ReasonMuted},
		{"muted, mentioned quietly", []change{muted, mentions(&message.Mentions{UserIDs: []string{"bob"}, Quiet: true})}, message.ReasonMuted},
		{"muted, a call", []change{muted, kind(message.KindCall)}, message.RuleOffline},
		{"muted, an application", []change{muted, kind(message.KindApplication)}, message.RuleOffline},
		{"mentioned", []change{mentions(bob)}, message.RuleOffline},
		{"mentioned, messages off", []change{noMessages, mentions(bob)}, message.ReasonMessagePushOff},

		{"quiet hours", []change{quiet(false)}, message.ReasonQuietHours},
		{"quiet hours, forced", []change{quiet(false), mode(message.PushForce)}, message.RuleForced},
		{"quiet hours, mentioned in a muted group", []change{quiet(false), muted, mentions(bob)}, message.ReasonQuietHours},
		{"quiet hours, a call", []change{quiet(false), kind(message.KindCall)}, message.ReasonQuietHours},
		{"quiet hours with calls, a call", []change{quiet(true), kind(message.KindCall)}, message.RuleCallAllowed},
		{"quiet hours with calls, a message", []change{quiet(true)}, message.ReasonQuietHours},
		{"after quiet hours", []change{quiet(false), func(in *Input) { in.Now = in.Now.Add(time.Hour) }}, message.RuleOffline},

		{"forced, with nothing to override", []change{mode(message.PushForce)}, message.RuleOffline},
		{"muted, in quiet hours", []change{muted, quiet(false)}, message.ReasonMuted},
		{"muted, for a vendor without a channel", []change{muted, func(in *Input) { in.Channels = nil }}, message.ReasonMuted},
		{"forced, for a vendor without a channel", []change{
			muted, mode(message.PushForce), func(in *Input) { in.Channels = nil },
		}, message.ReasonNoChannel},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input()
			for _, c := range tt.changes {
				c(&in)
			}
			got := Decide(in)[0]
			if got.Rule != tt.want {
				t.Errorf("decided by %s, want %s", got.Rule, tt.want)
			}
			if pushed := got.Channel != ""; pushed != slices.Contains(pushing(), got.Rule) {
				t.Errorf("pushed %v by rule %s", pushed, got.Rule)
			}
		})
	}
}

// pushing are the rules that push.
func pushing() []string {
	return []string{message.RuleOffline, message.RuleDirect, message.RuleNotAcknowledged, message.RuleMentioned, message.RuleCallAllowed, message.RuleForced}
}

// suppressing are the rules that do not.
func suppressing() []string {
	return []string{
		message.ReasonKind, message.ReasonNoPushConfig, message.ReasonPushNever, message.ReasonOwnDevice, message.ReasonNeverLoggedIn,
		message.ReasonLoggedOut, message.ReasonOnline, message.ReasonPushOff, message.ReasonMessagePushOff, message.ReasonCallPushOff,
		message.ReasonPlatform, message.ReasonMuted, message.ReasonQuietHours, message.ReasonSessionOnly, message.ReasonNoChannel,
		message.ReasonAmbiguous,
	}
}

// FuzzDecide makes a situation of the bits of a number, and checks what holds in each.
func FuzzDecide(f *testing.F) {
	for _, seed := range []uint64{0, 1<<40 - 1, 0x5555555555, 0x1b3a5f7c91} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bits uint64) {
		in := situation(&dice{bits})
		got := Decide(in)
		var want []Decision // of whom there must be exactly one, in order
		for _, r := range in.Recipients {
			if len(r.Devices) == 0 {
				want = append(want, Decision{UserID: r.UserID})
			}
			for _, d := range r.Devices {
				want = append(want, Decision{UserID: r.UserID, Device: d.Key, Epoch: d.Epoch})
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d decisions for %d", len(got), len(want))
		}
		for i, d := range got {
			if d.UserID != want[i].UserID || d.Device != want[i].Device || d.Epoch != want[i].Epoch {
				t.Errorf("decision %d is %+v, want one for %+v", i, d, want[i])
			}
			checkDecision(t, in, d)
		}
	})
}

func checkDecision(t *testing.T, in Input, d Decision) {
	t.Helper()
	if d.Channel == "" {
		if !slices.Contains(suppressing(), d.Rule) || !d.DueAt.IsZero() || d.Holder != 0 {
			t.Errorf("suppressed by no rule, or due all the same: %+v", d)
		}
		return
	}
	wait := in.AckTimeout
	if in.Message.Kind == message.KindCall {
		wait = in.CallAckTimeout
	}
	if d.Holder == 0 {
		wait = 0
	}
	m := in.Message
	switch {
	case !slices.Contains(pushing(), d.Rule), !d.DueAt.Equal(in.Now.Add(wait)):
		t.Errorf("pushed by no rule, or not in time: %+v", d)
	case !m.Kind.Pushes(), m.Push == nil, m.Push.Mode == message.PushNever, m.Sender == d.UserID, d.Device == 0:
		t.Errorf("nothing pushes this: %+v", d)
	}
	for _, r := range in.Recipients {
		switch {
		case r.UserID != d.UserID:
		case r.Rule != nil && !r.Rule.OfflinePush, r.OnlineUntil.After(in.Now):
			t.Errorf("the user is not pushed: %+v", d)
		case m.Push.Mode != message.PushForce && r.Muted && ofConversation(m.Kind) && !m.Detail.Mentions.Meant(d.UserID):
			t.Errorf("the conversation is muted: %+v", d)
		}
	}
}

// dice takes choices from the bits of a number.
type dice struct{ bits uint64 }

func (d *dice) roll(sides uint64) uint64 {
	out := d.bits % sides
	d.bits /= sides
	return out
}

func (d *dice) yes() bool { return d.roll(2) == 1 }

func situation(d *dice) Input {
	in := input()
	in.Message.Kind = []message.Kind{"", message.KindCall, message.KindPush, message.KindCommand}[d.roll(4)]
	in.Message.Push.Mode = []message.PushMode{"", message.PushForce, message.PushNever}[d.roll(3)]
	if d.roll(8) == 0 {
		in.Message.Push = nil
	}
	if d.yes() {
		in.Message.Detail.Mentions = &message.Mentions{UserIDs: []string{"bob"}, Quiet: d.yes()}
	}
	in.Recipients = nil
	for i, userID := range []string{"alice", "bob", "carl"}[:1+d.roll(3)] {
		r := Recipient{UserID: userID, LoggedIn: d.yes(), Muted: d.yes()}
		for n := range d.roll(3) {
			s := []message.Selector{fcm(), xiaomi("China"), xiaomi("India"), {}}[d.roll(4)]
			r.Devices = append(r.Devices, device(int64(i*10)+int64(n)+1, s, int64(d.roll(2))))
		}
		if d.yes() {
			r.Rule = &message.Rule{OfflinePush: d.yes(), MessagePush: d.yes(), CallPush: d.yes()}
		}
		if d.roll(4) == 0 {
			r.OnlineUntil = in.Now.Add(time.Minute)
		}
		in.Recipients = append(in.Recipients, r)
	}
	return in
}
