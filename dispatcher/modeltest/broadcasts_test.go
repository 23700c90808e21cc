package modeltest

import (
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// doBroadcast sends to all users, where it is sure who is online.
func (w *world) doBroadcast(s step, _ *phone) {
	time.Sleep(time.Second) // virtual; there may be one a second
	w.settle()
	online, offline, sure := w.audience()
	if !sure || w.justRestarted() {
		return
	}
	do := sendPush
	if s.U == 0 {
		do = sendPlain
	}
	m := chat(w.compose(step{Do: do, P: s.P % users}))
	m.kind = message.KindBroadcast
	mode := []string{"OnlineOnly", "OnlineAndOffline", "Everyone"}[s.N%3]
	r := wire.SendBroadcast{ClientID: m.request.ClientID, From: m.request.From, Mode: mode, Body: m.body, Push: m.request.Push}
	m.everyone = mode == "Everyone"
	decided := map[string][]string{"OnlineAndOffline": slices.Concat(online, offline), "Everyone": slices.Concat(online, offline)}[mode]
	m.request.To = decided
	m.targets = w.targets(m)
	got, err := w.server.Broadcast(w.ctx, r)
	if !w.must("sending to all", err) {
		return
	}
	m.id, m.at, w.byID[got.BroadcastID] = got.BroadcastID, time.Now(), m
	if m.request.To = online; m.everyone {
		m.request.To = nil
	}
	w.expanded()
	places := w.placed([]*sent{m})[m]
	m.request.To = decided
	w.located(m, places)
	if m.request.To = online; m.everyone {
		m.request.To = nil
	}
	status, err := w.server.BroadcastStatus(w.ctx, m.id)
	if w.must("asking for the broadcast", err) && status.State != "Done" {
		w.fault("a broadcast that was brought to all is %+v", status)
	}
}

// audience are the users with devices, by whether one of them has a session.
func (w *world) audience() (online, offline []string, sure bool) {
	sure = true
	for u := range users {
		user, is := userName(u), false
		for _, i := range w.state.of(user) {
			on, known := w.online(i)
			is, sure = is || on, sure && known
		}
		switch {
		case is:
			online = append(online, user)
		case len(w.state.of(user)) > 0:
			offline = append(offline, user)
		}
	}
	return online, offline, sure
}
