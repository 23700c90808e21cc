package modeltest

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// news is a message by which the dispatcher tells the devices of a user what was
// changed; nobody knows its id before it is read.
func (w *world) news(user string) {
	m := &sent{kind: message.KindRule, request: wire.SendMessage{From: user, To: []string{user}}}
	m.targets = w.targets(m)
	for i := range m.targets {
		m.targets[i].seq = int64(len(w.state.inboxes[user])) + 1
	}
	w.sent = append(w.sent, m)
	w.must("the news", w.state.put(user, int64(len(w.state.inboxes[user]))+1, m))
}

// doWish gives user U another rule; P tells whether the app's server sets it, or a phone of the user.
func (w *world) doWish(s step, p *phone) {
	user := userName(s.U)
	v := w.state.wishes[user]
	next := wish{muted: v.muted, onlineUntil: v.onlineUntil}
	rule := wire.PushRule{}
	switch {
	case s.N == 1:
		next.off, rule.OfflinePush = true, new(false)
	case s.N == 2:
		next.messagesOff, rule.MessagePush = true, new(false)
	case s.N == 3 && !w.node.shared:
		next.quietFrom, next.quietTo = 0, 1
		rule.QuietHours = &wire.QuietHours{Start: "00:00", End: "00:01", TimeZone: "UTC"}
	case s.N == 4 && !w.node.shared:
		next.quietFrom, next.quietTo, next.quietCalls = 23*60, 2, true
		rule.QuietHours = &wire.QuietHours{Start: "23:00", End: "00:02", TimeZone: "UTC", AllowCalls: true}
	case s.N == 5:
		next.platforms = true
		rule.OnlinePlatforms, rule.NotToReceiveOfflinePushPlatforms = []string{"Windows"}, []string{"android"}
	case s.N == 6:
		next.callsOff, rule.CallPush = true, new(false)
	}
	var err error
	if p.device != nil && w.state.installations[p.installation].user == user {
		err = p.device.SetPushRule(w.ctx, userToken(user), rule)
	} else {
		err = w.server.SetPushRule(w.ctx, user, rule)
	}
	if w.must("setting a rule", err) {
		w.state.wishes[user] = next
		w.news(user)
	}
}

// doMute mutes the conversation of user U with user P or of the group, or does not any more.
func (w *world) doMute(s step, _ *phone) {
	user, of := userName(s.U), wire.Conversation{Type: "Peer", ID: userName(s.P)}
	if s.P == users {
		of = wire.Conversation{Type: "Group", ID: team}
	}
	change := wire.SetMutes{Muted: s.N%2 == 0, Conversations: []wire.Conversation{of}}
	if !w.must("muting", w.server.SetMutes(w.ctx, user, change)) {
		return
	}
	v := w.state.wishes[user]
	v.muted = slices.DeleteFunc(slices.Clone(v.muted), func(u string) bool { return u == of.ID })
	if change.Muted {
		v.muted = append(v.muted, of.ID)
	}
	w.state.wishes[user] = v
	w.news(user)
}

// doReport reports user U online for a while, or takes it back.
func (w *world) doReport(s step, _ *phone) {
	if w.node.shared {
		return // whose time is not exact enough
	}
	user, ttl := userName(s.U), time.Duration(s.N)*9*time.Second
	report := wire.SetPresence{Online: s.N > 0, TTLSeconds: int32(ttl / time.Second)}
	if w.must("reporting presence", w.server.SetPresence(w.ctx, user, report)) {
		v := w.state.wishes[user]
		v.onlineUntil = time.Now().Add(ttl)
		w.state.wishes[user] = v
	}
}
