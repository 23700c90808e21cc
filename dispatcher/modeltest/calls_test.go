package modeltest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// rings are how long invitations may ring, in seconds; also for less than a connected phone has to acknowledge.
func rings() []int32 { return []int32{1, 5, 30, 60} }

// doCallUp begins a call of user P, or sends the last request for one again.
func (w *world) doCallUp(s step, p *phone) {
	if s.N == 7 && len(w.calls) > 0 {
		last := w.calls[len(w.calls)-1]
		got, err := w.server.BeginCall(w.ctx, last.request)
		if w.must("the same call again", err) {
			w.sameCall(last, got)
		}
		return
	}
	w.composed++
	caller := userName(s.P)
	to := slices.DeleteFunc(toUsers(s.U), func(u string) bool { return u == caller })
	if len(to) == 0 {
		to = []string{userName(s.P + 1)}
	}
	c := &phoneCall{state: message.CallRinging, members: []member{{user: caller, state: message.MemberAccepted}}}
	c.request = wire.BeginCallFrom{From: caller, BeginCall: wire.BeginCall{
		ClientID: fmt.Sprint("client-", w.composed), CallID: fmt.Sprint("call-", w.composed), CallInvitation: w.invitation(s, to),
	}}
	got, err := w.begin(c.request, p)
	if !w.must("calling", err) {
		return
	}
	w.calls = append(w.calls, c)
	events := c.make(stepOf(message.CallInvite, caller, c.request.CallInvitation))
	w.rung(c, events[0], got)
	w.sameCall(c, got)
	w.told(events)
}

// invitation makes the phones of users ring, without a push where N is 6.
func (w *world) invitation(s step, to []string) wire.CallInvitation {
	i := wire.CallInvitation{To: to, TimeoutSeconds: rings()[s.N%len(rings())], Body: fmt.Sprint("body ", w.composed)}
	if s.N != 6 {
		i.Push = &wire.Push{Title: fmt.Sprint("title ", w.composed), Content: "content"}
	}
	return i
}

func stepOf(action message.CallAction, by string, i wire.CallInvitation) callStep {
	return callStep{
		action: action, by: by, to: i.To, ring: time.Duration(i.TimeoutSeconds) * time.Second, body: i.Body, push: i.Push, at: time.Now(),
	}
}

func (w *world) begin(b wire.BeginCallFrom, p *phone) (wire.Call, error) {
	if w.belongs(p, b.From) {
		return p.device.BeginCall(w.ctx, userToken(b.From), b.BeginCall)
	}
	return w.server.BeginCall(w.ctx, b)
}

// belongs reports whether the phone is the user's.
func (w *world) belongs(p *phone, user string) bool {
	return p.device != nil && w.state.installations[p.installation].user == user
}

// doCallStep makes a step of user P.
func (w *world) doCallStep(s step, p *phone) {
	if len(w.calls) == 0 {
		return
	}
	w.composed++
	c := w.calls[max(len(w.calls)-1-s.N%2, 0)]
	user := userName(s.P)
	do := stepOf("", user, wire.CallInvitation{})
	do.action = map[verb]message.CallAction{
		pickUp: message.CallAccept, decline: message.CallReject, cancel: message.CallCancel, leave: message.CallQuit, end: message.CallEnd,
	}[s.Do]
	if s.N/2%2 == 1 {
		do.push = &wire.Push{Title: "over"}
	}
	if s.Do == cancel && s.U != 0 {
		do.to = toUsers(s.U)
	}
	if s.Do == invite {
		do = stepOf(message.CallInvite, user, w.invitation(s, toUsers(s.U)))
	}
	if w.belongs(p, user) {
		do.device = p.device.Credentials.PushID
	}
	w.callStep(c, do, p)
}

