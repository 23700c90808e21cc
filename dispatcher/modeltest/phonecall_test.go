package modeltest

import (
	"cmp"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// phoneCall is a call by docs/calls.md.
type phoneCall struct {
	request wire.BeginCallFrom // what began it
	state   message.CallState
	reason  message.CallReason
	// members begin with the caller.
	members []member
	// invitations are what made phones ring, oldest first.
	invitations []*sent
}

// member is a user in a call.
type member struct {
	user  string
	state message.MemberState
	// invitation is the last one, nil for the caller; until is when it ends by itself.
	invitation *sent
	until      time.Time
	by         string // who accepted
}

func (m member) active() bool { return m.state.Active() }

// ringing is an invitation of one user.
type ringing struct {
	// over is when it ended, zero while it rings; past means that this was in an earlier step.
	over time.Time
	past bool
}

// overBefore reports whether it did not ring any more at the time.
func (r *ringing) overBefore(at time.Time) bool {
	return r.past || !r.over.IsZero() && at.After(r.over.Add(tick))
}

// callStep is what shall happen to a call.
type callStep struct {
	action message.CallAction
	by     string   // empty for a timeout
	device string   // tells who accepts
	to     []string // none where all are meant
	ring   time.Duration
	body   string
	push   *wire.Push
	at     time.Time
}

func (c *phoneCall) id() string     { return c.request.CallID }
func (c *phoneCall) caller() string { return c.members[0].user }

// member is that of the user; nobody yet where there is none.
func (c *phoneCall) member(user string) member {
	for _, m := range c.members {
		if m.user == user {
			return m
		}
	}
	return member{user: user}
}

// where are the members of whom it is true, in their order.
func (c *phoneCall) where(is func(member) bool) (users []string) {
	for _, m := range c.members {
		if is(m) {
			users = append(users, m.user)
		}
	}
	return users
}

// invited are those who ring among the users, or all.
func (c *phoneCall) invited(among []string) []string {
	return c.where(func(m member) bool {
		return m.state == message.MemberInvited && (len(among) == 0 || slices.Contains(among, m.user))
	})
}

// refusal is why the call does not let the step happen; empty when it does.
func (c *phoneCall) refusal(s callStep) wire.Code {
	me := c.member(s.by)
	in, answers := me.state == message.MemberAccepted, s.action == message.CallAccept || s.action == message.CallReject
	never := func(user string) bool { return c.member(user).invitation == nil }
	rules := []struct {
		of   message.CallAction // any where it is empty
		fits bool
		code wire.Code
	}{
		{"", c.state == message.CallEnded, wire.CodeCallOver},
		{message.CallInvite, !in, wire.CodeNotInCall},
		{message.CallInvite, slices.ContainsFunc(s.to, func(u string) bool { return c.member(u).active() }), wire.CodeInvitedAlready},
		{"", answers && me.invitation == nil, wire.CodeNotInvited},
		{message.CallAccept, in && me.by != s.device, wire.CodeCallAnswered},
		{message.CallReject, in, wire.CodeCallAnswered},
		{message.CallAccept, !me.active(), wire.CodeCallOver},
		{message.CallReject, !me.active() && me.state != message.MemberRejected, wire.CodeCallOver},
		{message.CallCancel, s.by != c.caller(), wire.CodeNotCaller},
		{message.CallCancel, !in, wire.CodeNotInCall},
		{message.CallCancel, slices.ContainsFunc(s.to, never), wire.CodeNotInvited},
		{message.CallCancel, len(c.invited(s.to)) == 0, wire.CodeCallAnswered},
		{message.CallQuit, me.state != message.MemberQuit && (!in || c.state == message.CallRinging), wire.CodeNotInCall},
		{message.CallEnd, !in, wire.CodeNotInCall},
	}
	for _, r := range rules {
		if r.fits && (r.of == "" || r.of == s.action) {
			return r.code
		}
	}
	return ""
}

// again reports whether the step was made before.
func (c *phoneCall) again(s callStep) bool {
	after := map[message.CallAction]message.MemberState{
		message.CallAccept: message.MemberAccepted, message.CallReject: message.MemberRejected, message.CallQuit: message.MemberQuit,
	}
	return after[s.action] != "" && c.member(s.by).state == after[s.action]
}

// make makes a step that the call lets happen, and gives what is told of it.
func (c *phoneCall) make(s callStep) []*sent {
	before := c.where(member.active)
	changed, withdrawn := c.apply(s)
	concerned := c.where(func(m member) bool { return m.active() || slices.Contains(before, m.user) })
	tell := func(to []string) *sent {
		return &sent{
			kind: message.KindCall, request: wire.SendMessage{From: cmp.Or(s.by, c.caller()), To: to}, at: s.at,
			event: &wire.CallEvent{
				CallID: c.id(), Action: string(s.action), State: string(c.state), Caller: c.caller(), UserID: s.by, Members: changed,
			},
		}
	}
	if s.action == message.CallInvite {
		return []*sent{c.rings(tell(concerned), s)}
	}
	var events []*sent
	rest := concerned
	for _, invitation := range c.invitations {
		of := slices.DeleteFunc(slices.Clone(withdrawn), func(u string) bool { return c.member(u).invitation != invitation })
		push := replacing(s.push, invitation.request.Push)
		if len(of) == 0 || push == nil {
			continue
		}
		m := tell(of)
		m.request.Push, m.pushTo, m.replaces = push, of, invitation
		m.until = later(c.member(of[0]).until, s.at.Add(time.Minute))
		events = append(events, m)
		rest = slices.DeleteFunc(slices.Clone(rest), func(u string) bool { return slices.Contains(of, u) })
	}
	if len(events) == 0 {
		return []*sent{tell(concerned)}
	}
	events[0].request.To = append(slices.Clone(rest), events[0].request.To...)
	return events
}

// rings makes phones ring by the event.
func (c *phoneCall) rings(m *sent, s callStep) *sent {
	m.body, m.request.Push, m.pushTo, m.until, m.rings = s.body, s.push, s.to, s.at.Add(s.ring), map[string]*ringing{}
	for i := range c.members {
		if to := &c.members[i]; slices.Contains(s.to, to.user) {
			m.rings[to.user] = &ringing{}
			to.invitation, to.until, to.by = m, m.until, ""
		}
	}
	c.invitations = append(c.invitations, m)
	return m
}

// apply moves the members and gives whose place changed, and whose invitations are taken off the screens.
func (c *phoneCall) apply(s callStep) (changed, withdrawn []string) {
	others := slices.DeleteFunc(c.where(member.active), func(u string) bool { return u == s.by })
	to := func(state message.MemberState, users ...string) {
		changed = append(changed, c.move(state, s.at, users)...)
	}
	finish := func(why message.CallReason) {
		ringing := c.invited(nil)
		to(message.MemberEnded, c.where(func(m member) bool { return m.state == message.MemberAccepted })...)
		to(message.MemberCancelled, ringing...)
		c.state, c.reason = message.CallEnded, why
	}
	settle := func(why message.CallReason) {
		if all := len(c.where(member.active)); all < 2 || all == len(c.invited(nil)) {
			finish(why)
		}
	}
	switch s.action {
	case message.CallInvite:
		to(message.MemberInvited, s.to...)
	case message.CallAccept:
		to(message.MemberAccepted, s.by)
		c.members[slices.IndexFunc(c.members, func(m member) bool { return m.user == s.by })].by = s.device
		c.state = message.CallOngoing
	case message.CallReject:
		to(message.MemberRejected, s.by)
		settle(message.CallRejected)
	case message.CallCancel:
		withdrawn = c.invited(s.to)
		to(message.MemberCancelled, withdrawn...)
		settle(message.CallCancelled)
	case message.CallQuit:
		to(message.MemberQuit, s.by)
		if settle(message.CallLeft); c.state == message.CallEnded {
			withdrawn = others
		}
	case message.CallEnd:
		withdrawn = others
		finish(message.CallHungUp)
	case message.CallTimeout:
		to(message.MemberTimedOut, s.to...)
		settle(message.CallTimedOut)
	}
	return changed, withdrawn
}

// move gives users another place in the call, who are in it then.
func (c *phoneCall) move(to message.MemberState, at time.Time, users []string) []string {
	for _, user := range users {
		i := slices.IndexFunc(c.members, func(m member) bool { return m.user == user })
		if i < 0 {
			i, c.members = len(c.members), append(c.members, member{user: user})
		}
		if m := &c.members[i]; m.state == message.MemberInvited {
			m.invitation.rings[user].over = at
		}
		c.members[i].state = to
	}
	return users
}

// replacing is what takes the place of an invitation.
func replacing(given, shown *wire.Push) *wire.Push {
	if given == nil {
		return shown
	}
	if shown == nil {
		return given
	}
	return &wire.Push{
		Title: cmp.Or(given.Title, shown.Title), Content: cmp.Or(given.Content, shown.Content), Mode: cmp.Or(given.Mode, shown.Mode),
	}
}
