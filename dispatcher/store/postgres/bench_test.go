package postgres_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// users is how many users of one device each a benchmark's store has.
const users = 2000

// workload is a database with users, and what a benchmark asks it besides.
type workload struct {
	server     *postgrestest.Server
	uri        string
	admin      *pgx.Conn
	statements atomic.Int64
	devices    []message.Device
}

func newWorkload(b *testing.B) *workload {
	b.Helper()
	w := &workload{server: postgrestest.Shared(b)}
	w.uri = w.server.URI(w.server.NewDatabase(b))
	var err error
	if w.admin, err = pgx.Connect(b.Context(), w.uri); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = w.admin.Close(context.WithoutCancel(b.Context())) })
	s := w.open(b)
	w.devices = make([]message.Device, users)
	parallel(users, users, func(i int) {
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
		w.devices[i] = changed.Device
	})
	if b.Failed() {
		b.FailNow()
	}
	return w
}

// TraceQueryStart counts a statement. It implements pgx.QueryTracer.
func (w *workload) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	w.statements.Add(1)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (w *workload) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (w *workload) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery counts a statement of a pipeline. It implements pgx.BatchTracer.
func (w *workload) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	w.statements.Add(1)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (w *workload) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// open is one more process of the app, with a lease.
func (w *workload) open(b *testing.B) *postgres.Store {
	b.Helper()
	s, err := postgres.Open(b.Context(), postgres.Options{
		AppID: "bench", SealingKey: config.NewSecret("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), Log: slog.New(slog.DiscardHandler),
		Config: func() config.Postgres { return config.Postgres{URI: config.NewSecret(w.uri), Schema: "bench"} },
		Tracer: w,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	if _, err := s.AcquireLease(b.Context(), store.Holder{Pod: "pod"}, 24*time.Hour); err != nil {
		b.Fatal(err)
	}
	return s
}

// push is the life of one message to one device that is offline.
func push(ctx context.Context, s *postgres.Store, d message.Device) error {
	at := s.Now()
	id := uuid.Must(uuid.NewV7()).String()
	accepted := s.Accept(ctx, []store.AcceptRequest{{
		Message: message.Message{
			ID: id, Sender: "sender", Body: "hello", CreatedAt: at, PushExpiresAt: at.Add(time.Hour),
			Push: &message.PushConfig{Title: "title", Content: "content"},
		},
		ClientID: id, Hash: sha256.Sum256([]byte(id)), Recipients: []string{d.UserID}, MaxBacklog: 1 << 40, IdempotentUntil: at.Add(time.Minute),
		Deliveries: []store.NewDelivery{{
			Channel: "fcm", DueAt: at, Targets: []store.NewTarget{{Device: d.Key, Epoch: d.Epoch, UserID: d.UserID}},
		}},
	}})[0]
	if accepted.Err != nil {
		return accepted.Err
	}
	row := accepted.Deliveries[0]
	if _, err := s.Message(ctx, row.MessageID); err != nil {
		return err
	}
	states, err := s.Fence(ctx, store.FenceQuery{Devices: []int64{d.Key}, Kind: message.TokenAlert})
	if err != nil {
		return err
	}
	return s.Settle(ctx, []store.Settlement{{DeliveryID: row.ID, Done: []store.TargetResult{{
		Target: row.Targets[0], State: message.Handed, TokenGen: states.Devices[d.Key].Token.Gen,
		Outcome: message.Outcome{Class: message.Accepted, VendorMessageID: "vendor-id"},
	}}}})
}

// BenchmarkPush says what a push costs the database, alone and among others.
func BenchmarkPush(b *testing.B) {
	for _, callers := range []int{1, 32, 512} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			w := newWorkload(b)
			s := w.open(b)
			before := w.read(b)
			n := 0
			b.ResetTimer()
			for b.Loop() {
				parallel(callers, callers, func(i int) {
					if err := push(b.Context(), s, w.devices[i]); err != nil {
						b.Error(err)
					}
				})
				n += callers
			}
			b.StopTimer()
			w.report(b, before, n)
		})
	}
}

// costs are counters of the database.
type costs struct {
	statements, wal int64
	cpu             time.Duration
}

