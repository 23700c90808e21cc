package modeltest

import (
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
	inboxes       map[string][]*sent // by user
	known         map[string]bool    // who was ever bound to a device
	wishes        map[string]wish    // by user
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
	bare    bool             // it was without a token for a while
	acked   map[string]int64 // by user
}

// sent is a message that was accepted.
type sent struct {
	id      string // empty until it is known, for news that the dispatcher sends by itself
	kind    message.Kind
	request wire.SendMessage
	targets []target
	// body is what is in the inboxes now. Gone means that its sender took it back, recalled that this was in an earlier step.
	body           string
	gone, recalled bool
	// replaces is the message whose notification this one's takes the place of.
	replaces *sent
	at       time.Time
	// pushTo are those of the receivers who are pushed, nil means all; until is when that ends, zero after pushTTL.
	pushTo []string
	until  time.Time
	// group is empty for a peer's message.
	group    string
	mentions *wire.Mentions
	// everyone means that all devices are pushed at once, as if nobody was online.
	everyone bool
	// event is the step of a call that it tells of, and rings those whom an invitation is for.
	event *wire.CallEvent
	rings map[string]*ringing
}

// name is for faults.
func (m *sent) name() string {
	if m.event != nil {
		return m.event.Action + " of " + m.event.CallID
	}
	return string(m.kind) + " " + m.body
}

// target is what must happen to a message at one installation of a receiver, or at none.
type target struct {
	user         string
	installation int // -1: the user has none
	binding      int
	seq          int64
	// reason suppresses the push; empty means that it is due from and not later than. Unsure means that
	// the platform rule may suppress it, by a session of which nobody is sure.
	reason   string
	unsure   bool
	from, by time.Time
}

func (s *state) clone() state {
	c := state{installations: slices.Clone(s.installations), inboxes: maps.Clone(s.inboxes), known: maps.Clone(s.known), wishes: maps.Clone(s.wishes)}
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
			d.token, d.user, d.bare = "", "", true
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

// put puts an entry into an inbox at its place, which nobody else has. Messages
// that are sent at once come in any order.
func (s *state) put(user string, seq int64, m *sent) error {
	inbox := slices.Clone(s.inboxes[user])
	for int64(len(inbox)) < seq {
		inbox = append(inbox, nil)
	}
	if seq < 1 || inbox[seq-1] != nil {
		return fmt.Errorf("place %d of %s is taken", seq, user)
	}
	inbox[seq-1] = m
	s.inboxes[user] = inbox
	return nil
}

// holes are the users whose inbox has places without a message.
func (s *state) holes() (all []string) {
	for user, inbox := range s.inboxes {
		if slices.Contains(inbox, nil) {
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