// callStep makes the step, in the dispatcher and in the model.
func (w *world) callStep(c *phoneCall, s callStep, p *phone) {
	want := c.refusal(s)
	got, err := w.server.Call(w.ctx, c.id())
	if w.must("asking for a call", err) {
		w.sameCall(c, got)
	}
	if s.device != "" {
		got, err = w.ask(c.id(), s, p)
	} else {
		got, err = w.askServer(c.id(), s)
	}
	if want != "" {
		if client.CodeOf(err) != want {
			w.fault("%s of %s in %s: %v, want %s", s.action, s.by, c.id(), err, want)
		}
		return
	}
	if !w.must(fmt.Sprintf("%s of %s in %s", s.action, s.by, c.id()), err) {
		return
	}
	var events []*sent
	if !c.again(s) {
		events = c.make(s)
	}
	if s.action == message.CallInvite {
		w.rung(c, events[0], got)
	}
	w.sameCall(c, got)
	w.told(events)
}

// ask makes the step from the phone.
func (w *world) ask(callID string, s callStep, p *phone) (wire.Call, error) {
	token := userToken(s.by)
	switch s.action {
	case message.CallInvite:
		return p.device.InviteToCall(w.ctx, token, callID, s.invitation())
	case message.CallAccept:
		return p.device.AcceptCall(w.ctx, token, callID)
	case message.CallReject:
		return p.device.RejectCall(w.ctx, token, callID)
	case message.CallCancel:
		return p.device.CancelCall(w.ctx, token, callID, wire.CallCancellation{To: s.to, Push: s.push})
	case message.CallQuit:
		return p.device.QuitCall(w.ctx, token, callID, wire.CallLeaving{Push: s.push})
	case message.CallEnd, message.CallTimeout:
	}
	return p.device.EndCall(w.ctx, token, callID, wire.CallLeaving{Push: s.push})
}

// askServer makes the step from the app's server.
func (w *world) askServer(callID string, s callStep) (wire.Call, error) {
	by := wire.CallUser{UserID: s.by}
	switch s.action {
	case message.CallInvite:
		return w.server.InviteToCall(w.ctx, callID, wire.InviteToCallFor{CallUser: by, CallInvitation: s.invitation()})
	case message.CallAccept:
		return w.server.AcceptCall(w.ctx, callID, wire.AnswerCallFor{CallUser: by})
	case message.CallReject:
		return w.server.RejectCall(w.ctx, callID, wire.AnswerCallFor{CallUser: by})
	case message.CallCancel:
		return w.server.CancelCall(w.ctx, callID, wire.CancelCallFor{CallUser: by, CallCancellation: wire.CallCancellation{To: s.to, Push: s.push}})
	case message.CallQuit:
		return w.server.QuitCall(w.ctx, callID, wire.LeaveCallFor{CallUser: by, CallLeaving: wire.CallLeaving{Push: s.push}})
	case message.CallEnd, message.CallTimeout:
	}
	return w.server.EndCall(w.ctx, callID, wire.LeaveCallFor{CallUser: by, CallLeaving: wire.CallLeaving{Push: s.push}})
}

func (s callStep) invitation() wire.CallInvitation {
	return wire.CallInvitation{To: s.to, TimeoutSeconds: int32(s.ring / time.Second), Body: s.body, Push: s.push}
}

// rung takes over from the answer when exactly an invitation ends.
func (w *world) rung(c *phoneCall, m *sent, got wire.Call) {
	for _, g := range got.Members {
		if !slices.Contains(m.pushTo, g.UserID) || g.ExpiresAt == nil {
			continue
		}
		if off := g.ExpiresAt.Sub(m.until).Abs(); off > tick {
			w.fault("%s rings until %s, want %s", g.UserID, g.ExpiresAt, m.until)
		}
		m.until, m.event.ExpiresAt = *g.ExpiresAt, g.ExpiresAt
		c.members[slices.IndexFunc(c.members, func(of member) bool { return of.user == g.UserID })].until = *g.ExpiresAt
	}
}

