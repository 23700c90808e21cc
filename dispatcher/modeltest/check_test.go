package modeltest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// check compares what happened in a step with the model.
func (w *world) check() {
	w.ledger.mu.Lock()
	w.faults = append(w.faults, w.ledger.faults...)
	calls := w.ledger.calls
	w.ledger.mu.Unlock()
	for _, c := range calls[w.checked:] {
		w.checkCall(c)
	}
	w.checked = len(calls)
	for _, user := range w.state.holes() {
		w.fault("the inbox of %s has a hole: %v", user, w.state.inboxes[user])
	}
	for i, p := range w.phones {
		if p.session != nil {
			w.checkSession(i, p)
		}
	}
}

// checkOpen is the rule of the answer to a change: no call for a former user is open.
func (w *world) checkOpen(what string) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	former := func(h holder) bool { return w.state.installations[h.installation].binding != h.binding }
	for _, c := range w.ledger.calls {
		if c.class == "" && len(c.held) > 0 && !slices.ContainsFunc(c.held, func(h holder) bool { return !former(h) }) {
			w.fault("%s is answered, and a push of %s with %s is open", what, c.message, c.token)
		}
	}
}

// checkCall is the rule of a push: it goes to a receiver whose device the token
// was by the changes answered before, it was wanted there, and not before its time.
func (w *world) checkCall(c *call) {
	m := w.byID[c.message]
	if m == nil {
		w.fault("a push of a message that nobody sent: %s", c.message)
		return
	}
	if err := m.shown(c); err != nil {
		w.fault("a push of %q: %v", m.name(), err)
	}
	var may []holder
	var why []error
	for _, h := range c.held {
		if err := w.allows(m, c, h); err != nil {
			why = append(why, err)
		} else {
			may = append(may, h)
		}
	}
	w.ledger.change(func(*ledger) { c.held = may })
	switch len(may) {
	case 0:
		w.fault("a push of %q with %s, which is nobody's for it: %v", m.name(), c.token, errors.Join(why...))
	case 1:
		w.checkAgain(c, may[0])
	}
}

// allows says why a call must not be to the holder of the token.
func (w *world) allows(m *sent, c *call, h holder) error {
	i := slices.IndexFunc(m.targets, func(t target) bool {
		return t.installation == h.installation && (t.user == h.user || m.kind == message.KindPush) && t.binding == h.binding
	})
	if i < 0 {
		return fmt.Errorf("it is no device of a receiver, but of %q in binding %d", h.user, h.binding)
	}
	t := m.targets[i]
	switch {
	case t.reason != "":
		return errors.New("it must be suppressed: " + t.reason)
	case m.recalled:
		return errors.New("its sender took it back")
	case m.rings != nil && m.rings[h.user].overBefore(c.at):
		return errors.New("it does not ring any more")
	case m.replaces != nil && !w.replaceable(m, t.installation).may:
		return errors.New("there is nothing to replace")
	case t.seq > 0 && h.acked >= t.seq:
		return errors.New("the device has acknowledged it")
	case c.at.Before(t.from.Add(-tick)):
		return fmt.Errorf("%s too early", t.from.Sub(c.at))
	case c.at.After(m.pushedUntil(t).Add(tick)):
		return errors.New("too late")
	case c.userHash != userHash(h.user):
		return errors.New("it names another user")
	}
	return nil
}

// checkAgain is the rule of a repetition: none while a call is open or after one was accepted.
func (w *world) checkAgain(c *call, to holder) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for _, other := range w.ledger.calls {
		if other == c {
			return
		}
		if other.message == c.message && other.surely(to) && (other.class == "" || other.class == message.Accepted) {
			w.fault("a second push of %s to installation %d, the first was answered %q", c.message, to.installation, other.class)
		}
	}
}

// surely reports whether the call was to the holder, and to no other that had the token at the time.
func (c *call) surely(to holder) bool {
	return len(c.held) == 1 && c.maybe(to.installation, to.binding)
}

