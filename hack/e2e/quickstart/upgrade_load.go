package quickstart

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
)

const (
	// answerLimit bounds a request; one that takes longer has failed.
	answerLimit = 30 * time.Second
	// keptConnections are idle ones that a client keeps.
	keptConnections = 32
	// toldFailures bounds the failures that are told one by one.
	toldFailures = 5
	// hold is the pause before a patient sender tries again.
	hold = 100 * time.Millisecond
)

// demand is a constant stream of messages to all users through the Service. A request that fails is not repeated.
type demand struct {
	*Upgrade
	name string
	rate int
	// clients take turns: one keeps its connections, the other has one for each request.
	clients []*client.Server
	// patient repeats what fails.
	patient bool

	mu       sync.Mutex
	requests int
	failures []error
	slowest  time.Duration
	// last is when a request was accepted, gap the longest time of sending in which none was. A client that hangs after
	// the end of sending says nothing of the others.
	last time.Time
	gap  time.Duration
	over bool
}

func (u *Upgrade) newDemand(rate int) *demand {
	u.tests++
	keeping := &http.Client{Timeout: answerLimit, Transport: &http.Transport{MaxIdleConnsPerHost: keptConnections}}
	dialing := &http.Client{Timeout: answerLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	return &demand{Upgrade: u, name: fmt.Sprintf("%d", u.tests), rate: rate, clients: []*client.Server{
		client.NewServer(u.serverPlane, serverKey, keeping), client.NewServer(u.serverPlane, serverKey, dialing),
	}}
}

// under does something while messages are sent. No request may fail, no message may be lost, and nobody online be pushed.
func (u *Upgrade) under(ctx context.Context, rate int, event func(context.Context) error) error {
	if err := u.newDemand(rate).during(ctx, event); err != nil {
		return err
	}
	return u.quiet(ctx)
}

// watched follows the numbers of a Deployment while something is done under load.
func (u *Upgrade) watched(ctx context.Context, namespace, deployment string, rate int, event func(context.Context) error) (numbers, error) {
	c, err := follow(ctx, namespace, deployment)
	if err != nil {
		return numbers{}, err
	}
	defer c.end()
	if err := u.under(ctx, rate, event); err != nil {
		return numbers{}, err
	}
	return c.end(), nil
}

// during sends while something is done, and then waits for all that was accepted.
func (d *demand) during(ctx context.Context, event func(context.Context) error) error {
	sending, stop := context.WithCancel(ctx)
	var both sync.WaitGroup
	both.Go(func() { d.send(sending) })
	var looked error
	both.Go(func() { looked = d.look(sending) })
	began := time.Now()
	err := event(ctx)
	took := time.Since(began)
	stop()
	both.Wait()
	d.Say("    %.1fs: %d requests, %d failed, the slowest answer took %.2fs", took.Seconds(), d.requests, len(d.failures), d.slowest.Seconds())
	for _, failure := range d.failures[:min(len(d.failures), toldFailures)] {
		d.Say("    failed: %v", failure)
	}
	if err := errors.Join(err, looked); err != nil {
		return err
	}
	if len(d.failures) > 0 && !d.patient {
		return fmt.Errorf("%d of %d requests failed, such as: %w", len(d.failures), d.requests, d.failures[0])
	}
	return d.complete(ctx)
}

// send sends at the rate until ctx ends, and waits for the answers.
func (d *demand) send(ctx context.Context) {
	var open sync.WaitGroup
	defer open.Wait()
	pace := time.NewTicker(time.Second / time.Duration(d.rate))
	defer pace.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			d.mu.Lock()
			d.over = true
			d.mu.Unlock()
			return
		case <-pace.C:
			open.Go(func() { d.deliver(context.WithoutCancel(ctx), n) })
		}
	}
}

// deliver sends one message.
func (d *demand) deliver(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	user := d.users[n%len(d.users)]
	m := d.message(user, "Sent on another day", fmt.Sprintf("%s %s-%d", user, d.name, n))
	m.ClientID = fmt.Sprintf("%s-%s-%d", d.run, d.name, n)
	server := d.clients[n/len(d.users)%len(d.clients)]
	for {
		began := time.Now()
		_, err := server.Send(ctx, m)
		d.note(user, began, err)
		if err == nil || !d.patient || ctx.Err() != nil {
			return
		}
		<-time.After(hold)
	}
}

func (d *demand) note(user string, began time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	d.requests++
	d.slowest = max(d.slowest, now.Sub(began))
	if err != nil {
		d.failures = append(d.failures, fmt.Errorf("at %s after %s: %w", now.Format(time.TimeOnly), now.Sub(began).Round(time.Millisecond), err))
		return
	}
	if !d.last.IsZero() && !d.over {
		d.gap = max(d.gap, now.Sub(d.last))
	}
	d.last = now
	d.accepted[user]++
}

// answeredSince is for await.
func (d *demand) answeredSince(moment time.Time) func(context.Context) error {
	return func(context.Context) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.last.Before(moment) {
			return fmt.Errorf("%w: the last answer came at %s", errNotYet, d.last.Format(time.TimeOnly))
		}
		return nil
	}
}

// look reads the phones now and then: they remember the last thousand arrivals.
func (d *demand) look(ctx context.Context) error {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
		for user, h := range d.arrived.phones {
			if err := d.arrived.look(context.WithoutCancel(ctx), user, h); err != nil {
				return err
			}
		}
	}
}

// complete waits until every accepted message is with its user: on the phone, or in the session.
func (d *demand) complete(ctx context.Context) error {
	pushes, live := 0, 0
	for user := range d.arrived.phones {
		pushes += d.accepted[user]
	}
	if err := d.arrived.collect(ctx, pushes); err != nil {
		return err
	}
	for user, a := range d.online {
		live += d.accepted[user]
		err := await(ctx, "the session of "+user+" to receive everything", func(context.Context) error {
			if got := a.distinct(); got != d.accepted[user] {
				return fmt.Errorf("%w: it has %d of %d messages", errNotYet, got, d.accepted[user])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	d.Say("    up to now %d messages arrived on phones and %d in sessions, each that was accepted; %d pushes came again, which the phones hid",
		pushes, live, d.arrived.repeated)
	return nil
}

// distinct counts the messages that the app received over its sessions.
func (a *app) distinct() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := map[string]bool{}
	for _, r := range a.received {
		seen[r[1]] = true
	}
	return len(seen)
}
