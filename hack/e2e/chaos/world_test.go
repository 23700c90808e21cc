package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/client"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
	"github.com/offlinepush/operator/dispatcher/simulator"
	"github.com/offlinepush/operator/dispatcher/store/postgres/postgrestest"
	"github.com/offlinepush/operator/hack/e2e/process"
)

const (
	appID = "chaos"
	// profile makes all pushes private messages, which no vendor counts.
	profile = "chat"
	// patience bounds what must come to rest after the load; a kept push waits minutes for its next try.
	patience = 15 * time.Minute
	// backlog lets no request be refused for what waits while a vendor is down.
	backlog = 10_000_000
)

// kind is a store and how many dispatchers share it.
type kind struct {
	name        string
	dispatchers int
	shared      bool
}

func kinds() []kind {
	return []kind{{name: "SQLite", dispatchers: 1}, {name: "PostgreSQL", dispatchers: 3, shared: true}}
}

// vendors are those that take part: one of each way to send, and to authenticate.
func vendors() (some []process.Vendor) {
	for _, v := range process.Vendors() {
		if slices.Contains([]string{"fcm", "xiaomi", "huawei", "oppo"}, v.Row) {
			some = append(some, v)
		}
	}
	return some
}

// world is an app with its vendors, database and dispatchers.
type world struct {
	kind
	sim   *process.Simulator
	users *process.Users
	// doc is the test's own: encoding it writes to it for a moment. Callers have the key.
	doc *config.Document
	key string
	// database is nil for SQLite.
	database    *postgrestest.Server
	dispatchers []*process.Dispatcher
	// where is what callers know of them: base URLs by dispatcher. Every start has others.
	where []atomic.Pointer[place]
}

type place struct{ device, server string }

func newWorld(t *testing.T, k kind) *world {
	t.Helper()
	w := &world{kind: k, users: process.NewUsers(t), where: make([]atomic.Pointer[place], k.dispatchers)}
	w.sim = process.StartSimulator(t, binaries, process.NewTranscript(), "--accounts", process.Accounts)
	w.doc = process.NewDocument(appID, w.users.Trust(t))
	w.key = w.doc.Auth.ServerKeys[0].Reveal()
	w.doc.Routing.MaxBacklog = backlog
	w.doc.Routing.HeartbeatSeconds, w.doc.Routing.OfflineAfterSeconds = 5, 15
	if k.shared {
		w.database = postgrestest.Start(t, postgrestest.Options{})
		w.doc.Store = process.DatabaseAt(w.database.URI(w.database.NewDatabase(t)))
	}
	accounts, err := simulator.ReadAccounts(process.Accounts)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range process.Rows(t, w.sim, accounts) {
		if slices.ContainsFunc(vendors(), func(v process.Vendor) bool { return v.Row == row.Name }) {
			w.doc.Channels = append(w.doc.Channels, row)
		}
	}
	w.doc.Profiles = []config.Profile{{ResourcesID: profile, Settings: []config.Setting{
		{Vendor: "Xiaomi", AppType: 1, Xiaomi: &config.XiaomiSetting{ChannelID: "100001"}},
		{Vendor: "Huawei", AppType: 1, Huawei: &config.HuaweiSetting{Category: "IM"}},
		{Vendor: "OPPO", AppType: 1, OPPO: &config.OPPOSetting{Category: "IM"}},
	}}}
	first := process.NewDispatcher(t, binaries, process.NewTranscript(), w.doc)
	w.dispatchers = []*process.Dispatcher{first}
	for n := 1; n < k.dispatchers; n++ {
		w.dispatchers = append(w.dispatchers, first.Another(t, fmt.Sprintf("dispatcher-%d", n)))
	}
	for n := range w.dispatchers {
		w.start(t, n)
	}
	return w
}

// start starts a dispatcher and tells the callers where it is.
func (w *world) start(t *testing.T, n int) {
	t.Helper()
	d := w.dispatchers[n]
	d.Start(t)
	w.where[n].Store(&place{device: d.DeviceURL, server: d.ServerURL})
}

// configure gives all dispatchers the document as it is now.
func (w *world) configure(t *testing.T) {
	t.Helper()
	for _, d := range w.dispatchers {
		d.Configure(t, w.doc)
	}
}

// any is where some dispatcher is, or was.
func (w *world) any(dice *rand.Rand) *place { return w.where[dice.IntN(len(w.where))].Load() }

func (w *world) server(at *place) *client.Server {
	return client.NewServer(at.server, w.key, callers())
}

// account is what the dispatchers say became of all pushes.
func (w *world) account(t *testing.T) report.Account {
	t.Helper()
	return w.dispatchers[0].Report(t).Account
}

// quiet waits until nothing is pending.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	until(t, "nothing is pending", func() error {
		a := w.account(t)
		if n := a.Unaccounted(); n != 0 {
			t.Fatalf("%d pushes are unaccounted for: %+v", n, a)
		}
		if a.Pending != 0 {
			return fmt.Errorf("%d are", a.Pending)
		}
		return nil
	})
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() error) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %s until %s: %v", patience, what, err)
		}
	}
}

// pause lets time pass, in which others work, unless the test ends.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(errors.New("the test ended"))
	}
}
