package quickstart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
	"github.com/offlinepush/operator/hack/e2e/process"
)

const (
	// turns are how often the shared phone changes hands.
	turns = 40
	// streamPace is the pause of a sender after an answer.
	streamPace = 50 * time.Millisecond
	// streamLength bounds what is sent to one user: a phone of the simulator remembers 1000 arrivals.
	streamLength = 900
	// restEnough bounds how long a user keeps the phone.
	restEnough = 2 * time.Second
)

// contest is two users on one phone, and others with their own, under a stream of messages to each.
type contest struct {
	*Story
	shared *app
	pair   [2]string
	// phones are the others', by their users.
	phones map[string]*handset
	// half is closed in the middle, over at the end.
	half, over chan struct{}

	mu sync.Mutex
	// accepted are the message ids of each user's messages by their payloads.
	accepted map[string]map[string]string
}

// switchUsers lets two users take turns on one phone. Messages stream to both and to users with phones of three other
// vendors, and a dispatcher is killed in the middle.
func (s *Story) switchUsers(ctx context.Context) error {
	c := &contest{
		Story: s, pair: [2]string{s.user("eve"), s.user("fay")}, phones: map[string]*handset{},
		half: make(chan struct{}), over: make(chan struct{}), accepted: map[string]map[string]string{},
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	defer func() { c.shared.sdk.Close() }()
	if err := c.play(ctx); err != nil {
		return err
	}
	if err := s.recovered(ctx); err != nil {
		return err
	}
	a := &arrivals{World: s.World, phones: c.phones, first: map[string]time.Time{}}
	others := 0
	for user := range c.phones {
		others += len(c.accepted[user])
	}
	if err := a.collect(ctx, others); err != nil {
		return err
	}
	s.Say("    the other users' phones showed all of %d messages; %d came again, which the phones hid", others, a.repeated)
	if err := s.settled(ctx); err != nil {
		return err
	}
	return c.judge(ctx)
}

// prepare buys the phones and makes the shared one's vendor slow, so that pushes are under way when it changes hands.
func (c *contest) prepare(ctx context.Context) (err error) {
	for i, m := range four() {
		if i == 0 {
			if c.shared, err = c.newApp(ctx, m); err != nil {
				return err
			}
			continue
		}
		user := c.user("owner-" + m.vendor)
		if c.phones[user], err = c.newPhone(ctx, m); err != nil {
			return err
		}
		if err := c.bind(ctx, c.phones[user], user); err != nil {
			return err
		}
	}
	return c.vendors.SetFault(ctx, c.shared.vendor, traffic.Fault{LatencyMs: 100, Probability: 0.5, Seed: 1})
}

// play streams, switches and kills.
func (c *contest) play(ctx context.Context) error {
	pods, err := c.running(ctx)
	if err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx)
	for _, user := range append([]string{c.pair[0], c.pair[1]}, c.others()...) {
		c.accepted[user] = map[string]string{}
		group.Go(func() error { return c.stream(running, user) })
	}
	group.Go(func() error {
		defer close(c.over)
		return c.takeTurns(running)
	})
	group.Go(func() error {
		select {
		case <-c.half:
			return c.destroy(running, pods[0])
		case <-running.Done():
			return running.Err()
		}
	})
	return errors.Join(group.Wait(), c.vendors.ClearFault(ctx, c.shared.vendor))
}

func (c *contest) others() (users []string) {
	for user := range c.phones {
		users = append(users, user)
	}
	return users
}

