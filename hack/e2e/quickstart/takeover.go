package quickstart

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/simulator/traffic"
)

const (
	// sends is how many messages are sent while a dispatcher dies.
	sends = 300
	// takeoverLimit bounds the time from the death of a dispatcher until what it left has arrived: its
	// lease runs out within 12 seconds, and the others look for such leases every 3. The rest is for a busy node.
	takeoverLimit = time.Minute
)

// flood is a send of many messages to several users through several dispatchers.
type flood struct {
	*Story
	pods  []pod
	users []string
	// half is closed when half of the messages are accepted.
	half chan struct{}

	mu sync.Mutex
	// accepted is who accepted the message with a payload.
	accepted map[string]pod
}

// takeover kills one of several dispatchers in the middle of a send, while what they accepted waits for the vendors.
func (s *Story) takeover(ctx context.Context) error {
	pods, err := s.running(ctx)
	if err != nil {
		return err
	}
	if len(pods) < 2 {
		return fmt.Errorf("%d dispatcher runs, want several", len(pods))
	}
	f := &flood{Story: s, pods: pods, half: make(chan struct{}), accepted: map[string]pod{}}
	phones, err := f.buyPhones(ctx)
	if err != nil {
		return err
	}
	victim := pods[0]
	killed, err := f.sendAndKill(ctx, victim)
	if err != nil {
		return err
	}
	a := &arrivals{World: s.World, phones: phones, first: map[string]time.Time{}}
	if err := a.collect(ctx, sends); err != nil {
		return err
	}
	if err := f.judge(a, victim, killed); err != nil {
		return err
	}
	if _, err := s.Kubectl(ctx, "-n", Namespace, "wait", "--for=condition=Ready", "pushapp/chat", "--timeout=180s"); err != nil {
		return err
	}
	return s.Show(ctx, "-n", Namespace, "get", "pods", "-l", dispatchers)
}

// buyPhones gives each of some users a phone, every second of the other vendor.
func (f *flood) buyPhones(ctx context.Context) (phones map[string]*handset, err error) {
	phones = map[string]*handset{}
	for i, model := range []model{android, xiaomi, android, xiaomi} {
		user := f.user(fmt.Sprintf("user%d", i))
		h, err := f.newPhone(ctx, model)
		if err == nil {
			err = f.bind(ctx, h, user)
		}
		if err != nil {
			return nil, err
		}
		phones[user] = h
		f.users = append(f.users, user)
	}
	return phones, nil
}

// sendAndKill sends everything and kills the victim after half of it; it returns when that was.
func (f *flood) sendAndKill(ctx context.Context, victim pod) (killed time.Time, err error) {
	vendors := []string{android.vendor, xiaomi.vendor}
	for _, v := range vendors {
		if err := f.vendors.SetFault(ctx, v, traffic.Fault{Throttle: true, RetryAfterSeconds: 1}); err != nil {
			return killed, err
		}
	}
	group, running := errgroup.WithContext(ctx)
	for i := range f.pods {
		group.Go(func() error { return f.sendShare(running, i) })
	}
	group.Go(func() error {
		select {
		case <-f.half:
		case <-running.Done():
			return running.Err()
		}
		killed = time.Now()
		f.Say("    %s is killed after half of %d messages", victim.name, sends)
		return crash(victim)
	})
	err = group.Wait()
	for _, v := range vendors {
		err = errors.Join(err, f.vendors.ClearFault(ctx, v))
	}
	return killed, err
}

// sendShare sends every n-th message through one dispatcher, or through the next when that does not answer.
func (f *flood) sendShare(ctx context.Context, share int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := share
	for n := share; n < sends; n += len(f.pods) {
		user := f.users[n%len(f.users)]
		payload := fmt.Sprintf("%s %d", user, n)
		m := f.message(user, "Sent while a dispatcher dies", payload)
		m.ClientID += fmt.Sprintf("-%d", n) // two shares may send in the same instant
		for {
			_, err := f.pods[at].server().Send(ctx, m)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("sending %q: %w", payload, err)
			}
			at = (at + 1) % len(f.pods)
		}
		f.note(payload, f.pods[at])
	}
	return nil
}

func (f *flood) note(payload string, by pod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.accepted[payload] = by
	if len(f.accepted) == sends/2 {
		close(f.half)
	}
}

// judge tells how long it took until the others had sent what the victim had accepted.
func (f *flood) judge(a *arrivals, victim pod, killed time.Time) error {
	left, took := 0, time.Duration(0)
	for payload, at := range a.first {
		if since := at.Sub(killed); f.accepted[payload] == victim && since > 0 {
			left++
			took = max(took, since)
		}
	}
	f.Say("    %d messages arrived, each on its user's phone; %d came again, which the phones hid", len(a.first), a.repeated)
	f.Say("    takeover: %d messages of %s arrived after its death, the last after %.1fs", left, victim.name, took.Seconds())
	if left == 0 {
		return errors.New("the killed dispatcher had left nothing: this proves nothing")
	}
	if took > takeoverLimit {
		return fmt.Errorf("the takeover took %s, more than %s", took, takeoverLimit)
	}
	return nil
}
