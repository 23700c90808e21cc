// Package planetest runs both planes over a real store, for the tests of the
// rooms behind them. Vendor calls are the one thing that it has no real part for.
package planetest

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/expand"
	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/pushrule"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/tracing/tracetest"
	"github.com/offlinepush/operator/dispatcher/usertoken"
)

// What the bed's configuration holds.
const (
	ServerKey       = "server-key-of-the-bed"
	RegistrationKey = "registration-key-of-the-bed"
	Issuer          = "https://issuer.example"
	Audience        = "chat"
	KeyID           = "key-1"
)

// maxSessions is the bound of the bed's hub.
const maxSessions = 64

// Bed is a dispatcher without vendors.
type Bed struct {
	Live     *config.Live
	Store    *sqlite.Store
	Lease    *lease.Keeper
	Hub      *session.Hub
	Places   *session.Places
	Sessions prometheus.Gauge
	Fence    *Fence
	Rows     *Rows
	Bindings *binding.Service
	Acceptor *accept.Acceptor
	Rules    *pushrule.Service
	Calls    *call.Service
	Users    *usertoken.Verifier
	// Tracer tells nothing until the configuration names a collector.
	Tracer *tracing.Tracer
	// Device and Server serve the planes over TLS.
	Device, Server *httptest.Server

	metrics *metrics.Metrics

	path  string
	dir   string // of the store
	doc   *config.Document
	key   ed25519.PrivateKey
	close func() error // of the store
}

// New makes a bed that the test's cleanup takes down.
func New(tb testing.TB) *Bed {
	tb.Helper()
	b := &Bed{dir: tb.TempDir(), path: filepath.Join(tb.TempDir(), config.FileName), Fence: &Fence{}, Rows: &Rows{}}
	b.key = ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", ed25519.SeedSize)))
	b.doc = document(b.key.Public().(ed25519.PublicKey))
	b.write(tb)
	log := slog.New(slog.DiscardHandler)
	var err error
	if b.Live, err = config.Open(b.path, log); err != nil {
		tb.Fatal(err)
	}
	b.Store, err = sqlite.Open(tb.Context(), sqlite.Options{
		Dir: b.dir, AppID: b.doc.App.AppID, Pod: "pod", SealingKey: b.doc.Keys.Sealing, Log: log,
	})
	if err != nil {
		tb.Fatal(err)
	}
	b.close = sync.OnceValue(b.Store.Close)
	tb.Cleanup(func() { b.Break(tb) })
	b.acquire(tb, log)
	m := metrics.New(prometheus.NewRegistry())
	b.metrics = m
	b.Sessions = m.Sessions
	b.Hub = session.NewHub(maxSessions, m.Sessions)
	b.Places = session.NewPlaces(session.PlacesDeps{Hub: b.Hub, Store: b.Store, Lease: b.Lease, Log: log})
	b.Users = usertoken.New(usertoken.Deps{Live: b.Live, Log: log})
	b.Bindings = binding.New(binding.Deps{Store: b.Store, Fence: b.Fence, Sessions: b.Hub, Vendors: []string{"FCM", "Xiaomi", "OPPO", "Meizu", "APNs"}})
	b.Acceptor = accept.New(accept.Deps{Store: b.Store, Sessions: b.Hub, Deliverer: b.Rows, Live: b.Live, Metrics: m, Tracer: b.trace(tb)})
	b.Rules = pushrule.New(b.Store, b.Acceptor)
	b.Calls = call.New(call.Deps{Store: b.Store, Acceptor: b.Acceptor, Log: log})
	b.expand(tb, log)
	b.serve(tb, log)
	return b
}

// expand brings messages for many to their receivers, until the end of the test.
func (b *Bed) expand(tb testing.TB, log *slog.Logger) {
	tb.Helper()
	w := expand.New(expand.Deps{Store: b.Store, Acceptor: b.Acceptor, Lanes: idle{}, Metrics: b.metrics, Log: log})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	tb.Cleanup(func() { stop(); running.Wait() })
}

