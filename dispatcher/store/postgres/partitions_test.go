package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// handles opens several stores of the same data, as several processes do.
func handles(t *testing.T, n int) []*Store {
	t.Helper()
	server := postgrestest.Shared(t)
	c := config.Postgres{URI: config.NewSecret(server.URI(server.NewDatabase(t))), Schema: "push"}
	out := make([]*Store, n)
	for i := range out {
		s, err := Open(t.Context(), options(c))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		out[i] = s
	}
	return out
}

// onDay gives a request the id that it would have had some days from now.
func onDay(s *Store, r store.AcceptRequest, days int64) store.AcceptRequest {
	id := uuid.MustParse(r.Message.ID)
	at := uint64(millis(s.Now()) + days*dayMillis)
	binary.BigEndian.PutUint64(id[:8], at<<16|uint64(binary.BigEndian.Uint16(id[6:8])))
	r.Message.ID = id.String()
	return r
}

func accept(t *testing.T, s *Store, r store.AcceptRequest) []message.Delivery {
	t.Helper()
	got := s.Accept(t.Context(), []store.AcceptRequest{r})[0]
	if got.Err != nil {
		t.Error(got.Err)
	}
	return got.Deliveries
}

// daysOf lists a table's partitions as days from today on.
func daysOf(t *testing.T, s *Store, table string) (days []int64) {
	t.Helper()
	all, err := s.partitions(t.Context(), s.pool)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.table == table {
			days = append(days, p.day-dayOf(millis(s.Now())))
		}
	}
	slices.Sort(days)
	return days
}

func prune(t *testing.T, s *Store, before store.Cutoffs) {
	t.Helper()
	for more := true; more; {
		pruned, err := s.Prune(t.Context(), before, 100)
		if err != nil {
			t.Fatal(err)
		}
		more = pruned.More
	}
}

func TestPartitionsAreMadeAhead(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	for _, table := range []string{messagesTable, inboxTable, outcomesTable} {
		if got := daysOf(t, s, table); !slices.Equal(got, []int64{0, 1, 2, 3}) {
			t.Errorf("%s has the days %v, want today and three more", table, got)
		}
	}
}

func TestRowsOfAnyDayAreAccepted(t *testing.T) {
	t.Parallel()
	stores := handles(t, 2)
	d := message.Device{UserID: "anna", Key: 1, Epoch: 1}
	var wg sync.WaitGroup
	for i := range int64(12) { // all want to make the same partitions
		wg.Go(func() { accept(t, stores[i%2], onDay(stores[0], pushTo(d), []int64{-40, 40}[i/2%2])) })
	}
	wg.Wait()
	for _, table := range []string{messagesTable, inboxTable} {
		if got := daysOf(t, stores[0], table); !slices.Equal(got, []int64{-40, 0, 1, 2, 3, 40}) {
			t.Errorf("%s has the days %v", table, got)
		}
	}
}

// What a process remembers of the partitions is out of date when another one has dropped some.
func TestADroppedDayIsMadeAgain(t *testing.T) {
	t.Parallel()
	stores := handles(t, 2)
	quiet := func() store.AcceptRequest {
		r := onDay(stores[0], pushTo(message.Device{UserID: "anna"}), -9)
		r.Deliveries = nil
		return r
	}
	accept(t, stores[0], quiet())
	prune(t, stores[1], store.Cutoffs{Messages: stores[1].Now()})
	if got := daysOf(t, stores[0], messagesTable); slices.Contains(got, -9) {
		t.Fatalf("the day was not dropped: %v", got)
	}
	for range 2 {
		accept(t, stores[0], quiet())
	}
	if _, err := stores[1].pool.Exec(t.Context(), `DROP TABLE push.outcomes_`+instant(millis(stores[1].Now())).Format("20060102")); err != nil {
		t.Fatal(err)
	}
	r := quiet()
	r.Suppressed = []store.Suppression{{UserID: "anna", Reason: message.ReasonNeverLoggedIn}}
	accept(t, stores[0], r)
	if got := daysOf(t, stores[0], outcomesTable); !slices.Contains(got, 0) {
		t.Errorf("outcomes have the days %v, but none for today", got)
	}
}

func TestPruneDropsWholeDays(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	if _, err := s.AcquireLease(t.Context(), store.Holder{Pod: "pod"}, 1<<40); err != nil {
		t.Fatal(err)
	}
	d := boundDevice(t, s, "anna")
	for _, days := range []int64{-7, -6, -5} {
		rows := accept(t, s, onDay(s, pushTo(d), days))
		if days == -6 {
			continue // is pending
		}
		if err := s.Settle(t.Context(), []store.Settlement{handed(rows[0])}); err != nil {
			t.Fatal(err)
		}
	}
	// Its name does not matter.
	odd := `ALTER TABLE push.messages_` + s.Now().AddDate(0, 0, -7).UTC().Format("20060102") + ` RENAME TO "an ""odd"" name"`
	if _, err := s.pool.Exec(t.Context(), odd); err != nil {
		t.Fatal(err)
	}
	prune(t, s, store.Cutoffs{Messages: s.Now().AddDate(0, 0, -4)})
	for _, table := range []string{messagesTable, inboxTable} {
		if got := daysOf(t, s, table); !slices.Equal(got, []int64{-6, 0, 1, 2, 3}) {
			t.Errorf("%s has the days %v, want the pending one and those ahead", table, got)
		}
	}
}

// A day that cannot be dropped at once is dropped the next time, instead of
// having all accepts wait behind the drop.
func TestPruneGivesWay(t *testing.T) {
	t.Parallel()
	s := handles(t, 1)[0]
	r := onDay(s, pushTo(message.Device{UserID: "anna"}), -7)
	r.Deliveries = nil
	accept(t, s, r)
	reader, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), `SELECT FROM push.messages`); err != nil {
		t.Fatal(err)
	}
	cut := store.Cutoffs{Messages: s.Now().AddDate(0, 0, -1)}
	prune(t, s, cut)
	if got := daysOf(t, s, messagesTable); !slices.Contains(got, -7) {
		t.Errorf("a table in use was dropped: %v", got)
	}
	if err := reader.Rollback(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	prune(t, s, cut)
	if got := daysOf(t, s, messagesTable); slices.Contains(got, -7) {
		t.Errorf("the day is still there: %v", got)
	}
}

// A host that vanishes without a word would keep the connection of who waits for it.
func TestPruneGivesAFrozenDatabaseUp(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, postgrestest.Options{NoSync: true})
	s, err := Open(t.Context(), options(at(server.URI(server.NewDatabase(t)))))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	thaw, err := server.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Prune(t.Context(), store.Cutoffs{}, 1)
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-time.After(4 * statementTimeout):
		err = errors.New("it waits still")
	}
	if thawed := thaw(); thawed != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v", err, thawed)
	}
}

func TestDays(t *testing.T) {
	t.Parallel()
	for day := range int64(30_000) {
		if got := dayOfID(firstID(day)); got != day {
			t.Fatalf("day %d begins on day %d", day, got)
		}
	}
	id := firstID(20_000)
	last := firstID(20_001)
	binary.BigEndian.PutUint64(last[:8], binary.BigEndian.Uint64(last[:8])-1)
	if dayOfID(last) != 20_000 || id.String() >= last.String() {
		t.Errorf("%s is on day %d", last, dayOfID(last))
	}
}
