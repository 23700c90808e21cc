package sqlite

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// callers is how many requests are in the air at once.
const callers = 512

// benchStore opens a store with devices that are bound to users u0, u1 and so on.
func benchStore(b *testing.B) (*Store, []message.Device) {
	b.Helper()
	s, err := Open(b.Context(), options(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.AcquireLease(b.Context(), store.Holder{Pod: "pod"}, time.Minute); err != nil {
		b.Fatal(err)
	}
	devices := make([]message.Device, 1000)
	parallel(len(devices), func(i int) {
		r, err := s.Register(b.Context(), store.Registration{
			PushID: fmt.Sprint("p", i), Selector: message.Selector{Vendor: "FCM", AppType: 1},
			Tokens: map[message.TokenKind]string{message.TokenAlert: fmt.Sprint("t", i)},
		})
		if err != nil {
			b.Error(err)
			return
		}
		changed, err := s.Bind(b.Context(), r.Device.Key, fmt.Sprint("u", i))
		if err != nil {
			b.Error(err)
		}
		devices[i] = changed.Device
	})
	return s, devices
}

// parallel runs f for 0 to n-1, callers at a time.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	free := make(chan struct{}, callers)
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			f(i)
			<-free
		})
	}
	wg.Wait()
}

func unicast(d message.Device) store.AcceptRequest {
	now := time.Now()
	id := uuid.Must(uuid.NewV7()).String()
	return store.AcceptRequest{
		Message: message.Message{
			ID: id, Sender: "sender", Body: "hello", CreatedAt: now, PushExpiresAt: now.Add(time.Hour),
			Push: &message.PushConfig{Title: "title", Content: "content"},
		},
		ClientID: id, Hash: sha256.Sum256([]byte(id)), Recipients: []string{d.UserID}, MaxBacklog: 1 << 40,
		Deliveries: []store.NewDelivery{{
			Channel: "fcm", DueAt: now, Targets: []store.NewTarget{{Device: d.Key, Epoch: d.Epoch, UserID: d.UserID}},
		}},
	}
}

func BenchmarkAccept(b *testing.B) {
	s, devices := benchStore(b)
	b.ReportAllocs()
	b.ResetTimer()
	parallel(b.N, func(i int) {
		if got := s.Accept(b.Context(), []store.AcceptRequest{unicast(devices[i%len(devices)])}); got[0].Err != nil {
			b.Error(got[0].Err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepts/s")
}

func BenchmarkAcceptSingly(b *testing.B) {
	s, devices := benchStore(b)
	i := 0
	for b.Loop() {
		if got := s.Accept(b.Context(), []store.AcceptRequest{unicast(devices[i%len(devices)])}); got[0].Err != nil {
			b.Error(got[0].Err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepts/s")
}

func BenchmarkSettle(b *testing.B) {
	s, devices := benchStore(b)
	rows := make([]message.Delivery, b.N)
	parallel(b.N, func(i int) {
		got := s.Accept(b.Context(), []store.AcceptRequest{unicast(devices[i%len(devices)])})
		if got[0].Err != nil {
			b.Error(got[0].Err)
			return
		}
		rows[i] = got[0].Deliveries[0]
	})
	b.ReportAllocs()
	b.ResetTimer()
	parallel(b.N, func(i int) {
		err := s.Settle(b.Context(), []store.Settlement{{DeliveryID: rows[i].ID, Done: []store.TargetResult{{
			Target: rows[i].Targets[0], State: message.Handed, TokenGen: 1, Outcome: message.Outcome{Class: message.Accepted},
		}}}})
		if err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settles/s")
}

// BenchmarkFence reads the state of a whole vendor call.
func BenchmarkFence(b *testing.B) {
	s, devices := benchStore(b)
	keys := make([]int64, len(devices))
	for i, d := range devices {
		keys[i] = d.Key
	}
	b.ReportAllocs()
	for b.Loop() {
		if states, err := s.Fence(b.Context(), store.FenceQuery{Devices: keys, Kind: message.TokenAlert}); err != nil || len(states.Devices) != len(keys) {
			b.Fatal(len(states.Devices), err)
		}
	}
}

// BenchmarkDue finds the next deliveries to send among few and among many: all of them due, and all but a page waiting for
// a later time.
func BenchmarkDue(b *testing.B) {
	for name, waiting := range map[string]bool{"all due": false, "most waiting": true} {
		b.Run(name, func(b *testing.B) {
			storetest.CompareDue(b, backlog(b, storetest.FewDeliveries, waiting), backlog(b, storetest.ManyDeliveries, waiting))
		})
	}
}

// backlog opens a store with n deliveries. Those that wait end before the page that is due.
func backlog(b *testing.B, n int, waiting bool) *Store {
	b.Helper()
	s, devices := benchStore(b)
	for i := range storetest.DuePage {
		if got := s.Accept(b.Context(), []store.AcceptRequest{unicast(devices[i])}); got[0].Err != nil {
			b.Fatal(got[0].Err)
		}
	}
	later := int64(0)
	if waiting {
		later = time.Minute.Milliseconds()
	}
	err := s.write(b.Context(), func(t *tx) error {
		_, err := t.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			INSERT INTO deliveries (message_id, channel, priority, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
			SELECT d.message_id, d.channel, d.priority, d.owner, d.targets, 1, 0, d.due_at + ?, d.expires_at - 60000, d.changed_at
			FROM n, (SELECT * FROM deliveries LIMIT 1) AS d`, n-storetest.DuePage, later)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}
