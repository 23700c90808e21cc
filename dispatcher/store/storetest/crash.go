package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
)

// Crash kills processes that write, at random moments, and checks each time
// that everything they had been answered is there. Helper makes the command of
// a process that calls WriteUntilKilled on the same data.
func Crash(t *testing.T, open Opener, helper func() *exec.Cmd) {
	t.Helper()
	answered := &ledger{epochs: map[int64]int64{}, places: map[string]map[int64]string{}, settled: map[int64]bool{}}
	for round := range 6 {
		killed(t, helper(), 1+rand.IntN(150), answered)
		b := &bench{T: t, opener: open}
		b.open()
		answered.check(b)
		b.must(b.Close())
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}

// killed runs a helper, notes what it was answered and kills it after some lines.
func killed(t *testing.T, cmd *exec.Cmd, after int, answered *ledger) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	n := 0
	for ; lines.Scan(); n++ {
		answered.note(t, lines.Text())
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || n < after {
		t.Fatalf("the helper ended by itself after %d lines: %v", n, err)
	}
}

// ledger holds what the killed processes were answered.
type ledger struct {
	places  map[string]map[int64]string // message ids by user and sequence
	epochs  map[int64]int64             // by device
	settled map[int64]bool
}

func (l *ledger) note(t *testing.T, line string) {
	t.Helper()
	var user, id string
	var n, epoch int64
	if _, err := fmt.Sscanf(line, "accept %s %d %s", &user, &n, &id); err == nil {
		if l.places[user] == nil {
			l.places[user] = map[int64]string{}
		}
		if l.places[user][n] != "" {
			t.Errorf("%s has two messages at %d", user, n)
		}
		l.places[user][n] = id
		return
	}
	if _, err := fmt.Sscanf(line, "bind %d %d", &n, &epoch); err == nil {
		l.epochs[n] = epoch
		return
	}
	if _, err := fmt.Sscanf(line, "settle %d", &n); err == nil {
		l.settled[n] = true
		return
	}
	t.Errorf("the helper says %q", line)
}

func (l *ledger) check(b *bench) {
	b.Helper()
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
	b.balanced()
	lease := b.lease()
	due := b.due("fcm")
	if lease.Adopted != int64(len(due)) {
		b.Errorf("adopted %d, but %d are due", lease.Adopted, len(due))
	}
	for _, d := range due {
		if l.settled[d.ID] {
			b.Errorf("delivery %d was settled and is due again", d.ID)
		}
	}
}

// WriteUntilKilled writes from several goroutines and says on out what it was
// answered, one line for each. It returns only when something fails.
func WriteUntilKilled(ctx context.Context, s store.Store, out io.Writer) error {
	if _, err := s.AcquireLease(ctx, store.Holder{Pod: "helper"}, time.Minute); err != nil {
		return err
	}
	const workers = 4
	lines := &writer{out: out}
	errs := make(chan error, workers)
	for w := range workers {
		go func() { errs <- writeForever(ctx, s, lines, fmt.Sprintf("own-%d", w)) }()
	}
	return <-errs
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
	row := got.Deliveries[0]
	if err := s.Settle(ctx, []store.Settlement{done(row, message.Handed, message.Outcome{Class: message.Accepted}, 1)}); err != nil {
		return err
	}
	return lines.say("settle %d", row.ID)
}