// sameCall compares a call as it is told with the model.
func (w *world) sameCall(c *phoneCall, got wire.Call) {
	want := wire.Call{CallID: c.id(), Caller: c.caller(), State: string(c.state), Reason: string(c.reason), Body: c.request.Body}
	for _, m := range c.members {
		out := wire.CallMember{UserID: m.user, State: string(m.state)}
		if m.state == message.MemberInvited {
			out.ExpiresAt = new(m.until)
		}
		want.Members = append(want.Members, out)
	}
	same := slices.EqualFunc(want.Members, got.Members, func(a, b wire.CallMember) bool {
		return a.UserID == b.UserID && a.State == b.State && (a.ExpiresAt == nil) == (b.ExpiresAt == nil) &&
			(a.ExpiresAt == nil || a.ExpiresAt.Equal(*b.ExpiresAt))
	})
	if !same || got.CallID != want.CallID || got.Caller != want.Caller || got.State != want.State || got.Reason != want.Reason || got.Body != want.Body {
		w.fault("a call is %+v, want %+v", got, want)
	}
}

// checkPhoneCall compares a call with the model when nothing rings any more.
func (w *world) checkPhoneCall(c *phoneCall) {
	got, err := w.server.Call(w.ctx, c.id())
	if w.must("asking for a call", err) {
		w.sameCall(c, got)
	}
}

// ringing are when invitations end by themselves that nobody has answered.
func (w *world) ringing() (ends []time.Time) {
	for _, c := range w.calls {
		for _, user := range c.invited(nil) {
			ends = append(ends, c.member(user).until)
		}
	}
	return ends
}

// awaitDeadlines lets a moment pass in which an invitation may just end, and may not.
func (w *world) awaitDeadlines() {
	for _, end := range w.ringing() {
		if left := time.Until(end); left.Abs() < 2*tick {
			time.Sleep(left + 2*tick) // virtual
			synctest.Wait()
		}
	}
}

// timeOut ends in the model what ended by itself in the dispatcher, where it had to and when it had to.
func (w *world) timeOut() {
	var events []*sent
	for _, c := range w.calls {
		due := slices.DeleteFunc(c.invited(nil), func(u string) bool { return c.member(u).until.After(time.Now()) })
		if len(due) == 0 {
			continue
		}
		got, err := w.server.Call(w.ctx, c.id())
		if !w.must("asking for a call", err) {
			return
		}
		at := map[time.Time][]string{}
		for _, g := range got.Members {
			if slices.Contains(due, g.UserID) {
				w.onTime(c, g)
				at[g.Since] = append(at[g.Since], g.UserID)
			}
		}
		for _, since := range slices.SortedFunc(maps.Keys(at), time.Time.Compare) {
			events = append(events, c.make(callStep{action: message.CallTimeout, to: at[since], at: since})...)
		}
		w.sameCall(c, got)
	}
	w.told(events)
}

// onTime checks when an invitation ended by itself: at its time, or as soon as there was a dispatcher again.
func (w *world) onTime(c *phoneCall, got wire.CallMember) {
	from := c.member(got.UserID).until
	by := from
	if w.restarts > 0 {
		by = later(by, w.restartedAt)
	}
	if got.Since.Before(from) || got.Since.After(by.Add(2*tick)) {
		w.fault("the invitation of %s to %s is %s since %s, it rang until %s", got.UserID, c.id(), got.State, got.Since, from)
	}
}

// told reads the messages by which steps of calls are told, and for what devices they were decided.
func (w *world) told(events []*sent) {
	for m, seqs := range w.placed(events) {
		w.targeted(m, seqs)
	}
}

