package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
)

// process opens one of several stores over the same data.
func process(t *testing.T, uri string, tracer pgx.QueryTracer) *Store {
	t.Helper()
	o := options(at(uri))
	o.Tracer = tracer
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func register(t *testing.T, s *Store, pushID, token string) store.Registered {
	t.Helper()
	r, err := s.Register(t.Context(), store.Registration{
		PushID: pushID, SecretHash: sha256.Sum256([]byte(pushID)), Selector: message.Selector{Vendor: "FCM", AppType: 1},
		Tokens: map[message.TokenKind]string{message.TokenAlert: token},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestNoEpochIsGivenTwice changes one device at two processes: an epoch stands for one user only.
func TestNoEpochIsGivenTwice(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	uri := server.URI(server.NewDatabase(t))
	processes := []*Store{process(t, uri, nil), process(t, uri, nil)}
	d := register(t, processes[0], "p", "t").Device
	var mu sync.Mutex
	userAt := map[int64]string{}
	var wg sync.WaitGroup
	for i, s := range processes {
		for n := range 50 {
			wg.Go(func() {
				userID := fmt.Sprintf("user-%d-%d", i, n)
				changed, err := s.Bind(t.Context(), d.Key, userID)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if former, ok := userAt[changed.Device.Epoch]; ok {
					t.Errorf("epoch %d is of %s and of %s", changed.Device.Epoch, former, userID)
				}
				userAt[changed.Device.Epoch] = userID
			})
		}
	}
	wg.Wait()
	last, err := processes[0].Device(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	if want := d.Epoch + int64(len(userAt)); last.Epoch != want || userAt[last.Epoch] != last.UserID {
		t.Errorf("the device ends with %s at epoch %d, want %s at %d", last.UserID, last.Epoch, userAt[want], want)
	}
}

// TestTokenThatMovesMeanwhile lets a registration wait for the holder of its
// token, which is another device when the wait ends: the registration must lock that one too.
func TestTokenThatMovesMeanwhile(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	uri := server.URI(server.NewDatabase(t))
	seen := &recorder{}
	s := process(t, uri, seen)
	holder, next := register(t, s, "holder", "t").Device, register(t, s, "next", "other").Device

	conn, err := pgx.Connect(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	run := func(query string, args ...any) {
		if _, err := conn.Exec(t.Context(), s.sql(query), args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run(`BEGIN`)
	run(`SELECT FROM @.devices WHERE device_key = $1 FOR UPDATE`, holder.Key)
	before := seen.seen()[lockNamed]
	registered := make(chan store.Registered)
	go func() { registered <- register(t, s, "new", "t") }()
	for waiting := false; !waiting; {
		if err := s.row(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN
			(SELECT pid FROM pg_stat_activity WHERE datname = current_database()))`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	run(`DELETE FROM @.tokens WHERE device_key = $1`, next.Key)
	run(`UPDATE @.tokens SET device_key = $1 WHERE device_key = $2`, next.Key, holder.Key)
	run(`COMMIT`)

	select {
	case r := <-registered:
		if len(r.Retired) != 1 || r.Retired[0].Device != next.Key {
			t.Errorf("retired %v, want device %d", r.Retired, next.Key)
		}
	case <-time.After(time.Minute):
		t.Fatal("the registration does not end")
	}
	if tries := seen.seen()[lockNamed] - before; tries != 2 {
		t.Errorf("the devices were locked %d times, want again for the new holder", tries)
	}
}

// TestPlansOfANewStore looks at the plans that are made while all tables are
// empty: they are used until the tables are analyzed, however large they grow until then.
func TestPlansOfANewStore(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	s := process(t, server.URI(server.NewDatabase(t)), nil)
	conn, err := s.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, query := range []string{
		readUsers, lockNamed, readNamed, readTokens, moveDevices, deleteTokens, renewTokens, openCursors, setBadges, setUserBadge, raiseBadges, resetBadges, insertReceipts, noteDead, traceReceipts,
		deviceByID, devicesOf, connect, moveCursors, recordsFrom,
	} {
		for _, table := range readWhole(t, conn.Conn(), query) {
			t.Errorf("reads all of %s: %s", table, query)
		}
	}
}
