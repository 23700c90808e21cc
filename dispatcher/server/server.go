// Package server runs a dispatcher: it opens the configuration and the store,
// starts the parts in an order in which each finds what it needs, serves the
// two planes and the admin port, and drains them in the opposite order.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/delivery"
	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/ingress/usertoken"
	"github.com/offlinepush/operator/dispatcher/lease"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/store"
	"github.com/offlinepush/operator/dispatcher/store/sqlite"
)

// maxSessions bounds the connections of one process.
const maxSessions = 50_000

// Options are what a process cannot change while it runs.
type Options struct {
	// ConfigPath is the mounted configuration, DataDir the folder of the SQLite store.
	ConfigPath, DataDir string
	// TLSDir holds tls.crt and tls.key for both planes; empty means plain HTTP.
	TLSDir string
	// DeviceAddr, ServerAddr and AdminAddr are host:port to listen on.
	DeviceAddr, ServerAddr, AdminAddr string
	// Pod is this process's name in reports and leases.
	Pod string
	// AllowLoopbackEndpoints lets channel endpoints resolve to this machine, for tests.
	AllowLoopbackEndpoints bool
	// DrainTimeout bounds everything that happens after ctx of Run has ended.
	DrainTimeout time.Duration
	Log          *slog.Logger
}

// process is a dispatcher with all of its parts.
type process struct {
	Options
	live     *config.Live
	store    *sqlite.Store
	registry *prometheus.Registry
	metrics  *metrics.Metrics
	hub      *session.Hub
	lease    *lease.Keeper
	engine   *delivery.Engine
	users    *usertoken.Verifier
	device   http.Handler
	server   http.Handler
	ready    atomic.Bool
}

// Run runs a dispatcher until ctx ends, and then drains it. It returns an
// error when it cannot start or a part of it breaks.
func Run(ctx context.Context, o Options) error {
	p := &process{Options: o, registry: prometheus.NewRegistry()}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.metrics = metrics.New(p.registry)
	var err error
	if p.live, err = config.Open(o.ConfigPath, o.Log); err != nil {
		return err
	}
	doc, _ := p.live.Current()
	p.store, err = sqlite.Open(ctx, sqlite.Options{
		Dir: o.DataDir, AppID: doc.App.AppID, Pod: o.Pod, SealingKey: doc.Keys.Sealing, Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := p.assemble(); err != nil { //nolint:contextcheck // handlers take their requests' contexts
		return errors.Join(err, p.store.Close())
	}
	return errors.Join(p.serve(ctx), p.store.Close())
}

// assemble connects the parts; nothing runs yet.
func (p *process) assemble() error {
	guard := provider.EndpointGuard{AllowLoopback: p.AllowLoopbackEndpoints}
	p.hub = session.NewHub(maxSessions, p.metrics.Sessions)
	p.lease = lease.New(lease.Deps{Store: p.store, Holder: store.Holder{Pod: p.Pod}, Log: p.Log})
	p.engine = delivery.New(delivery.Deps{
		Live: p.live, Store: p.store, NewProvider: catalog.New, Lease: p.lease, Metrics: p.metrics, Log: p.Log,
		Provider: provider.Deps{Guard: guard, Tokens: p.store, Now: p.store.Now, Log: p.Log},
	})
	client, err := provider.NewClient(config.Endpoint{}, provider.Deps{Guard: guard, Now: p.store.Now})
	if err != nil {
		return fmt.Errorf("the client for key sets: %w", err)
	}
	p.users = usertoken.New(usertoken.Deps{Live: p.live, Client: client, Log: p.Log})
	bindings := binding.New(binding.Deps{Store: p.store, Fence: p.engine, Sessions: p.hub, Vendors: vendors()})
	p.device = ingress.Device(ingress.DeviceDeps{
		Live: p.live, Bindings: bindings, Users: p.users, Log: p.Log,
		Session: session.NewServer(session.Deps{
			Hub: p.hub, Devices: bindings, Users: p.users, Store: p.store, Live: p.live, Log: p.Log,
		}),
	})
	acceptor := accept.New(accept.Deps{
		Store: p.store, Sessions: p.hub, Deliverer: p.engine, Live: p.live, Metrics: p.metrics,
	})
	p.server = ingress.Server(ingress.ServerDeps{
		Live: p.live, Bindings: bindings, Acceptor: acceptor, Store: p.store, Presence: p.hub, Log: p.Log,
	})
	return nil
}

func vendors() (names []string) {
	for _, v := range catalog.Vendors() {
		names = append(names, string(v))
	}
	return names
}

// serve runs the parts until ctx ends or one of them breaks, then drains.
func (p *process) serve(ctx context.Context) error {
	doors, err := p.open(ctx)
	if err != nil {
		return err
	}
	if err := p.lease.Start(ctx); err != nil {
		return errors.Join(err, doors.close())
	}
	engineCtx, stopEngine := context.WithCancel(context.WithoutCancel(ctx))
	defer stopEngine()
	p.engine.Start(engineCtx)
	group, running := errgroup.WithContext(ctx)
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBackground()
	group.Go(func() error { return p.live.Watch(background) })
	group.Go(func() error { p.users.Run(background); return nil })
	group.Go(func() error { janitor(background, p.store, p.live, p.Log); return nil })
	doors.serve(group)
	p.ready.Store(true)
	p.Log.Info("ready", "device", doors.device.addr(), "server", doors.server.addr(), "admin", doors.admin.addr())

	<-running.Done()
	drained := p.drain(context.WithoutCancel(ctx), doors, stopEngine)
	stopBackground()
	return errors.Join(group.Wait(), drained)
}

// drain refuses new work, ends sessions, lets open vendor calls finish and
// gives the rest back to the store.
func (p *process) drain(ctx context.Context, doors *doors, stopEngine context.CancelFunc) error {
	p.Log.Info("draining")
	p.ready.Store(false)
	ctx, cancel := context.WithTimeout(ctx, p.DrainTimeout)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error { return p.hub.Close(ctx) })
	group.Go(func() error { return doors.device.shutdown(ctx) })
	group.Go(func() error { return doors.server.shutdown(ctx) })
	planes := group.Wait()
	stopEngine()
	p.engine.Wait()
	released := p.lease.Release(ctx)
	p.Log.Info("drained")
	return errors.Join(planes, released, doors.admin.shutdown(ctx))
}
