package modeltest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// compose is the message of a step.
func (w *world) compose(s step) wire.SendMessage {
	w.composed++
	m := wire.SendMessage{
		ClientID: fmt.Sprint("client-", w.composed), From: "server", To: toUsers(s.U), Body: fmt.Sprint("body ", w.composed),
	}
	if s.P < users {
		m.From = userName(s.P)
	}
	if s.Do != sendPlain {
		mode := map[verb]message.PushMode{sendForce: message.PushForce, sendNever: message.PushNever}[s.Do]
		m.Push = &wire.Push{Title: fmt.Sprint("title ", w.composed), Content: "content", Mode: string(mode)}
	}
	return m
}

func (w *world) doSend(s step, _ *phone) {
	m := w.compose(s)
	got, err := w.server.Send(w.ctx, m)
	if w.must("sending", err) {
		w.accepted(m, got, w.targets(chat(m)))
	}
}

func chat(m wire.SendMessage) *sent {
	return &sent{kind: message.KindChat, request: m, body: m.Body}
}

// accepted notes the answer to a new message in the model.
func (w *world) accepted(m wire.SendMessage, got wire.Sent, targets []target) {
	of := chat(m)
	of.targets = targets
	w.noted(of, got)
}

func (w *world) noted(m *sent, got wire.Sent) {
	if got.Duplicate || len(got.Recipients) != len(m.request.To) {
		w.fault("the answer to a new message: %+v", got)
	}
	w.keep(m, got.MessageID)
	seqs := map[string]int64{}
	for _, r := range got.Recipients {
		seqs[r.UserID] = r.Seq
		if err := w.state.put(r.UserID, r.Seq, m); err != nil {
			w.fault("%q: %v", m.body, err)
		}
	}
	for i := range m.targets {
		m.targets[i].seq = seqs[m.targets[i].user]
	}
}

func (w *world) keep(m *sent, id string) {
	m.id, m.at = id, time.Now()
	w.sent, w.byID[id] = append(w.sent, m), m
}

// doBurst sends some messages at once: their order is the dispatcher's.
func (w *world) doBurst(s step, _ *phone) {
	all := make([]wire.SendMessage, 2+s.N%4)
	got, errs := make([]wire.Sent, len(all)), make([]error, len(all))
	var sends sync.WaitGroup
	for i := range all {
		all[i] = w.compose(s)
		sends.Go(func() { got[i], errs[i] = w.server.Send(w.ctx, all[i]) })
	}
	targets := w.targets(chat(all[0]))
	sends.Wait()
	for i, m := range all {
		if w.must("sending", errs[i]) {
			w.accepted(m, got[i], slices.Clone(targets))
		}
	}
}

// doRace sends a message while phone P changes hands, logs in or gets another's
// token: it is decided by what was or by what is, and by nothing in between.
func (w *world) doRace(s step, _ *phone) {
	changes := []verb{bind, logout, open, adopt, unregister, steal}
	m := w.compose(step{Do: sendPush, P: users, U: s.N})
	var got wire.Sent
	var err error
	before, began := w.targets(chat(m)), time.Now()
	for i, t := range before {
		if t.installation == w.phones[s.P%phones].installation {
			before[i].from = began // its session may end first
		}
	}
	w.beside = func() { got, err = w.server.Send(w.ctx, m) }
	w.step(step{Do: changes[(s.N+s.U)%len(changes)], P: s.P, N: s.N, U: s.U})
	if w.beside != nil { // there was nothing to change
		w.beside = nil
		return
	}
	if !w.must("sending in a race", err) {
		return
	}
	after := w.targets(chat(m))
	for i := range after {
		after[i].from = after[i].from.Add(-time.Since(began)) // a change may take its time
	}
	w.accepted(m, got, w.decided(got.MessageID, before, after))
}

// decided are the targets by which a message was decided that was accepted in between: those of before or after.
func (w *world) decided(id string, before, after []target) []target {
	trace, err := w.server.Trace(w.ctx, id)
	w.must("tracing", err)
	switch {
	case w.names(before, trace) && w.names(after, trace):
		return either(before, after)
	case w.names(before, trace):
		return before
	}
	return after // or the trace will tell
}

// names reports whether a trace is about the devices of the targets and suppresses the same of them.
func (w *world) names(targets []target, trace wire.Trace) bool {
	var want, got []string
	unsure := slices.ContainsFunc(targets, func(t target) bool { return t.unsure })
	for _, t := range targets {
		want = append(want, fmt.Sprint(t.user, w.pushID(t.installation), t.reason))
	}
	for _, d := range trace.Devices {
		reason := ""
		if d.State == string(message.Suppressed) && (d.Reason != message.ReasonPlatform || !unsure) {
			reason = d.Reason
		}
		got = append(got, fmt.Sprint(d.UserID, d.PushID, reason))
	}
	slices.Sort(want)
	slices.Sort(got)
	return slices.Equal(want, got)
}

// either are targets that are due by the one or the other.
func either(a, b []target) []target {
	out := slices.Clone(b)
	for i := range out {
		for _, t := range a {
			if t.user == out[i].user && t.installation == out[i].installation {
				out[i].from, out[i].by = earlier(t.from, out[i].from), later(t.by, out[i].by)
			}
		}
	}
	return out
}
