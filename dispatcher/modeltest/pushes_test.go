package modeltest

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// doPushUser pushes to all devices of the set U of users, by their rules.
func (w *world) doPushUser(s step, _ *phone) {
	m := w.composePush(s)
	got, err := w.server.Push(w.ctx, wire.SendPush{ClientID: m.request.ClientID, From: m.request.From, Users: m.request.To, Push: *m.request.Push})
	m.targets = w.targets(m)
	w.pushed(m, len(m.request.To), got, err)
}

// doPushDevice pushes to the devices of two phones, or of one, whatever their users want.
func (w *world) doPushDevice(s step, _ *phone) {
	m := w.composePush(s)
	var pushIDs []string
	for _, n := range []int{s.N % phones, s.U % phones} {
		p := w.phones[n]
		if p.device == nil || slices.Contains(pushIDs, p.device.Credentials.PushID) {
			continue
		}
		pushIDs = append(pushIDs, p.device.Credentials.PushID)
		t := target{installation: p.installation, binding: w.state.installations[p.installation].binding}
		t.from, t.by = w.due(m, p.installation)
		if w.state.installations[p.installation].vendor == unserved {
			t.reason = message.ReasonNoChannel
		}
		m.targets = append(m.targets, t)
	}
	if len(pushIDs) == 0 {
		return
	}
	got, err := w.server.Push(w.ctx, wire.SendPush{ClientID: m.request.ClientID, From: m.request.From, PushIDs: pushIDs, Push: *m.request.Push})
	w.pushed(m, len(pushIDs), got, err)
}

func (w *world) composePush(s step) *sent {
	m := chat(w.compose(step{Do: sendPush, P: s.P, U: s.U}))
	m.kind = message.KindPush
	return m
}

// pushed notes the answer to a push for n receivers.
func (w *world) pushed(m *sent, n int, got wire.SentPush, err error) {
	if !w.must("pushing", err) {
		return
	}
	if problem := func(r wire.PushReceiver) bool { return r.Problem != "" }; got.Duplicate || len(got.Receivers) != n || slices.ContainsFunc(got.Receivers, problem) {
		w.fault("the answer to a push: %+v", got)
	}
	w.keep(m, got.MessageID)
}

// doApply tells the set U of users of a step of an application.
func (w *world) doApply(s step, _ *phone) {
	m := chat(w.compose(step{Do: sendPush, P: s.P, U: s.U}))
	m.kind = message.KindApplication
	r := m.request
	m.targets = w.targets(m)
	got, err := w.server.Apply(w.ctx, wire.SendApplication{
		ClientID: r.ClientID, From: r.From, To: r.To, Type: message.ApplicationFriend, Action: "Send", Body: r.Body, Push: r.Push,
	})
	if w.must("applying", err) {
		w.noted(m, got)
	}
}
