package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/rules"
)

// acceptTogether commits requests as one batch.
func acceptTogether(t *testing.T, s *Store, reqs ...store.AcceptRequest) []store.AcceptResult {
	t.Helper()
	batch := make([]*acceptRequest, len(reqs))
	for i, r := range reqs {
		checked, err := rules.NewAccept(r)
		if err != nil {
			t.Fatal(err)
		}
		batch[i] = &acceptRequest{Accept: checked}
	}
	if err := s.inPipeline(t.Context(), func(ctx context.Context, tx *tx) error { return commitAccepts(ctx, tx, batch) }); err != nil {
		t.Fatal(err)
	}
	out := make([]store.AcceptResult, len(batch))
	for i, r := range batch {
		out[i] = r.result
	}
	return out
}

// settleTogether commits calls as one batch.
func settleTogether(t *testing.T, s *Store, calls ...[]store.Settlement) []error {
	t.Helper()
	batch := make([]*settleRequest, len(calls))
	for i, c := range calls {
		batch[i] = &settleRequest{settlements: c}
	}
	if err := s.inPipeline(t.Context(), func(ctx context.Context, tx *tx) error { return commitSettles(ctx, tx, batch) }); err != nil {
		t.Fatal(err)
	}
	out := make([]error, len(batch))
	for i, r := range batch {
		out[i] = r.err
	}
	return out
}

func balanced(t *testing.T, s *Store) {
	t.Helper()
	a, err := s.Account(t.Context())
	if err != nil || a.Unaccounted() != 0 {
		t.Errorf("the account %+v does not balance: %v", a, err)
	}
}

func TestTheCapCountsTheRequestsBefore(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	capped := func(n int64) store.AcceptRequest {
		r := pushTo(d)
		r.MaxBacklog = n
		return r
	}
	full := capped(1)
	got := acceptTogether(t, s, capped(1), full, full, capped(2), capped(2))
	for i, want := range []error{nil, store.ErrBacklogFull, store.ErrBacklogFull, nil, store.ErrBacklogFull} {
		if !errors.Is(got[i].Err, want) || got[i].Duplicate {
			t.Errorf("request %d: %+v, want %v", i, got[i], want)
		}
	}
	full.MaxBacklog = 3
	if again := acceptTogether(t, s, full)[0]; again.Err != nil || again.Duplicate || again.Seqs["anna"] != 3 {
		t.Errorf("the refused request left something behind: %+v", again)
	}
	balanced(t, s)
}

func TestRepetitionsInABatch(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	d := message.Device{UserID: "anna"}
	request := func(client string) store.AcceptRequest {
		r := pushTo(d)
		r.ClientID, r.Hash, r.Deliveries = client, [32]byte{1}, nil
		return r
	}
	stored := request("stored")
	first := acceptTogether(t, s, stored)[0]
	other, otherStored := request("new"), request("stored")
	other.Hash, otherStored.Hash = [32]byte{2}, [32]byte{2}
	fresh := request("new")
	got := acceptTogether(t, s, fresh, request("new"), other, request("stored"), otherStored, stored)
	for i, want := range []struct {
		id        string
		duplicate bool
		seq       int64
		err       error
	}{
		{id: fresh.Message.ID, seq: 2},
		{id: fresh.Message.ID, seq: 2, duplicate: true},
		{err: store.ErrConflict},
		{id: first.MessageID, seq: 1, duplicate: true},
		{err: store.ErrConflict},
		{id: first.MessageID, seq: 1, duplicate: true},
	} {
		g := got[i]
		if g.MessageID != want.id || g.Duplicate != want.duplicate || g.Seqs["anna"] != want.seq || !errors.Is(g.Err, want.err) {
			t.Errorf("request %d: %+v, want %+v", i, g, want)
		}
	}
}

