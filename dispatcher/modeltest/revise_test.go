package modeltest

import (
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// latest is the nth chat message of a peer from the end; nil when there is none.
func (w *world) latest(n int) *sent {
	for _, m := range slices.Backward(w.sent) {
		if m.kind != message.KindChat || m.group != "" {
			continue
		}
		if n == 0 {
			return m
		}
		n--
	}
	return nil
}

// revision is the event that tells of a change to a message.
func (w *world) revision(of *sent, kind message.Kind, body string, push *wire.Push) *sent {
	w.composed++
	m := &sent{kind: kind, body: body, request: wire.SendMessage{
		ClientID: fmt.Sprint("client-", w.composed), From: of.request.From, To: of.request.To, Push: push,
	}}
	m.targets = w.targets(m)
	return m
}

// doRecall takes a message back, with a push in the place of its own where U is odd.
func (w *world) doRecall(s step, _ *phone) {
	of := w.latest(s.N % 3)
	if of == nil {
		return
	}
	var push *wire.Push
	if s.U%2 == 1 {
		push = &wire.Push{Title: "recalled"}
	}
	m := w.revision(of, message.KindRecall, "", push)
	got, err := w.server.Recall(w.ctx, of.id, wire.RecallMessage{ClientID: m.request.ClientID, From: m.request.From, Push: push})
	if w.refused(of, err) || !w.must("recalling", err) {
		return
	}
	if push != nil {
		m.replaces = of
	}
	of.body, of.gone = "", true
	w.noted(m, got)
}

// doEdit gives a message another body.
func (w *world) doEdit(s step, _ *phone) {
	of := w.latest(s.N % 3)
	if of == nil {
		return
	}
	m := w.revision(of, message.KindEdit, fmt.Sprint("edited ", w.composed), nil)
	got, err := w.server.Edit(w.ctx, of.id, wire.EditMessage{ClientID: m.request.ClientID, From: m.request.From, Body: m.body})
	if w.refused(of, err) || !w.must("editing", err) {
		return
	}
	of.body = m.body
	w.noted(m, got)
}

// refused reports whether the change of a message is refused because it was recalled before.
func (w *world) refused(of *sent, err error) bool {
	if !of.gone {
		return false
	}
	if client.CodeOf(err) != wire.CodeRecalled {
		w.fault("a change of a recalled message: %v", err)
	}
	return true
}

// replaceable is what is known of a notification: whether it may be at the vendor, and whether it is.
type replaceable struct{ may, sure bool }

// replaceable is about what a message replaces. What a process left behind that is no more may have been sent.
func (w *world) replaceable(m *sent, installation int) (r replaceable) {
	r.may = w.restarts > 0 && !w.restartedAt.Before(m.replaces.at)
	refused := []message.Class{message.Rejected, message.InvalidToken, message.Throttled, message.CredentialRejected}
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	for _, c := range w.ledger.calls {
		to := func(h holder) bool { return h.installation == installation }
		if c.message == m.replaces.id && slices.ContainsFunc(c.held, to) {
			r.may = r.may || !slices.Contains(refused, c.class)
			r.sure = r.sure || c.class == message.Accepted && len(c.held) == 1
		}
	}
	return r
}
