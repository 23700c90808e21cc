package modeltest

import (
	"cmp"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
)

// wish is what a user wants of pushes.
type wish struct {
	off, messagesOff, callsOff bool
	// quietFrom and quietTo are minutes of the day in UTC; both 0 means never. Calls may be allowed then.
	quietFrom, quietTo int
	quietCalls         bool
	// platforms means that nothing is pushed to Android while Windows is online.
	platforms bool
	// muted are the conversations that are muted: users, and the group.
	muted []string
	// onlineUntil is until when the app's server reported the user online.
	onlineUntil time.Time
}

// platformOf is what a phone registers as.
func platformOf(phone int) string {
	return []string{"Android", "Android", "HarmonyOS", "Windows"}[phone%phones]
}

// quiet reports whether the time is in the quiet hours.
func (v wish) quiet(t time.Time) bool {
	now := t.UTC().Hour()*60 + t.UTC().Minute()
	if v.quietFrom <= v.quietTo {
		return v.quietFrom <= now && now < v.quietTo
	}
	return now >= v.quietFrom || now < v.quietTo
}

// forUser is the rule that suppresses the push of a message for all devices of a
// receiver, by docs/rules.md; empty when none does.
func (s *state) forUser(m *sent, user string) string {
	v, kind, push := s.wishes[user], m.kind, m.request.Push
	forced := push != nil && push.Mode == string(message.PushForce)
	call, talk := kind == message.KindCall, kind == message.KindChat || kind == message.KindRecall
	rules := []struct {
		reason string
		fits   bool
	}{
		{message.ReasonKind, kind == message.KindRule || kind == message.KindEdit},
		{message.ReasonNoPushConfig, push == nil || m.pushTo != nil && !slices.Contains(m.pushTo, user)},
		{message.ReasonPushNever, push != nil && push.Mode == string(message.PushNever)},
		{message.ReasonOwnDevice, m.request.From == user},
		{message.ReasonLoggedOut, len(s.of(user)) == 0 && s.known[user]},
		{message.ReasonNeverLoggedIn, len(s.of(user)) == 0},
		{message.ReasonOnline, v.onlineUntil.After(time.Now()) && !m.everyone},
		{message.ReasonPushOff, v.off},
		{message.ReasonMessagePushOff, v.messagesOff && talk},
		{message.ReasonCallPushOff, v.callsOff && call},
		{message.ReasonMuted, slices.Contains(v.muted, cmp.Or(m.group, m.request.From)) && talk && !forced && !m.means(user)},
		{message.ReasonQuietHours, v.quiet(time.Now()) && !forced && (!call || !v.quietCalls)},
	}
	for _, r := range rules {
		if r.fits {
			return r.reason
		}
	}
	return ""
}

// forDevice is the rule that suppresses the push to one device of a user; unsure
// means that it may be the platform rule.
func (w *world) forDevice(m *sent, user string, i int) (reason string, unsure bool) {
	v, d := w.state.wishes[user], w.state.installations[i]
	forced := m.request.Push.Mode == string(message.PushForce)
	if v.platforms && !forced && !m.everyone && platformOf(d.phone) == "Android" {
		for _, other := range w.state.of(user) {
			online, sure := w.online(other)
			if platformOf(w.state.installations[other].phone) != "Windows" {
				continue
			}
			unsure = unsure || !sure || w.justRestarted()
			if online && sure && !w.justRestarted() {
				return message.ReasonPlatform, false
			}
		}
	}
	if d.vendor == unserved {
		return message.ReasonNoChannel, unsure
	}
	return "", unsure
}

// targets is what must happen to a message that is accepted now.
func (w *world) targets(m *sent) (all []target) {
	for _, user := range m.request.To {
		devices, reason := w.state.of(user), w.state.forUser(m, user)
		if len(devices) == 0 {
			all = append(all, target{user: user, installation: -1, reason: reason})
		}
		for _, i := range devices {
			t := target{user: user, installation: i, binding: w.state.installations[i].binding, reason: reason}
			if reason == "" {
				t.reason, t.unsure = w.forDevice(m, user, i)
			}
			t.from, t.by = w.due(m, i)
			all = append(all, t)
		}
	}
	return all
}