// maybe reports whether the call may have been to the installation.
func (c *call) maybe(installation, binding int) bool {
	return slices.ContainsFunc(c.held, func(h holder) bool { return h.installation == installation && h.binding == binding })
}

// userHash is what docs say that a payload carries.
func userHash(user string) string {
	sum := sha256.Sum256([]byte(appID + "\x00" + user))
	return hex.EncodeToString(sum[:16])
}

// checkSession compares what a session got with the inbox of its user.
func (w *world) checkSession(n int, p *phone) {
	s := p.session
	s.mu.Lock()
	defer s.mu.Unlock()
	inbox := w.state.inboxes[s.user]
	for _, m := range s.got[p.seen:] {
		p.cursor++
		if m.Seq != p.cursor || m.Seq > int64(len(inbox)) || !w.same(s.user, inbox[m.Seq-1], m) {
			w.fault("phone %d got %q as number %d of %s, after %d", n, m.Body, m.Seq, s.user, p.cursor-1)
			return
		}
	}
	p.seen = len(s.got)
	d := w.state.installations[p.installation]
	switch {
	case s.deaf:
	case d.binding != s.binding && !s.ended:
		w.fault("phone %d has a session of %s, and belongs to %q", n, s.user, d.user)
	case d.binding != s.binding || s.silent:
	case s.ended && w.restartedAt.Before(s.openedAt):
		w.fault("the session of phone %d ended: %q", n, s.kicked)
	case !s.ended && p.cursor != int64(len(inbox)):
		w.fault("phone %d has %d messages of %s, there are %d", n, p.cursor, s.user, len(inbox))
	}
}

// same compares what a phone of the user got with what was sent. News are known by their place.
func (w *world) same(user string, m *sent, got wire.Message) bool {
	if m.id == "" {
		m.id, w.byID[got.MessageID] = got.MessageID, m
	}
	body := m.body
	if m.kind == message.KindRule {
		body = got.Body // which is the rule's own business
	}
	if m.event != nil {
		return got.MessageID == m.id && m.tellsOf(user, got)
	}
	if got.GroupID != m.group || !reflect.DeepEqual(got.Mentions, m.mentions) {
		return false
	}
	return got.MessageID == m.id && got.Kind == string(m.kind) && got.From == m.request.From && got.Body == body && got.Recalled == m.gone
}

// checkEnd compares all that can be read when nothing is pending any more.
func (w *world) checkEnd() {
	for u := range users {
		w.checkInbox(userName(u)) // which tells the ids of the news
	}
	for _, c := range w.calls {
		w.checkPhoneCall(c)
	}
	var lines int64
	for _, m := range w.sent {
		lines += w.checkTrace(m)
	}
	a := w.report().Account
	if a.Pending != 0 || a.Unaccounted() != 0 || a.Admitted != lines {
		w.fault("the account is %+v, with %d unaccounted and %d lines in the traces", a, a.Unaccounted(), lines)
	}
}

// checkTrace compares what became of a message with what had to, and counts the lines.
func (w *world) checkTrace(m *sent) int64 {
	trace, err := w.server.Trace(w.ctx, m.id)
	if !w.must("tracing", err) {
		return 0
	}
	lines := slices.Clone(trace.Devices)
	for _, t := range m.targets {
		i, err := w.lineOf(m, t, lines)
		if i < 0 {
			w.fault("%q: nothing is known of %s at installation %d", m.name(), t.user, t.installation)
			continue
		}
		if err != nil {
			w.fault("%q for %s at installation %d is %s %s: %v", m.name(), t.user, t.installation, lines[i].State, lines[i].Reason, err)
		}
		lines = slices.Delete(lines, i, i+1)
	}
	for _, d := range lines {
		w.fault("%q: nobody expects %+v", m.name(), d)
	}
	return int64(len(trace.Devices))
}

// lineOf finds the target's line in a trace, and says what is wrong with it. The
// devices that are gone have no name in it: one of their lines has to be right.
func (w *world) lineOf(m *sent, t target, lines []wire.TraceDevice) (line int, wrong error) {
	line = -1
	for i, d := range lines {
		if d.UserID != t.user || d.PushID != w.pushID(t.installation) {
			continue
		}
		if line, wrong = i, w.story(m, t, d); wrong == nil {
			break
		}
	}
	return line, wrong
}