// trace makes the Tracer, which follows the configuration until the end of the test.
func (b *Bed) trace(tb testing.TB) *tracing.Tracer {
	tb.Helper()
	b.Tracer = tracetest.NewTracer(b.Live, b.metrics.Spans)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.Tracer.Run(ctx) })
	tb.Cleanup(func() { stop(); running.Wait(); b.Tracer.Close(context.Background()) })
	return b.Tracer
}

// idle stands for vendors who keep nobody waiting.
type idle struct{}

// Busy implements expand.Lanes.
func (idle) Busy() bool { return false }

// acquire lets the bed hold the lease until its end; a broken store cannot take it back.
func (b *Bed) acquire(tb testing.TB, log *slog.Logger) {
	tb.Helper()
	b.Lease = lease.New(lease.Deps{Store: b.Store, Holder: store.Holder{Pod: "pod"}, Log: log})
	if err := b.Lease.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Lease.Release(context.Background()) })
}

func (b *Bed) serve(tb testing.TB, log *slog.Logger) {
	tb.Helper()
	b.Device = httptest.NewTLSServer(ingress.Device(ingress.DeviceDeps{
		Live: b.Live, Bindings: b.Bindings, Badges: b.Store, Rules: b.Rules, Users: b.Users, Calls: b.Calls, Tracer: b.Tracer, Log: log,
		Receipts: receipt.New(receipt.Deps{Live: b.Live, Store: b.Store, Read: ReadReceipts, Metrics: b.metrics, Log: log}),
		Session: session.NewServer(session.Deps{
			Hub: b.Hub, Places: b.Places, Devices: b.Bindings, Users: b.Users, Store: b.Store, Live: b.Live, Log: log,
		}),
	}))
	b.Server = httptest.NewUnstartedServer(ingress.Server(ingress.ServerDeps{
		Live: b.Live, Bindings: b.Bindings, Acceptor: b.Acceptor, Calls: b.Calls, Rules: b.Rules, Store: b.Store, Tracer: b.Tracer, Log: log,
		Letters: deadletter.New(deadletter.Deps{Store: b.Store, Deliverer: b.Rows, Live: b.Live, Metrics: b.metrics}),
	}))
	b.Server.EnableHTTP2 = true
	b.Server.StartTLS()
	placesCtx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	var places sync.WaitGroup
	places.Go(func() { b.Places.Run(placesCtx) })
	tb.Cleanup(func() {
		defer places.Wait()
		defer stop()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.Hub.Close(ctx); err != nil {
			tb.Error(err)
		}
		b.Device.Close()
		b.Server.Close()
	})
}

// Break makes every call of the store fail from now on.
func (b *Bed) Break(tb testing.TB) {
	tb.Helper()
	if err := b.close(); err != nil {
		tb.Error(err)
	}
}

// Online reports whether the store knows of a session of the user.
func (b *Bed) Online(tb testing.TB, userID string) bool {
	tb.Helper()
	found, err := b.Store.DevicesOf(tb.Context(), []string{userID})
	if err != nil {
		tb.Fatal(err)
	}
	return slices.ContainsFunc(found[userID], func(d message.Device) bool { return d.Session != 0 })
}

// Configure changes the configuration and waits until it is in force.
func (b *Bed) Configure(tb testing.TB, change func(*config.Document)) {
	tb.Helper()
	change(b.doc)
	b.write(tb)
	if err := b.Live.Reload(); err != nil {
		tb.Fatal(err)
	}
}

func (b *Bed) write(tb testing.TB) {
	tb.Helper()
	encoded, err := config.Encode(b.doc)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(b.path, encoded, 0o600); err != nil {
		tb.Fatal(err)
	}
}

// UserToken is a good token of the user.
func (b *Bed) UserToken(tb testing.TB, userID string) string {
	tb.Helper()
	return b.Sign(tb, jwt.MapClaims{"sub": userID, "iss": Issuer, "aud": Audience, "exp": time.Now().Add(time.Hour).Unix()})
}