func TestABadSettlementDoesNotHinderOthers(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	acquire(t, s)
	d := boundDevice(t, s, "anna")
	rows := make([]message.Delivery, 3)
	for i := range rows {
		rows[i] = accept(t, s, pushTo(d))[0]
	}
	again := handed(rows[0])
	retry := store.Settlement{DeliveryID: rows[1].ID, Retry: []store.Retry{{Targets: rows[1].Targets, DueAt: rows[1].DueAt, Attempt: 1}}}
	half := []store.Settlement{handed(rows[2]), {DeliveryID: 99}}
	errs := settleTogether(t, s, []store.Settlement{handed(rows[0])}, []store.Settlement{again}, half,
		[]store.Settlement{retry}, []store.Settlement{{DeliveryID: rows[2].ID}}, []store.Settlement{handed(rows[1])})
	if err := errs[4]; err == nil || errors.Is(err, store.ErrLeaseLost) {
		t.Errorf("a settlement of no target: %v, want a refusal", err)
	}
	for i, want := range map[int]error{0: nil, 1: store.ErrLeaseLost, 2: store.ErrLeaseLost, 3: nil, 5: nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("call %d: %v, want %v", i, errs[i], want)
		}
	}
	left, err := s.Due(t.Context(), store.DueQuery{Channel: "fcm", Until: s.Now(), Limit: 10})
	if err != nil || len(left) != 1 || left[0].ID != rows[2].ID || left[0].Attempt != 0 {
		t.Errorf("left %+v, %v, want row %d as it was", left, err, rows[2].ID)
	}
	balanced(t, s)
}

// What a vendor says may hold what PostgreSQL does not store.
func TestAVendorsWordsAreStored(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	acquire(t, s)
	row := accept(t, s, pushTo(boundDevice(t, s, "anna")))[0]
	said := message.Outcome{Class: message.Transient, Code: "\x00a", Detail: "b\xff"}
	if err := settleTogether(t, s, []store.Settlement{{
		DeliveryID: row.ID, Retry: []store.Retry{{Targets: row.Targets, DueAt: row.DueAt, Last: said}},
	}})[0]; err != nil {
		t.Fatal(err)
	}
	end := handed(row)
	end.Done[0].Outcome = said
	if err := settleTogether(t, s, []store.Settlement{end})[0]; err != nil {
		t.Fatal(err)
	}
	got, err := s.Trace(t.Context(), row.MessageID)
	if err != nil || len(got) != 1 || got[0].Code != "a" || got[0].Detail != "b\uFFFD" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestNoDeadlocks has several processes write what all of them lock.
func TestNoDeadlocks(t *testing.T) {
	t.Parallel()
	const workers, rounds = 2, 20
	stores := handles(t, 12) // more connections than there are shards of counters
	users := []string{"anna", "bert", "carl", "dora"}
	devices := make([]message.Device, len(users))
	for i, userID := range users {
		devices[i] = boundDevice(t, stores[0], userID)
	}
	var wg sync.WaitGroup
	for _, s := range stores {
		acquire(t, s)
		for w := range workers {
			wg.Go(func() {
				for round := range rounds {
					churn(t, s, devices, w+round)
				}
			})
		}
	}
	wg.Wait()
	var deadlocks int64
	if err := stores[0].row(t.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks); err != nil {
		t.Fatal(err)
	}
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
	balanced(t, stores[0])
}

// churn accepts a message to all devices through two channels, and settles in different orders.
func churn(t *testing.T, s *Store, devices []message.Device, turn int) {
	t.Helper()
	r := pushTo(devices[0])
	r.Recipients, r.Deliveries = nil, nil
	for i := range devices {
		d := devices[(i+turn)%len(devices)]
		r.Recipients = append(r.Recipients, d.UserID)
		target := store.NewTarget{Device: d.Key, Epoch: d.Epoch, UserID: d.UserID}
		if i%2 == 0 {
			r.Deliveries = append(r.Deliveries, store.NewDelivery{Channel: fmt.Sprint("c", (i+turn)%3), DueAt: r.Message.CreatedAt})
		}
		last := &r.Deliveries[len(r.Deliveries)-1]
		last.Targets = append(last.Targets, target)
	}
	rows := accept(t, s, r)
	if len(rows) != 2 {
		t.Errorf("%d rows, want 2", len(rows))
		return
	}
	part := store.Settlement{DeliveryID: rows[1].ID, Retry: []store.Retry{{Targets: rows[1].Targets[1:], DueAt: rows[1].DueAt}}}
	part.Done = handed(rows[1]).Done[:1]
	rest := message.Delivery{ID: rows[1].ID, Targets: rows[1].Targets[1:]}
	for _, call := range [][]store.Settlement{{handed(rows[0]), part}, {handed(rest)}} {
		if err := s.Settle(t.Context(), call); err != nil {
			t.Error(err)
		}
	}
}
