package quickstart

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/bulk"
	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
	"github.com/offlinepush/operator/dispatcher/wire"
)

const (
	// members are in the group, every third of them online. connections of those have a session; the app's server reports
	// the others, as one whose connections live elsewhere.
	members     = 10_000
	connections = 300
	// reportedFor is for how long, in seconds, they are online; it outlasts the scenario.
	reportedFor = 1800
	// hands are how many requests prepare the crowd at a time.
	hands = 16
	// changeable is how many members one request adds.
	changeable = 500
	// crowdVendor is how long a vendor takes, so that the message is on its way for a while.
	crowdVendor = time.Second
)

// presence is how a member is there.
type presence int

const (
	offline presence = iota
	reported
	connected
)

// member is a user of the crowd with one phone.
type member struct {
	user, phone string
	presence    presence
	record      wire.DeviceRecord
	credentials wire.RegisteredDevice

	mu sync.Mutex
	// open tells that there was a session; got are the sequences of the group's message in it.
	open bool
	got  map[int64]bool
}

// crowd is a group and its members.
type crowd struct {
	*Story
	group string
	all   []*member
	sent  wire.SendGroupMessage
	// acknowledged is how many with a session had acknowledged in time before the kill.
	acknowledged int
}

// tellMany sends one message to a group of 10,000 members. The dispatcher that accepted it is killed while it brings it
// to the members, and another one goes on.
func (s *Story) tellMany(ctx context.Context) error {
	c := &crowd{Story: s, group: s.user("crowd")}
	if err := c.gather(ctx); err != nil {
		return err
	}
	pods, err := s.running(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	defer sessions.Wait()
	defer cancel()
	if err := c.connect(ctx, pods, &sessions); err != nil {
		return err
	}
	killed, err := c.sendAndKill(ctx, pods)
	if err != nil {
		return err
	}
	err = errors.Join(s.recovered(ctx), s.settled(ctx), c.awaitSessions(ctx, "to receive the message", func(m *member) bool { return len(m.got) > 0 }))
	if err != nil {
		return err
	}
	s.Say("    all of it is done %.1fs after the kill", time.Since(killed).Seconds())
	if err := c.judge(ctx); err != nil {
		return err
	}
	return s.backend.DeleteGroup(ctx, c.group)
}

// gather buys the phones, moves the installations in, makes the group and reports who is online elsewhere.
func (c *crowd) gather(ctx context.Context) error {
	models := four()
	online := 0
	for i := range members {
		m := &member{user: c.user(fmt.Sprintf("member%05d", i)), got: map[int64]bool{}}
		if i%3 == 0 {
			if m.presence = reported; online < connections {
				m.presence = connected
			}
			online++
		}
		c.all = append(c.all, m)
	}
	for _, part := range []struct {
		what string
		do   func() error
	}{
		{"bought phones", func() error {
			return c.each(ctx, func(ctx context.Context, i int, m *member) error { return c.buy(ctx, m, models[i/3%len(models)]) })
		}},
		{"moved the installations in", func() error { return c.move(ctx) }},
		{"made the group", func() error { return c.assemble(ctx) }},
		{"reported who is online elsewhere", func() error {
			return c.each(ctx, func(ctx context.Context, _ int, m *member) error {
				if m.presence != reported {
					return nil
				}
				return c.backend.SetPresence(ctx, m.user, wire.SetPresence{Online: true, TTLSeconds: reportedFor})
			})
		}},
	} {
		began := time.Now()
		if err := part.do(); err != nil {
			return fmt.Errorf("a group of %d: %s: %w", members, part.what, err)
		}
		c.Say("    %s in %.1fs", part.what, time.Since(began).Seconds())
	}
	return nil
}

// each does something for every member.
func (c *crowd) each(ctx context.Context, do func(context.Context, int, *member) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(hands)
	for i, m := range c.all {
		group.Go(func() error { return do(ctx, i, m) })
	}
	return group.Wait()
}

// buy gets a phone, and writes the line with which its installation moves to the app.
func (c *crowd) buy(ctx context.Context, m *member, of model) error {
	p, err := c.vendors.CreatePhone(ctx, simulator.NewPhone{Vendor: of.vendor, App: of.app})
	if err != nil {
		return err
	}
	m.phone = p.ID
	m.credentials = wire.RegisteredDevice{PushID: "push of " + m.user, DeviceSecret: rand.Text()}
	hash, now := sha256.Sum256([]byte(m.credentials.DeviceSecret)), time.Now().UTC()
	m.record = wire.DeviceRecord{
		PushID: m.credentials.PushID, DeviceSecretHash: base64.RawURLEncoding.EncodeToString(hash[:]),
		Vendor: of.registration.Vendor, AppType: 1, Region: of.registration.Region, Platform: of.registration.Platform,
		Tokens: map[string]string{"alert": p.Token}, UserID: m.user, RegisteredAt: now, SeenAt: now,
	}
	return nil
}

func (c *crowd) move(ctx context.Context) error {
	for part := range slices.Chunk(c.all, wire.MaxImportLines) {
		var lines []byte
		for _, m := range part {
			lines = append(lines, bulk.Encode(m.record)...)
		}
		done, err := c.backend.ImportBindings(ctx, lines, time.Time{})
		if err != nil {
			return err
		}
		if done.Created != len(part) {
			return fmt.Errorf("of %d installations: %+v", len(part), done)
		}
	}
	return nil
}

func (c *crowd) assemble(ctx context.Context) error {
	if _, err := c.backend.PutGroup(ctx, c.group, []string{c.user("speaker")}); err != nil {
		return err
	}
	for part := range slices.Chunk(c.all, changeable) {
		users := make([]string, len(part))
		for i, m := range part {
			users[i] = m.user
		}
		if _, err := c.backend.AddMembers(ctx, c.group, users); err != nil {
			return err
		}
	}
	return nil
}

// connect opens the sessions, which open again whenever they end: at dispatchers that live on, if there are several.
func (c *crowd) connect(ctx context.Context, pods []pod, sessions *sync.WaitGroup) error {
	planes := []string{c.devicePlane}
	if len(pods) > 1 {
		planes = nil
		for _, p := range pods[1:] {
			planes = append(planes, "http://"+p.ip+":8080")
		}
	}
	began, phones := time.Now(), AnyDispatcher()
	for i, m := range c.all {
		if m.presence != connected {
			continue
		}
		token, err := c.login.token(m.user)
		if err != nil {
			return err
		}
		device := client.Restore(planes[i%len(planes)], m.credentials, phones)
		sessions.Go(func() { m.listen(ctx, device, token) })
	}
	err := c.awaitSessions(ctx, "to open", func(m *member) bool { return m.open })
	if err == nil {
		c.Say("    %d sessions opened in %.1fs", connections, time.Since(began).Seconds())
	}
	return err
}

// awaitSessions waits until something holds for every member with a session.
func (c *crowd) awaitSessions(ctx context.Context, what string, holds func(*member) bool) error {
	return await(ctx, "the sessions "+what, func(context.Context) error {
		for _, m := range c.all {
			m.mu.Lock()
			done := m.presence != connected || holds(m)
			m.mu.Unlock()
			if !done {
				return fmt.Errorf("%w: not that of %s", errNotYet, m.user)
			}
		}
		return nil
	})
}

// listen keeps a session open.
func (m *member) listen(ctx context.Context, device *client.Device, token string) {
	login := client.Login{UserToken: token, OnMessage: func(got wire.Message) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.got[got.Seq] = true
		return nil
	}}
	again := time.NewTicker(time.Second / 2)
	defer again.Stop()
	for ctx.Err() == nil {
		session, err := device.Open(ctx, login)
		if err == nil {
			m.mu.Lock()
			m.open = true
			m.mu.Unlock()
			_ = session.Wait() // The next session follows, whatever the reason.
		}
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

// sendAndKill sends to the group and kills the dispatcher that accepted it in the middle.
func (c *crowd) sendAndKill(ctx context.Context, pods []pod) (killed time.Time, err error) {
	count, err := c.accountant(ctx, pods[len(pods)-1])
	if err != nil {
		return killed, err
	}
	if err := c.warmUp(ctx, pods[0].server()); err != nil {
		return killed, err
	}
	before, err := count(ctx)
	if err != nil {
		return killed, err
	}
	for _, m := range four() {
		if err := c.vendors.SetFault(ctx, m.vendor, traffic.Fault{LatencyMs: int(crowdVendor.Milliseconds())}); err != nil {
			return killed, err
		}
	}
	m := c.message("", "News for everybody", chat)
	c.sent = wire.SendGroupMessage{ClientID: m.ClientID, From: c.user("speaker"), Body: m.Body, Push: m.Push}
	if _, err := pods[0].server().SendToGroup(ctx, c.group, c.sent); err != nil {
		return killed, err
	}
	if err := c.awaitMiddle(ctx, count, before); err != nil {
		return killed, err
	}
	killed = time.Now()
	err = c.destroy(ctx, pods[0])
	for _, m := range four() {
		err = errors.Join(err, c.vendors.ClearFault(ctx, m.vendor))
	}
	return killed, err
}

// warmUp sends to one offline member of each vendor: a group's message waits only for vendors that its dispatcher knows to deliver.
func (c *crowd) warmUp(ctx context.Context, at *client.Server) error {
	m := c.message("", "Before the news", chat)
	m.To = nil
	for i := range four() {
		m.To = append(m.To, c.all[3*i+1].user)
	}
	sent, err := at.Send(ctx, m)
	if err != nil {
		return err
	}
	return c.handed(ctx, sent.MessageID)
}

// awaitMiddle waits until everybody with a session has acknowledged, or half of the members are decided: who has not
// acknowledged by then may be pushed rightly.
func (c *crowd) awaitMiddle(ctx context.Context, count ledger, before report.Account) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for range look.C {
		now, err := count(ctx)
		if err != nil {
			return err
		}
		decided := now.Admitted - before.Admitted
		c.acknowledged = int(now.Cancelled - before.Cancelled)
		if c.acknowledged < connections && decided < members/2 {
			continue
		}
		c.Say("    %d of %d members are decided, %d have acknowledged", decided, members, c.acknowledged)
		if now.Unexpanded == 0 {
			return errors.New("all members were decided before the kill: this proves nothing")
		}
		return nil
	}
	return nil
}

// judge looks at every phone and session: who was offline sees the message once, who was online has it once and was not pushed.
func (c *crowd) judge(ctx context.Context) error {
	var mu sync.Mutex
	pushed, wrong := map[presence]int{}, []error{}
	err := c.each(ctx, func(ctx context.Context, _ int, m *member) error {
		shown, err := c.sees(ctx, m)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		pushed[m.presence] += shown
		if err := m.fair(shown); err != nil {
			wrong = append(wrong, err)
		}
		return nil
	})
	c.Say("    pushed: %d who were offline, %d who were reported online, %d with a session", pushed[offline], pushed[reported], pushed[connected])
	if late := connections - c.acknowledged; pushed[connected] > late {
		wrong = append(wrong, fmt.Errorf("%d with a session were pushed, and only %d had not acknowledged in time", pushed[connected], late))
	}
	if len(wrong) > 0 {
		err = errors.Join(err, fmt.Errorf("%d did not get what is theirs: %w", len(wrong), wrong[0]))
	}
	return err
}

// sees counts the notifications of the message on the phone. What the phone hides as a repetition, or what takes the place of another, is none.
func (c *crowd) sees(ctx context.Context, m *member) (shown int, err error) {
	arrivals, err := c.vendors.Notifications(ctx, m.phone, 0, 0)
	for _, a := range arrivals {
		if a.Title == c.sent.Push.Title && a.DuplicateOf == 0 && a.Replaces == 0 {
			shown++
		}
	}
	return shown, err
}

// fair tells whether the member got what is theirs.
func (m *member) fair(shown int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.presence == offline && shown != 1, m.presence == reported && shown != 0, shown > 1:
		return fmt.Errorf("the phone of %s showed the message %d times", m.user, shown)
	case m.presence == connected && len(m.got) != 1:
		return fmt.Errorf("the session of %s received the message %d times", m.user, len(m.got))
	}
	return nil
}