// story says what is wrong with the end of a target's story.
func (w *world) story(m *sent, t target, got wire.TraceDevice) error {
	if t.reason != "" {
		if got.State != string(message.Suppressed) || got.Reason != t.reason {
			return errors.New("must be suppressed: " + t.reason)
		}
		return nil
	}
	if t.unsure && got.State == string(message.Suppressed) && got.Reason == message.ReasonPlatform {
		return nil
	}
	d := w.state.installations[t.installation]
	calls := w.callsOf(m.id, t)
	answered := func(classes ...message.Class) bool {
		return slices.ContainsFunc(calls, func(c *call) bool { return slices.Contains(classes, c.class) })
	}
	if sure := slices.ContainsFunc(calls, func(c *call) bool { return c.class == message.Accepted && len(c.held) == 1 }); sure && got.State != string(message.Handed) {
		return errors.New("a vendor accepted it")
	}
	var ok bool
	switch message.State(got.State) {
	case message.Handed:
		ok = answered(message.Accepted)
		if late := w.late(calls, t); ok && m.replaces == nil && late > time.Second {
			return fmt.Errorf("%s late", late)
		}
	case message.Cancelled:
		ok = map[string]bool{
			message.ReasonAcked: t.seq > 0 && d.acked[t.user] >= t.seq, message.ReasonFenced: d.binding != t.binding, message.ReasonRecalled: m.gone,
			message.ReasonNoPredecessor: m.replaces != nil && !w.replaceable(m, t.installation).sure,
			message.ReasonCallOver:      m.rings != nil && m.rings[t.user].over != (time.Time{}),
		}[got.Reason]
	case message.Quarantined:
		ok = answered(message.InvalidToken) || got.Reason == message.ReasonNoToken && (d.bare || w.doubted(t.installation))
	case message.Failed:
		ok = answered(message.Rejected, message.Unknown)
	case message.Expired:
		ok = w.ledger.troubled[got.Channel] || !m.until.IsZero() && (w.restarts > 0 || !t.by.Before(m.until.Add(-tick)))
	case message.Suppressed, message.Pending:
	}
	if !ok {
		return fmt.Errorf("nothing explains it; %d calls", len(calls))
	}
	return nil
}

// late is how much after its time the first call was, where nothing was in its way.
func (w *world) late(calls []*call, t target) time.Duration {
	if len(calls) == 0 || w.ledger.troubled[calls[0].row] || w.restarts > 0 {
		return 0
	}
	return calls[0].at.Sub(t.by)
}

func (w *world) callsOf(id string, t target) (all []*call) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for _, c := range w.ledger.calls {
		if c.message == id && c.maybe(t.installation, t.binding) {
			all = append(all, c)
		}
	}
	return all
}

// doubted reports whether a vendor called a token of the installation invalid.
func (w *world) doubted(installation int) bool {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	return slices.ContainsFunc(w.ledger.calls, func(c *call) bool {
		return c.class == message.InvalidToken && slices.ContainsFunc(c.held, func(h holder) bool { return h.installation == installation })
	})
}

// checkInbox reads a user's whole inbox on a phone that is new to the user.
func (w *world) checkInbox(user string) {
	n := len(w.phones)
	w.phones = append(w.phones, &phone{vendor: unserved, installation: -1})
	w.install(n, "token of the witness for "+user)
	w.open(w.phones[n], login{user: user, acks: true})
	w.settle()
	w.check()
}

func (w *world) report() (r report.Report) {
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://admin"+report.Path, http.NoBody)
	if !w.must("asking for the report", err) {
		return r
	}
	req.Header.Set("Authorization", "Bearer "+document().Keys.Report.Reveal())
	resp, err := w.http.Do(req)
	if !w.must("asking for the report", err) {
		return r
	}
	defer func() { _ = resp.Body.Close() }()
	w.must("reading the report", json.NewDecoder(resp.Body).Decode(&r))
	return r
}
