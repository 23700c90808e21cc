package modeltest

import (
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// team is the id of the group.
const team = "team"

// patience is how long a message may take to be brought to a group.
const patience = 10 * time.Second

func (w *world) doJoin(s step, _ *phone) {
	users := toUsers(s.U)
	if s.N%2 == 0 {
		got, err := w.server.AddMembers(w.ctx, team, users)
		w.changed(users, true, got, err)
		return
	}
	created := w.members == nil
	if created {
		w.members = map[string]bool{}
	}
	got, err := w.server.PutGroup(w.ctx, team, users)
	if w.changed(users, true, got, err); got.Created != created {
		w.fault("the group is created: %t, want %t", got.Created, created)
	}
}

func (w *world) doPart(s step, _ *phone) {
	users := toUsers(s.U)
	got, err := w.server.RemoveMembers(w.ctx, team, users)
	w.changed(users, false, got, err)
}

// changed notes a change of the members.
func (w *world) changed(users []string, in bool, got wire.GroupChange, err error) {
	if w.noGroup(err) || !w.must("changing the group", err) {
		return
	}
	var changed int64
	for _, u := range users {
		if w.members[u] != in {
			changed++
		}
		w.members[u] = in
	}
	maps.DeleteFunc(w.members, func(_ string, in bool) bool { return !in })
	if got.Changed != changed || got.Members != int64(len(w.members)) {
		w.fault("the group has changed by %+v, want %d to %v", got, changed, w.members)
	}
}

func (w *world) doDisband(step, *phone) {
	if err := w.server.DeleteGroup(w.ctx, team); !w.noGroup(err) && w.must("deleting the group", err) {
		w.members = nil
	}
}

// noGroup reports whether there is no group; whoever asks for it is told.
func (w *world) noGroup(err error) bool {
	if w.members == nil && client.CodeOf(err) != wire.CodeNotFound {
		w.fault("without a group: %v", err)
	}
	return w.members == nil
}

func (w *world) doSendGroup(s step, _ *phone) {
	if m := w.sendGroup(s); m != nil {
		w.brought([]*sent{m})
	}
}

// doChurn changes the members while messages are brought to them.
func (w *world) doChurn(s step, _ *phone) {
	var all []*sent
	for _, change := range []verb{part, join, nothing} {
		if m := w.sendGroup(s); m != nil {
			all = append(all, m)
		}
		s.N++
		w.step(step{Do: change, P: s.P, U: s.U + s.N})
	}
	w.brought(all)
}

// sendGroup gives the message if it was accepted; it is for those who are members now.
func (w *world) sendGroup(s step) *sent {
	m := w.composeGroup(s)
	m.targets = w.targets(m)
	r := wire.SendGroupMessage{ClientID: m.request.ClientID, From: m.request.From, Body: m.body, Push: m.request.Push, Mentions: m.mentions}
	switch s.N % 8 {
	case 4:
		r.Target = &wire.Target{Only: toUsers(s.U)}
	case 5:
		r.Target = &wire.Target{Except: toUsers(s.U)}
	}
	got, err := w.server.SendToGroup(w.ctx, team, r)
	switch {
	case w.noGroup(err):
		return nil
	case !w.members[r.From]:
		if client.CodeOf(err) != wire.CodeInvalidRequest {
			w.fault("%s, who is no member, sends: %v", r.From, err)
		}
		return nil
	case !w.must("sending to the group", err):
		return nil
	}
	m.id, m.at, w.byID[got.MessageID] = got.MessageID, time.Now(), m
	return m
}

// composeGroup is the message of a step and who is to receive it now.
func (w *world) composeGroup(s step) *sent {
	do := map[int]verb{6: sendPlain, 7: sendForce}[s.N%8]
	if do == "" {
		do = sendPush
	}
	m := chat(w.compose(step{Do: do, P: s.P % users, U: s.U}))
	m.group = team
	named := toUsers(s.U)
	switch s.N % 8 {
	case 1:
		m.mentions = &wire.Mentions{UserIDs: named}
	case 2:
		m.mentions = &wire.Mentions{All: true}
	case 3:
		m.mentions = &wire.Mentions{UserIDs: named, Quiet: true}
	}
	m.request.To = slices.DeleteFunc(slices.Sorted(maps.Keys(w.members)), func(u string) bool {
		in := slices.Contains(named, u)
		return s.N%8 == 4 && !in && u != m.request.From || s.N%8 == 5 && in
	})
	return m
}

// brought waits until messages are brought to all members: to each once, in the order in which they were accepted.
func (w *world) brought(all []*sent) {
	w.expanded()
	before := map[string]int64{}
	places := w.placed(all)
	for _, m := range all {
		w.located(m, places[m])
		for user, seq := range places[m] {
			if seq < before[user] {
				w.fault("%s is before the one that was sent before in the inbox of %s", m.name(), user)
			}
			before[user] = seq
		}
	}
}

// expanded waits until nothing has to be brought to anybody.
func (w *world) expanded() {
	for end := time.Now().Add(patience); ; time.Sleep(tick) { // virtual
		synctest.Wait()
		if w.report().Account.Unexpanded == 0 {
			break
		}
		if time.Now().After(end) {
			w.fault("messages are not brought to their receivers")
			break
		}
	}
	w.timeOut()
}

// located is a message in the inboxes: its targets are those of when it was accepted, or of now.
func (w *world) located(m *sent, places map[string]int64) {
	after := w.targets(m)
	for i := range after {
		after[i].from = later(m.at, after[i].from.Add(-patience))
	}
	m.targets = w.decided(m.id, m.targets, after)
	for i, t := range m.targets {
		m.targets[i].seq = places[t.user]
	}
}

// means reports whether the message is meant for the user whatever that one muted.
func (m *sent) means(user string) bool {
	return m.mentions != nil && !m.mentions.Quiet && (m.mentions.All || slices.Contains(m.mentions.UserIDs, user))
}
