package client

import (
	"slices"

	"github.com/offlinepush/operator/dispatcher/client/payload"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// maxRecent is how many messages a phone recognizes again.
	maxRecent = 1024
	// maxInboxes is of how many users.
	maxInboxes = 16
	// maxClicks is how many clicks wait for Register.
	maxClicks = 16
)

// PushEvent is what happened to a push on the phone.
type PushEvent string

// The events of pushes.
const (
	PushThrough PushEvent = "Through" // handed to the app, nothing was shown
	PushArrived PushEvent = "Arrived" // the system showed it
	PushClicked PushEvent = "Clicked" // the user tapped on it
)

// click is a tap on a notification that started the app.
type click struct{ raw payload.Raw }

// Handle takes a push from the vendor's client and leads it to its callback. A
// push for another user than the one who is logged in, a repetition and a push
// of somebody else go to PushDropped.
func (p *Phone) Handle(event PushEvent, raw payload.Raw) {
	if event == PushClicked && p.keepClick(raw) {
		return
	}
	push, err := p.admit(event, raw)
	if err != nil {
		if c := p.options.Callbacks.PushDropped; c != nil {
			c(push, err)
		}
		return
	}
	switch event {
	case PushThrough:
		tell(p.options.Callbacks.ThroughMessage, push)
	case PushArrived:
		tell(p.options.Callbacks.NotificationArrived, push)
	case PushClicked:
		tell(p.options.Callbacks.NotificationClicked, push)
	}
}

// keepClick keeps the newest clicks from before Register.
func (p *Phone) keepClick(raw payload.Raw) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.device != nil {
		return false
	}
	p.clicks = append(p.clicks, click{raw})
	p.clicks = p.clicks[max(0, len(p.clicks)-maxClicks):]
	return true
}

func (p *Phone) releaseClicks() {
	p.mu.Lock()
	clicks := p.clicks
	p.clicks = nil
	p.mu.Unlock()
	for _, c := range clicks {
		p.Handle(PushClicked, c.raw)
	}
}

// admit reads a push and says why it is none for the app.
func (p *Phone) admit(event PushEvent, raw payload.Raw) (payload.Payload, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	push, err := payload.Read(p.saved.Registration.Vendor, raw)
	switch id := push.Envelope.MessageID; {
	case err != nil:
		return push, err
	case p.saved.UserID == "" || !push.Envelope.For(p.options.AppID, p.saved.UserID):
		return push, ErrStray
	case event == PushClicked:
		return push, nil
	case event == PushThrough && p.recent.has("", id), !p.recent.add(event, id):
		return push, ErrRepeated
	}
	return push, nil
}

// message leads a message of the session to its callback, unless it came before.
func (l *link) message(m wire.Message) error {
	p := l.phone
	if l.ctx.Err() != nil {
		return l.ctx.Err() // The user has logged out.
	}
	p.mu.Lock()
	known, userID := l.inbox.has(m), p.saved.UserID
	p.mu.Unlock()
	if known {
		return nil
	}
	if err := p.options.Callbacks.deliver(userID, m); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.inbox.add(m)
	p.recent.add("", m.MessageID)
	return nil
}

func (l *link) gap(after int64) { tell(l.phone.options.Callbacks.MessagesLost, after) }

// inbox knows the newest messages of a user by their sequence. A sequence
// names a place, and the id proves that it is the same message there: an app
// that moved to another store counts from 1 again.
type inbox struct {
	last int64
	ids  map[int64]string
}

// inboxOf is what the phone remembers of the user's inbox, of which the dispatcher has acknowledgements up to the cursor.
// The caller holds the lock.
func (p *Phone) inboxOf(userID string, cursor int64) *inbox {
	b, known := p.inboxes[userID]
	if !known && len(p.inboxes) == maxInboxes {
		clear(p.inboxes)
	}
	if !known || cursor < b.last-maxRecent {
		b = &inbox{ids: map[int64]string{}}
		p.inboxes[userID] = b
	}
	return b
}

func (b *inbox) has(m wire.Message) bool {
	return b.ids[m.Seq] == m.MessageID
}

func (b *inbox) add(m wire.Message) {
	if m.Seq <= b.last {
		clear(b.ids)
	}
	b.last = m.Seq
	b.ids[m.Seq] = m.MessageID
	delete(b.ids, m.Seq-maxRecent)
}

// recent knows the newest messages by event and id.
type recent struct {
	seen  map[string]bool
	order []string
}

func newRecent() recent { return recent{seen: map[string]bool{}} }

func (r *recent) has(event PushEvent, id string) bool { return r.seen[string(event)+id] }

// add reports whether it is a new one.
func (r *recent) add(event PushEvent, id string) bool {
	key := string(event) + id
	if r.seen[key] {
		return false
	}
	if len(r.order) == maxRecent {
		delete(r.seen, r.order[0])
		r.order = slices.Delete(r.order, 0, 1)
	}
	r.seen[key] = true
	r.order = append(r.order, key)
	return true
}
