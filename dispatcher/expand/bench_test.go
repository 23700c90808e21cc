package expand_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/expand"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
)

// members is the size of the benchmark's group, of whom every third is connected.
const members = 10_000

// BenchmarkGroup sends to a group and waits until the message is decided and stored for all members, while a peer
// sends to another one.
func BenchmarkGroup(b *testing.B) {
	sealing := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	log := slog.New(slog.DiscardHandler)
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), sqlite.Options{Dir: b.TempDir(), AppID: "app", Pod: "pod", SealingKey: sealing, Log: log})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		benchmarkGroup(b, s)
	})
	b.Run("postgres", func(b *testing.B) {
		server := postgrestest.Shared(b)
		uri := server.URI(server.NewDatabase(b))
		s, err := postgres.Open(b.Context(), postgres.Options{
			AppID: "app", SealingKey: sealing, Log: log,
			Config: func() config.Postgres { return config.Postgres{URI: config.NewSecret(uri), Schema: "push"} },
		})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		benchmarkGroup(b, s)
		reportSizes(b, uri)
	})
}

func benchmarkGroup(b *testing.B, s store.Store) {
	b.Helper()
	if _, err := s.AcquireLease(b.Context(), store.Holder{Pod: "pod"}, time.Hour); err != nil {
		b.Fatal(err)
	}
	populate(b, s)
	a := accept.New(accept.Deps{
		Store: s, Sessions: nobody{}, Deliverer: nobody{}, Live: live(b), Metrics: metrics.New(prometheus.NewRegistry()),
	})
	w := expand.New(expand.Deps{
		Store: s, Acceptor: a, Lanes: nobody{}, Metrics: metrics.New(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	defer running.Wait()
	defer stop()
	quiet := peers(b, a, "quiet", func(i int) bool { return i < 200 })
	sent := 0
	var expanding time.Duration
	var busy []time.Duration
	for b.Loop() {
		start := time.Now()
		accepted(b, a, accept.Request{
			ClientID: fmt.Sprint("group-", sent), From: userID(0), Body: "hello", Detail: message.Detail{GroupID: "g"},
			Push: &message.PushConfig{Title: "title"}, Also: store.Also{Expansion: &store.NewExpansion{GroupID: "g"}},
		})
		busy = append(busy, peers(b, a, fmt.Sprint("busy-", sent), func(int) bool { return unexpanded(b, s) })...)
		expanding += time.Since(start)
		sent++
	}
	b.ReportMetric(float64(members*sent)/expanding.Seconds(), "members/s")
	b.ReportMetric(p99(quiet), "quiet-p99-ms")
	b.ReportMetric(p99(busy), "busy-p99-ms")
}

func p99(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)*99/100].Microseconds()) / 1000
}

// peers sends peer messages one after the other as long as more says, and how long each took.
func peers(b *testing.B, a *accept.Acceptor, prefix string, more func(i int) bool) (took []time.Duration) {
	b.Helper()
	for i := 0; i == 0 || more(i); i++ {
		start := time.Now()
		accepted(b, a, accept.Request{ClientID: fmt.Sprint(prefix, "-", i), From: "peer", To: []string{"other"}, Body: "hi"})
		took = append(took, time.Since(start))
	}
	return took
}

func accepted(b *testing.B, a *accept.Acceptor, r accept.Request) {
	b.Helper()
	if err := a.Accept(b.Context(), []accept.Request{r})[0].Err; err != nil {
		b.Fatal(err)
	}
}

func unexpanded(b *testing.B, s store.Store) bool {
	b.Helper()
	a, err := s.Account(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return a.Unexpanded > 0
}

func userID(i int) string { return fmt.Sprintf("user-%05d", i) }

// populate makes the group and a device of each member.
func populate(b *testing.B, s store.Store) {
	b.Helper()
	var all sync.WaitGroup
	places := make(chan struct{}, 256)
	for i := range members {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			r, err := s.Register(b.Context(), store.Registration{
				PushID: fmt.Sprint("push-", i), SecretHash: sha256.Sum256([]byte{1}), Selector: message.Selector{Vendor: "FCM", AppType: 1},
				Tokens: map[message.TokenKind]string{message.TokenAlert: fmt.Sprint("token-", i)},
			})
			if err != nil {
				b.Error(err)
				return
			}
			bound, err := s.Bind(b.Context(), r.Device.Key, userID(i))
			if err == nil && i%3 == 0 {
				_, err = s.Connect(b.Context(), []store.Session{{Device: r.Device.Key, Epoch: bound.Device.Epoch, Number: 1}})
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	for first := 0; first < members; first += 500 {
		users := make([]string, 500)
		for i := range users {
			users[i] = userID(first + i)
		}
		if _, err := s.PutGroup(b.Context(), "g", users); err != nil {
			b.Fatal(err)
		}
	}
}

// reportSizes tells what a member's inbox entry and an outcome take.
func reportSizes(b *testing.B, uri string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), uri)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	for _, table := range []string{"inbox", "outcomes"} {
		var bytes float64
		err := conn.QueryRow(b.Context(), `SELECT (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits
			WHERE inhparent = 'push.`+table+`'::regclass)::float / greatest((SELECT count(*) FROM push.`+table+`), 1)`).Scan(&bytes)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(bytes, table+"-B/row")
	}
}

// nobody stands for sessions and vendors that have no part in it.
type nobody struct{}

func (nobody) Notify(map[string]int64)          {}
func (nobody) Incarnation() int64               { return 1 }
func (nobody) Submit(int64, []message.Delivery) {}
func (nobody) Busy() bool                       { return false }

// live is a configuration with a channel row for FCM.
func live(b *testing.B) *config.Live {
	b.Helper()
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	doc := &config.Document{
		Version: config.Version, App: config.App{Namespace: "ns", Name: "chat", AppID: "app"},
		Channels: []config.Channel{{Name: "fcm", Vendor: "FCM", AppType: 1, FCM: &config.FCMChannel{ProjectID: "p", ServiceAccount: config.NewSecret("{}")}}},
		Routing:  config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 86400, MaxBacklog: 10_000_000},
		Auth:     config.Auth{ServerKeys: []config.Secret{config.NewSecret("server-key-of-the-benchmark")}},
		Retention: config.Retention{
			MessagesSeconds: 604800, ReceiptsSeconds: 604800, InactiveDevicesSeconds: 604800,
		},
		Keys: config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
	encoded, err := config.Encode(doc)
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), config.FileName)
	if err := os.WriteFile(path, encoded, 0o600); err != nil {
		b.Fatal(err)
	}
	out, err := config.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return out
}