// Sign makes a token of the app's issuer with any claims, such as for another audience.
func (b *Bed) Sign(tb testing.TB, claims jwt.MapClaims) string {
	tb.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["kid"] = KeyID
	signed, err := token.SignedString(b.key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// Phone registers a device with a token of its own and binds it, unless userID is empty.
func (b *Bed) Phone(tb testing.TB, vendor, userID string) (binding.Credentials, message.Device) {
	tb.Helper()
	c, err := b.Bindings.Register(tb.Context(), binding.Registration{
		Selector: message.Selector{Vendor: vendor, AppType: 1}, Token: "token of " + tb.Name() + userID + vendor,
	})
	if err != nil {
		tb.Fatal(err)
	}
	d, err := b.Bindings.Find(tb.Context(), c.PushID)
	if err == nil && userID != "" {
		d, err = b.Bindings.Bind(tb.Context(), d.Key, userID)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return c, d
}

func document(public ed25519.PublicKey) *config.Document {
	key := config.NewSecret(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32))))
	set, _ := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "kid": KeyID, "alg": "EdDSA", "x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	return &config.Document{
		Version: config.Version,
		App:     config.App{Namespace: "ns", Name: "chat", AppID: "app-1"},
		Channels: []config.Channel{
			{Name: "fcm", Vendor: "FCM", AppType: 1, FCM: &config.FCMChannel{ProjectID: "p", ServiceAccount: config.NewSecret("{}")}},
			{
				Name: "xiaomi", Vendor: "Xiaomi", AppType: 1,
				Xiaomi: &config.XiaomiChannel{PackageName: "com.example", Region: "China", AppSecret: config.NewSecret("secret")},
			},
		},
		Profiles: []config.Profile{{ResourcesID: "im", Settings: []config.Setting{{Vendor: "FCM", AppType: 1, FCM: &config.FCMSetting{Priority: "High"}}}}},
		Routing:  config.Routing{HeartbeatSeconds: 10, OfflineAfterSeconds: 35, AckTimeoutSeconds: 3, PushTTLSeconds: 86400, MaxBacklog: 1000},
		Rates: config.Rates{
			Bulk: 1000, Registrations: 1000, RegistrationsPerSource: 1000, LoginsPerSource: 1000, RequestsPerSource: 10_000, RequestsPerDevice: 1000,
		},
		Auth: config.Auth{
			ServerKeys:       []config.Secret{config.NewSecret(ServerKey)},
			RegistrationKeys: []config.Secret{config.NewSecret(RegistrationKey)},
			DeviceJWT:        config.DeviceJWT{Issuer: Issuer, Audience: Audience, Algorithms: []string{"EdDSA"}, JWKS: config.NewSecret(string(set))},
		},
		Retention: config.Retention{MessagesSeconds: 604800, ReceiptsSeconds: 604800, InactiveDevicesSeconds: 604800},
		Keys:      config.Keys{Report: key, Peer: key, Sealing: key, ReceiptPath: key},
	}
}

// Fence stands for the vendor calls. It lets everything through until Hold.
type Fence struct {
	mu    sync.Mutex
	asked []store.EpochChange
	open  chan struct{}
}

// Hold makes a vendor call open until the release.
func (f *Fence) Hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = make(chan struct{})
	return sync.OnceFunc(func() { close(f.open) })
}

// Asked are the changes that somebody waited for, in order.
func (f *Fence) Asked() []store.EpochChange {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]store.EpochChange{}, f.asked...)
}

// Quiesce implements binding.Fence.
func (f *Fence) Quiesce(ctx context.Context, changes []store.EpochChange) error {
	f.mu.Lock()
	f.asked = append(f.asked, changes...)
	open := f.open
	f.mu.Unlock()
	if open == nil {
		return nil
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Rows keeps what would be delivered.
type Rows struct {
	mu   sync.Mutex
	rows []message.Delivery
}

// Incarnation implements accept.Deliverer.
func (*Rows) Incarnation() int64 { return 1 }

// Submit implements accept.Deliverer.
func (r *Rows) Submit(_ int64, rows []message.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, rows...)
}

// All are the rows so far, in order.
func (r *Rows) All() []message.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message.Delivery{}, r.rows...)
}