// stream sends to one user until the game is over. Every message is repeated until it is accepted.
func (c *contest) stream(ctx context.Context, user string) error {
	pace := time.NewTicker(streamPace)
	defer pace.Stop()
	for n := range streamLength {
		payload := fmt.Sprintf("%s %d", user, n)
		m := c.message(user, "Sent while the phone changes hands", payload)
		m.ClientID = fmt.Sprintf("%s-%s-%d", c.run, user, n)
		err := await(ctx, payload+" to be accepted", func(ctx context.Context) error {
			sent, err := c.backend.Send(ctx, m)
			if err == nil {
				c.note(user, payload, sent.MessageID)
			}
			return err
		})
		if err != nil {
			return err
		}
		select {
		case <-c.over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
	}
	return nil
}

func (c *contest) note(user, payload, messageID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accepted[user][payload] = messageID
}

// takeTurns gives the phone to one user and the other, by a switch while one is logged in, by the end of the app's
// process, after which the user is pushed, and by a logout.
func (c *contest) takeTurns(ctx context.Context) error {
	for turn := range turns {
		if turn == turns/2 {
			close(c.half)
		}
		if err := c.shared.signIn(ctx, c.pair[turn%2]); err != nil {
			return err
		}
		switch turn % 3 {
		case 0:
			<-time.After(streamPace) // live messages
		default:
			c.shared.sdk.Close()
			if err := c.rest(ctx); err != nil {
				return err
			}
			if err := c.shared.start(ctx); err != nil {
				return err
			}
		}
		if turn%3 == 2 {
			if err := c.shared.signOut(ctx); err != nil {
				return err
			}
		}
	}
	return c.shared.signOut(ctx)
}

// rest leaves the phone alone until something new has arrived on it.
func (c *contest) rest(ctx context.Context) error {
	list, err := c.shared.shows(ctx)
	if err != nil {
		return err
	}
	last := int64(0)
	if len(list) > 0 {
		last = list[len(list)-1].Seq
	}
	_, err = c.vendors.Notifications(ctx, c.shared.id, last, restEnough)
	return err
}

// judge holds what the shared phone showed against who was logged in, what its users received against what was sent,
// and what became of every push against what was shown.
func (c *contest) judge(ctx context.Context) error {
	list, err := c.shared.shows(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, p := range list {
		to, _, _ := strings.Cut(p.Payload.Payload, " ")
		if !c.shared.history.Allows(to, p.ArrivedAt) {
			return fmt.Errorf("the shared phone showed %q at %s, when that user was not logged in", p.Payload.Payload, p.ArrivedAt)
		}
		seen[p.Payload.Payload] = true
	}
	for _, r := range c.shared.received {
		if to, _, _ := strings.Cut(r[1], " "); to != r[0] {
			return fmt.Errorf("%s received %q over the session", r[0], r[1])
		}
	}
	for _, user := range c.pair {
		if err := c.complete(ctx, user, seen); err != nil {
			return err
		}
	}
	c.Say("    the shared phone changed hands %d times for %d and %d messages, %d of which it showed; none was the other's, none is lost",
		turns, len(c.accepted[c.pair[0]]), len(c.accepted[c.pair[1]]), len(seen))
	if len(seen) == 0 {
		return errors.New("the shared phone showed nothing: this proves nothing")
	}
	return nil
}

// complete reads the user's inbox on the shared phone: everything is there once and in order, and the phone has shown what was handed over.
func (c *contest) complete(ctx context.Context, user string, seen map[string]bool) error {
	inbox, err := c.inbox(ctx, user)
	if err != nil {
		return err
	}
	for i, m := range inbox {
		if m.Seq != int64(i+1) || c.accepted[user][m.Push.Payload] != m.MessageID {
			return fmt.Errorf("message %d of the inbox of %s is %d, %q", i+1, user, m.Seq, m.Push.Payload)
		}
		trace, err := c.backend.Trace(ctx, m.MessageID)
		if err == nil {
			err = process.Told(trace, seen[m.Push.Payload], true)
		}
		if err != nil {
			return fmt.Errorf("the push of %q: %w", m.Push.Payload, err)
		}
	}
	return nil
}

// inbox reads all messages of a user from the beginning.
func (c *contest) inbox(ctx context.Context, user string) (inbox []wire.Message, err error) {
	token, err := c.login.token(user)
	if err != nil {
		return nil, err
	}
	want := len(c.accepted[user])
	messages := make(chan wire.Message, want)
	session, err := client.Restore(c.devicePlane, c.shared.kept.Credentials, nil).Open(ctx, client.Login{
		UserToken: token, After: new(int64),
		OnMessage: func(m wire.Message) error { messages <- m; return nil },
	})
	if err != nil {
		return nil, fmt.Errorf("reading the inbox of %s: %w", user, err)
	}
	defer session.Close()
	late := time.NewTimer(patience)
	defer late.Stop()
	for len(inbox) < want {
		select {
		case m := <-messages:
			inbox = append(inbox, m)
		case <-late.C:
			return nil, fmt.Errorf("%s received %d of %d messages within %s", user, len(inbox), want, patience)
		}
	}
	return inbox, nil
}