func (w *workload) read(b *testing.B) costs {
	b.Helper()
	c := costs{statements: w.statements.Load()}
	var err error
	if c.cpu, err = w.server.CPUTime(); err != nil {
		b.Fatal(err)
	}
	if err := w.admin.QueryRow(b.Context(), `SELECT (pg_current_wal_lsn() - '0/0')::bigint`).Scan(&c.wal); err != nil {
		b.Fatal(err)
	}
	return c
}

func (w *workload) report(b *testing.B, before costs, pushes int) {
	b.Helper()
	after, n := w.read(b), float64(pushes)
	b.ReportMetric(float64(after.statements-before.statements)/n, "statements/push")
	b.ReportMetric(float64(after.wal-before.wal)/n, "WAL-B/push")
	b.ReportMetric(float64((after.cpu-before.cpu).Microseconds())/n, "db-cpu-us/push")
	b.ReportMetric(n/b.Elapsed().Seconds(), "pushes/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkChurn pushes at a steady rate from two processes and shows that the
// tables whose rows come and go do not grow. With -benchtime 1h it takes an hour.
func BenchmarkChurn(b *testing.B) {
	const perSecond, minute = 200, 60
	w := newWorkload(b)
	pods := []*postgres.Store{w.open(b), w.open(b)}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var early, seconds, pushed int64
	b.ResetTimer()
	for b.Loop() {
		<-second.C
		parallel(perSecond, 64, func(i int) {
			if err := push(b.Context(), pods[i%2], w.devices[(int(seconds)*perSecond+i)%users]); err != nil {
				b.Error(err)
			}
		})
		seconds, pushed = seconds+1, pushed+perSecond
		if seconds%minute != 0 {
			continue
		}
		for more := true; more; {
			pruned, err := pods[0].Prune(b.Context(), store.Cutoffs{Idempotency: pods[0].Now()}, 10_000)
			if err != nil {
				b.Fatal(err)
			}
			more = pruned.More
		}
		size := w.queueBytes(b)
		if seconds == 5*minute {
			early = size
		}
		b.Logf("%d min: %d pushes, %d KiB in the tables of the queue", seconds/minute, pushed, size>>10)
	}
	b.StopTimer()
	if early > 0 {
		b.ReportMetric(float64(w.queueBytes(b))/float64(early), "growth-since-5min")
	}
	b.ReportMetric(float64(pushed), "pushes")
}

// queueBytes is the size on disk of the tables whose rows come and go, with their indexes.
func (w *workload) queueBytes(b *testing.B) (n int64) {
	b.Helper()
	if err := w.admin.QueryRow(b.Context(), `SELECT sum(pg_total_relation_size(('bench.' || t)::regclass))::bigint FROM unnest(ARRAY[
		'deliveries', 'leases', 'account', 'backlog', 'users', 'devices', 'tokens', 'cursors', 'idempotency']) t`).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
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
func backlog(b *testing.B, n int, waiting bool) *postgres.Store {
	b.Helper()
	w := newWorkload(b)
	s := w.open(b)
	at := s.Now().UnixMilli()
	later := int64(0)
	if waiting {
		later = time.Hour.Milliseconds()
	}
	for _, fill := range []struct {
		sql  string
		args []any
	}{
		{`SET session_replication_role = replica`, nil},
		{
			`INSERT INTO bench.deliveries (message_id, channel, priority, owner, targets, target_count, attempt, due_at, expires_at, changed_at)
			SELECT gen_random_uuid(), 'fcm', 0, (SELECT max(incarnation) FROM bench.leases), '\x0100', 0, 0,
				$1::bigint + CASE WHEN n > $2::bigint THEN $3::bigint ELSE 0 END, $1::bigint + 7200000 - n, $1::bigint FROM generate_series(1::bigint, $4::bigint) AS n`,
			[]any{at, int64(storetest.DuePage), later, int64(n)},
		},
		{`VACUUM ANALYZE bench.deliveries`, nil},
	} {
		if _, err := w.admin.Exec(b.Context(), fill.sql, fill.args...); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// parallel runs f for 0 to n-1, so many at a time.
func parallel(n, atATime int, f func(i int)) {
	var wg sync.WaitGroup
	free := make(chan struct{}, atATime)
	for i := range n {
		free <- struct{}{}
		wg.Go(func() {
			f(i)
			<-free
		})
	}
	wg.Wait()
}
