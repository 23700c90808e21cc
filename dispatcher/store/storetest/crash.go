package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Crash kills processes that write, as many at once as the store allows, at
// random moments, and checks each time that everything they had been answered
// is there. Helper makes the command of a process that calls WriteUntilKilled
// on the same data.
func Crash(t *testing.T, open Opener, processes int, helper func() *exec.Cmd) {
	t.Helper()
	answered := &ledger{epochs: map[int64]int64{}, places: map[string]map[int64]string{}, settled: map[int64]bool{}}
	for round := range 6 {
		var wg sync.WaitGroup
		for range processes {
			cmd := helper()
			wg.Go(func() {
				if err := killed(cmd, 1+rand.IntN(150), answered); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b := &bench{T: t, opener: open, made: &atomic.Int64{}}
		b.open()
		answered.check(b)
		b.must(b.ReleaseLease(t.Context()))
		b.must(b.Close())
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// killed runs a helper, notes what it was answered and kills it after some lines.
func killed(cmd *exec.Cmd, after int, answered *ledger) error {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var errs []error
	lines := bufio.NewScanner(out)
	n := 0
	for ; lines.Scan(); n++ {
		errs = append(errs, answered.note(lines.Text()))
		if n == after {
			errs = append(errs, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil || n < after {
		errs = append(errs, fmt.Errorf("the helper ended by itself after %d lines", n), err)
	}
	return errors.Join(errs...)
}

// ledger holds what the killed processes were answered.
type ledger struct {
	mu      sync.Mutex
	places  map[string]map[int64]string // message ids by user and sequence
	epochs  map[int64]int64             // by device
	settled map[int64]bool
	sent    []string // messages to the group of crashMembers
}

func (l *ledger) note(line string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var user, id string
	var n, epoch int64
	if _, err := fmt.Sscanf(line, "accept %s %d %s", &user, &n, &id); err == nil {
		if l.places[user] == nil {
			l.places[user] = map[int64]string{}
		}
		if former := l.places[user][n]; former != "" {
			return fmt.Errorf("%s has messages %s and %s at %d", user, former, id, n)
		}
		l.places[user][n] = id
		return nil
	}
	if _, err := fmt.Sscanf(line, "bind %d %d", &n, &epoch); err == nil {
		l.epochs[n] = epoch
		return nil
	}
	if _, err := fmt.Sscanf(line, "sent %s", &id); err == nil {
		l.sent = append(l.sent, id)
		return nil
	}
	if _, err := fmt.Sscanf(line, "settle %d", &n); err == nil {
		l.settled[n] = true
		return nil
	}
	return fmt.Errorf("the helper says %q", line)
}

// check waits until the leases of the killed have run out, so that no write of theirs is under way.
func (l *ledger) check(b *bench) {
	b.Helper()
	due := b.inheritAll()
	for user, places := range l.places {
		entries := b.inbox(user, 0)
		b.contiguous(user, len(entries))
		for seq, id := range places {
			if seq > int64(len(entries)) || entries[seq-1].Message.ID != id {
				b.Errorf("%s: the accepted message %s is not at %d", user, id, seq)
			}
		}
	}
	for device, epoch := range l.epochs {
		if s, _ := b.fence(device); s.Epoch < epoch {
			b.Errorf("device %d is at epoch %d, but %d was answered", device, s.Epoch, epoch)
		}
	}
	l.checkGroup(b)
	b.balanced()
	for _, d := range due {
		if l.settled[d.ID] {
			b.Errorf("delivery %d was settled and is due again", d.ID)
		}
	}
}

// inheritAll acquires the lease and waits until nobody else lives and all that is pending is its own.
func (b *bench) inheritAll() (due []message.Delivery) {
	b.Helper()
	adopted := b.lease().Adopted
	b.until("the end of the others' leases", func() bool {
		peers, err := b.Peers(b.Context())
		b.must(err)
		return len(peers) == 0
	})
	pending, err := b.Backlog(b.Context())
	b.must(err)
	b.adopts(pending["fcm"] - adopted) // each row has one target
	due = b.due("fcm")
	if int64(len(due)) != pending["fcm"] {
		b.Errorf("%d are due, %d pending", len(due), pending["fcm"])
	}
	return due
}

// WriteUntilKilled writes from several goroutines, under a lease that outlives
// the process by the ttl at most, and says on out what it was answered, one
// line for each. It returns only when something fails.
func WriteUntilKilled(ctx context.Context, s store.Store, ttl time.Duration, out io.Writer) error {
	if _, err := s.AcquireLease(ctx, store.Holder{Pod: "helper", Addr: "helper:1"}, ttl); err != nil {
		return err
	}
	const workers = 4
	lines := &writer{out: out}
	errs := make(chan error, workers+2)
	go func() { errs <- expandForever(ctx, s, lines) }()
	go func() { errs <- renewForever(ctx, s, ttl) }()
	for w := range workers {
		go func() { errs <- writeForever(ctx, s, lines, fmt.Sprintf("own-%d", w)) }()
	}
	return <-errs
}

func renewForever(ctx context.Context, s store.Leases, ttl time.Duration) error {
	for range time.Tick(ttl / 4) {
		if _, err := s.RenewLease(ctx, ttl); err != nil {
			return err
		}
	}
	return nil
}

type writer struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *writer) say(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := fmt.Fprintf(w.out, format+"\n", args...)
	return err
}

func writeForever(ctx context.Context, s store.Store, lines *writer, userID string) error {
	id := uuid.NewString()
	r, err := s.Register(ctx, registration(id, "token-"+id))
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		if err := writeOnce(ctx, s, lines, r.Device.Key, []string{userID, userID + "-other"}[i%2]); err != nil {
			return err
		}
	}
}

// writeOnce binds, sends to the device and to an inbox that all share, and settles.
func writeOnce(ctx context.Context, s store.Store, lines *writer, device int64, userID string) error {
	bound, err := s.Bind(ctx, device, userID)
	if err != nil {
		return err
	}
	if err := lines.say("bind %d %d", device, bound.Device.Epoch); err != nil {
		return err
	}
	r := request(bound.Device)
	r.Recipients = append(r.Recipients, "shared")
	got := s.Accept(ctx, []store.AcceptRequest{r})[0]
	if got.Err != nil {
		return got.Err
	}
	for user, seq := range got.Seqs {
		if err := lines.say("accept %s %d %s", user, seq, got.MessageID); err != nil {
			return err
		}
	}
	if got.Seqs["shared"]%2 == 0 {
		return nil
	}
	if len(got.Deliveries) != 1 {
		return fmt.Errorf("owns %d deliveries of one: the lease ran out before it was renewed", len(got.Deliveries))
	}
	row := got.Deliveries[0]
	if err := s.Settle(ctx, []store.Settlement{done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1)}); err != nil {
		return err
	}
	return lines.say("settle %d", row.ID)
}
