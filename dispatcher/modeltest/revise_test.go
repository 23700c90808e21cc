package modeltest

import (
	"fmt"
	"slices"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// latest is the nth chat message from the end; nil when there is none.
func (w *world) latest(n int) *sent {
	for _, m := range slices.Backward(w.sent) {
		if m.kind != message.KindChat {
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
	m.targets = w.targets(kind, m.request)
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

// replaceable reports whether the notification that a message replaces was handed to the vendor.
func (w *world) replaceable(m *sent, installation int) bool {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	return slices.ContainsFunc(w.ledger.calls, func(c *call) bool {
		return c.message == m.replaces.id && c.class == message.Accepted &&
			slices.ContainsFunc(c.held, func(h holder) bool { return h.installation == installation })
	})
}