// placed finds the places of messages in the inboxes: each has one in those of its receivers.
func (w *world) placed(events []*sent) map[*sent]map[string]int64 {
	places := map[*sent]map[string]int64{}
	var users []string
	for _, m := range events {
		w.sent, places[m] = append(w.sent, m), map[string]int64{}
		users = append(users, m.request.To...)
	}
	slices.Sort(users)
	for _, user := range slices.Compact(users) {
		after := int64(slices.Index(append(slices.Clone(w.state.inboxes[user]), nil), nil))
		page, err := w.server.Messages(w.ctx, user, after, 200)
		if !w.must("reading an inbox", err) {
			return nil
		}
		for _, got := range page.Messages {
			w.must("an inbox", w.tells(events, places, user, got))
		}
	}
	for _, m := range events {
		if len(places[m]) != len(m.request.To) {
			w.fault("%s is told to %v, want %v", m.name(), places[m], m.request.To)
		}
	}
	return places
}

// tells finds the message that an entry of an inbox is.
func (w *world) tells(events []*sent, places map[*sent]map[string]int64, user string, got wire.Message) error {
	if inbox := w.state.inboxes[user]; got.Seq <= int64(len(inbox)) && inbox[got.Seq-1] != nil {
		return nil
	}
	for _, m := range events {
		of := got.MessageID == m.id || m.id == "" && got.Call != nil && got.Call.CallID == m.event.CallID
		if _, placed := places[m][user]; placed || !of || !slices.Contains(m.request.To, user) {
			continue
		}
		m.id, w.byID[got.MessageID], places[m][user] = got.MessageID, m, got.Seq
		return w.state.put(user, got.Seq, m)
	}
	if w.byID[got.MessageID] != nil {
		return nil // It has its turn.
	}
	return errors.New("nobody expects this in an inbox: " + got.MessageID)
}

// targeted finds out for what devices an event was decided: those of now, or where a step takes its time those of before it.
func (w *world) targeted(m *sent, seqs map[string]int64) {
	now := w.state
	w.state = w.before
	before := w.targets(m)
	w.state = now
	m.targets = w.decided(m.id, before, w.targets(m))
	for i := range m.targets {
		m.targets[i].seq = seqs[m.targets[i].user]
	}
}

// tellsOf compares an event as a phone of the user read it. An invitation may end while it is read.
func (m *sent) tellsOf(user string, got wire.Message) bool {
	e, over := got.Call, false
	if e == nil || got.Kind != string(m.kind) || got.From != m.request.From {
		return false
	}
	if r := m.rings[user]; m.rings != nil {
		over = r == nil || r.past || e.Over && !r.over.IsZero()
	}
	body, pushed := m.body, m.request.Push != nil
	if over {
		body, pushed = "", false
	}
	members := func(all []string) []string { return slices.Sorted(slices.Values(all)) }
	return e.Over == over && got.Body == body && (got.Push != nil) == pushed && e.CallID == m.event.CallID && e.Action == m.event.Action &&
		e.State == m.event.State && e.Caller == m.event.Caller && e.UserID == m.event.UserID &&
		slices.Equal(members(e.Members), members(m.event.Members)) &&
		(e.ExpiresAt == nil) == (m.event.ExpiresAt == nil) && (e.ExpiresAt == nil || e.ExpiresAt.Equal(*m.event.ExpiresAt))
}

// pushedUntil is when the attempts to push end.
func (m *sent) pushedUntil(t target) time.Time {
	if m.until.IsZero() {
		return t.from.Add(pushTTL)
	}
	return m.until
}

// shown says what is wrong with what a push shows and replaces.
func (m *sent) shown(c *call) error {
	n, push, replaces := c.shows, m.request.Push, m.id
	if m.replaces != nil {
		replaces = m.replaces.id
	}
	switch {
	case push == nil:
		return errors.New("it has none")
	case n.ReplaceID != replaces:
		return errors.New("it takes the place of " + n.ReplaceID)
	case n.Title != push.Title:
		return errors.New("it shows " + n.Title)
	case n.Urgent != (m.event != nil) || m.event != nil && n.CallID != m.event.CallID:
		return fmt.Errorf("urgent %t, of call %q", n.Urgent, n.CallID)
	case !m.until.IsZero() && c.at.Add(n.TTL).After(m.until.Add(2*tick)):
		return fmt.Errorf("the vendor may keep it for %s", n.TTL)
	}
	return nil
}
