package modeltest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/wire"
)

// state is the model: what must be true of the dispatcher between two steps.
type state struct {
	installations []installation
	inboxes       map[string][]entry // by user
	known         map[string]bool    // who was ever bound to a device
}

// installation is a registered device.
type installation struct {
	phone   int
	pushID  string
	vendor  string
	token   string // empty when another installation took it
	user    string
	binding int // grows with every change of the user
	gone    bool
	acked   map[string]int64 // by user
}

// entry is a message in an inbox.
type entry struct{ id, body string }

// sent is a message that was accepted.
type sent struct {
	id      string
	request wire.SendMessage
	answer  wire.Sent
	targets []target
}

// target is what must happen to a message at one installation of a receiver, or at none.
type target struct {
	user         string
	installation int // -1: the user has none
	binding      int
	seq          int64
	// reason suppresses the push; empty means that it is due from and not later than.
	reason   string
	from, by time.Time
}

func (s *state) clone() state {
	c := state{installations: slices.Clone(s.installations), inboxes: maps.Clone(s.inboxes), known: maps.Clone(s.known)}
	for i := range c.installations {
		c.installations[i].acked = maps.Clone(c.installations[i].acked)
	}
	return c
}

// holders are the tokens with who has them.
func (s *state) holders() map[string]holder {
	out := map[string]holder{}
	for i, d := range s.installations {
		if d.token != "" {
			out[d.token] = holder{installation: i, user: d.user, binding: d.binding, acked: d.acked[d.user]}
		}
	}
	return out
}

// take takes a token, and with it the user, from the installation that has it.
func (s *state) take(token string, by int) {
	for i := range s.installations {
		if d := &s.installations[i]; i != by && d.token == token {
			d.token, d.user = "", ""
			d.binding++
		}
	}
}

// register adds an installation and gives its number.
func (s *state) register(phone int, vendor, token string) int {
	s.take(token, -1)
	s.installations = append(s.installations, installation{phone: phone, vendor: vendor, token: token, acked: map[string]int64{}})
	return len(s.installations) - 1
}

func (s *state) setToken(i int, token string) {
	s.take(token, i)
	s.installations[i].token = token
}

// bind binds the installation to the user, or to nobody.
func (s *state) bind(i int, user string) {
	d := &s.installations[i]
	if d.user != user {
		d.user = user
		d.binding++
	}
	if user != "" {
		s.known[user] = true
	}
}

func (s *state) unregister(i int) {
	s.bind(i, "")
	s.installations[i].token, s.installations[i].gone = "", true
}

// of are the installations of a user.
func (s *state) of(user string) (all []int) {
	for i, d := range s.installations {
		if d.user == user {
			all = append(all, i)
		}
	}
	return all
}

// forUser is the rule that suppresses the push of a message for all devices of a receiver; empty when none does.
func (s *state) forUser(m wire.SendMessage, user string) string {
	switch {
	case m.Push == nil:
		return message.ReasonNoPushConfig
	case m.Push.Mode == string(message.PushNever):
		return message.ReasonPushNever
	case m.From == user:
		return message.ReasonOwnDevice
	case len(s.of(user)) == 0 && s.known[user]:
		return message.ReasonLoggedOut
	case len(s.of(user)) == 0:
		return message.ReasonNeverLoggedIn
	}
	return ""
}

// forDevice is the rule that suppresses the push to one device.
func (s *state) forDevice(i int) string {
	if s.installations[i].vendor == unserved {
		return message.ReasonNoChannel
	}
	return ""
}

// targets is what must happen to a message that is accepted in this state.
func (s *state) targets(m wire.SendMessage, due func(installation int) (from, by time.Time)) (all []target) {
	for _, user := range m.To {
		devices, reason := s.of(user), s.forUser(m, user)
		if len(devices) == 0 {
			all = append(all, target{user: user, installation: -1, reason: reason})
		}
		for _, i := range devices {
			t := target{user: user, installation: i, binding: s.installations[i].binding, reason: cmp.Or(reason, s.forDevice(i))}
			t.from, t.by = due(i)
			all = append(all, t)
		}
	}
	return all
}

// put puts an entry into an inbox at its place, which nobody else has. Messages
// that are sent at once come in any order.
func (s *state) put(user string, seq int64, e entry) error {
	inbox := slices.Clone(s.inboxes[user])
	for int64(len(inbox)) < seq {
		inbox = append(inbox, entry{})
	}
	if seq < 1 || inbox[seq-1] != (entry{}) {
		return fmt.Errorf("place %d of %s is taken", seq, user)
	}
	inbox[seq-1] = e
	s.inboxes[user] = inbox
	return nil
}

// holes are the users whose inbox has places without a message.
func (s *state) holes() (all []string) {
	for user, inbox := range s.inboxes {
		if slices.Contains(inbox, entry{}) {
			all = append(all, user)
		}
	}
	return all
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func userName(n int) string { return fmt.Sprint("user-", n%users) }
