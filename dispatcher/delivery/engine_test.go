package delivery

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/store"
)

func outcomes(classes ...message.Class) []message.Outcome {
	var out []message.Outcome
	for _, c := range classes {
		out = append(out, message.Outcome{Class: c, Code: "code"})
	}
	return out
}

// elapse lets virtual time pass; it is for synctest bubbles only.
func elapse(d time.Duration) { <-time.After(d) }

func TestSubmittedRowsAreSentAtOnceInTheVendorsBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		start := time.Now()
		b.submit([]message.Delivery{m.add(1, 1, 2, 3)})
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b", "c"}, {"d"}}, b.vendor.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if m.result(3).State != message.Handed || len(m.rows) != 0 {
			t.Errorf("got %+v, %d rows left", m.result(3), len(m.rows))
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestRowsOfADeadProcessAreSentAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.add(1, 1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("got %+v", m.result(1))
		}
	})
}

// TestARowThatWasStoredWithoutAnAnswerIsFound: the database took it and failed before it could say so.
func TestARowThatWasStoredWithoutAnAnswerIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		m.add(2, 2)
		elapse(lookEvery)
		synctest.Wait()
		if m.result(2).State != message.Handed {
			t.Errorf("got %+v after %s", m.result(2), lookEvery)
		}
	})
}

func TestOnlyTheFailedSubsetIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		v := &vendor{answers: map[string][]message.Outcome{"c": outcomes(message.Transient, message.Accepted)}}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1, 2)})
		elapse(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([][]string{{"b", "c"}, {"c"}}, v.sent()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestARefusedCredentialKeepsDeliveriesUntilItIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2)
		refusing := &vendor{answers: map[string][]message.Outcome{
			"b": outcomes(message.CredentialRejected), "c": outcomes(message.CredentialRejected),
		}}
		b := newBench(t, m, refusing)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		b.submit([]message.Delivery{m.add(2, 2)})
		elapse(10 * time.Hour)
		rows, err := b.engine.Channels(t.Context())
		if err != nil || rows[0].State != report.CredentialRejected || rows[0].Code != "code" || rows[0].Pending != 2 {
			t.Fatalf("got %+v, %v", rows, err)
		}
		b.vendor = &vendor{}
		document(t, b.path, "second")
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		elapse(2 * firstBackoff)
		synctest.Wait()
		if m.result(1).State != message.Handed || m.result(2).State != message.Handed {
			t.Errorf("got %+v and %+v", m.result(1), m.result(2))
		}
		if !refusing.closed {
			t.Error("the former provider is not closed")
		}
	})
}

func TestAnImpairedRowTriesOneCallAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		v := &vendor{answers: map[string][]message.Outcome{"b": outcomes(message.Throttled)}}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		v.mu.Lock()
		v.gate = make(chan struct{})
		v.mu.Unlock()
		b.submit([]message.Delivery{m.add(2, 2), m.add(3, 3)})
		elapse(2 * time.Second) // the row opens again
		synctest.Wait()
		if n := len(v.sent()); n != 2 {
			t.Errorf("%d calls, want the first and one trial", n)
		}
		close(v.gate)
		synctest.Wait()
	})
}

func TestNoCallForTheFormerUserStartsAfterQuiesce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		v := &vendor{gate: make(chan struct{})}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait() // the first call is open
		m.set(func(m *memory) { m.devices[1] = store.FenceState{Epoch: 2, UserID: "other", TokenOK: true} })
		answered := make(chan error, 1)
		go func() { answered <- b.engine.Quiesce(t.Context(), []store.EpochChange{{Device: 1, Epoch: 2}}) }()
		synctest.Wait()
		select {
		case err := <-answered:
			t.Fatal("answered while the former user's call is open", err)
		default:
		}
		close(v.gate)
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		b.submit([]message.Delivery{m.add(2, 1)}) // decided for epoch 1
		synctest.Wait()
		if n := len(v.sent()); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
		if r := m.result(1); r.State != message.Cancelled || r.Reason != message.ReasonFenced {
			t.Errorf("got %+v", r)
		}
	})
}

func TestNothingIsSentWithoutALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		m.set(func(m *memory) { m.renewed = errors.New("the database is gone") })
		elapse(lease.TTL)
		b.submit([]message.Delivery{m.add(1, 1)})
		elapse(lease.TTL)
		synctest.Wait()
		if n := len(b.vendor.sent()); n != 0 {
			t.Fatalf("%d calls without a lease", n)
		}
		m.set(func(m *memory) { m.renewed = nil })
		elapse(4 * lease.Interval)
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("not sent after the lease came back: %+v", m.result(1))
		}
	})
}

func TestExpiredRowsOfAMissingChannelAreAccounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		d := m.add(1, 1)
		d.Channel = "gone"
		m.rows[1] = d
		b := newBench(t, m, &vendor{})
		defer b.drain()
		elapse(25 * time.Hour)
		synctest.Wait()
		if r := m.result(1); r.State != message.Expired || r.Reason != message.ReasonTTL {
			t.Errorf("got %+v", r)
		}
	})
}

func TestAFailingStoreLosesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		m.failing = errors.New("disk is full")
		b := newBench(t, m, &vendor{})
		defer b.drain()
		b.submit([]message.Delivery{m.add(1, 1)})
		elapse(time.Minute)
		m.set(func(m *memory) { m.failing = nil })
		elapse(2 * storePause)
		synctest.Wait()
		if m.result(1).State != message.Handed {
			t.Errorf("got %+v", m.result(1))
		}
	})
}

func TestDrainAnswersOpenCallsAndStartsNoNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3)
		v := &vendor{gate: make(chan struct{})}
		b := newBench(t, m, v)
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		b.stop()
		synctest.Wait()
		b.submit([]message.Delivery{m.add(2, 2)})
		synctest.Wait()
		close(v.gate)
		b.drain()
		if m.result(1).State != message.Handed || len(v.sent()) != 1 || len(m.rows) != 1 {
			t.Errorf("got %+v, %d calls, %d rows left", m.result(1), len(v.sent()), len(m.rows))
		}
		if !v.closed {
			t.Error("the provider is not closed")
		}
	})
}

func TestTheFuseCountsAnswersThatAreNotSettledYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1, 2, 3, 4, 5, 6)
		m.hold = make(chan struct{})
		v := &vendor{answers: map[string][]message.Outcome{}}
		var rows []message.Delivery
		for device := range int64(6) {
			s := m.devices[device+1]
			s.AcceptedAt = time.Now()
			m.devices[device+1] = s
			v.answers[s.Token.Value] = outcomes(message.InvalidToken)
			rows = append(rows, m.add(device+1, device+1))
		}
		b := newBench(t, m, v)
		defer b.drain()
		b.submit(rows)
		synctest.Wait() // all six answers are there, none is settled
		close(m.hold)
		synctest.Wait()
		quarantined := 0
		for device := range int64(6) {
			if m.result(device+1).State == message.Quarantined {
				quarantined++
			}
		}
		if quarantined >= 3 {
			t.Errorf("%d good tokens were quarantined before the fuse blew", quarantined)
		}
	})
}

func TestARowThatNoProviderCanBeMadeOfSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(1)
		b := newBench(t, m, &vendor{})
		defer b.drain()
		synctest.Wait()
		b.vendor = nil
		document(t, b.path, "second")
		if err := b.live.Reload(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.submit([]message.Delivery{m.add(1, 1)})
		synctest.Wait()
		rows, err := b.engine.Channels(t.Context())
		if err != nil || rows[0].State != report.Misconfigured || rows[0].Message == "" || rows[0].Pending != 1 {
			t.Errorf("got %+v, %v", rows, err)
		}
	})
}

func TestALaneThatEndedTakesNoSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, newMemory(1), &vendor{})
		synctest.Wait()
		b.drain()
		late := &vendor{}
		l := b.engine.laneOf("row")
		l.replace(b.engine.newSender(l.sender.row, l.sender.term, late))
		if !late.closed || l.sender.provider == provider.Provider(late) {
			t.Error("the late sender is in use or not closed")
		}
	})
}
