// Package server runs a dispatcher: it opens the configuration and the store,
// starts the parts in an order in which each finds what it needs, serves the
// two planes, the peer port and the admin port, and drains them in the opposite order.
package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/metrics"
	"github.com/offlinepush/operator/dispatcher/pushtest"
)

// Options are what a process cannot change while it runs.
type Options struct {
	// ConfigPath is the mounted configuration, DataDir the folder of the SQLite store.
	ConfigPath, DataDir string
	// TLSDir holds tls.crt and tls.key for both planes; empty means plain HTTP.
	TLSDir string
	// DeviceAddr, ServerAddr and AdminAddr are host:port to listen on.
	DeviceAddr, ServerAddr, AdminAddr string
	// PeerAddr is host:port to listen on for the app's other dispatchers, PeerAdvertise the host or
	// host:port where they find it; the port is that of PeerAddr unless it is given. A dispatcher
	// with SQLite is alone and uses neither.
	PeerAddr, PeerAdvertise string
	// Pod is this process's name in reports and leases.
	Pod string
	// AllowLoopbackEndpoints lets channel endpoints resolve to this machine, for tests.
	AllowLoopbackEndpoints bool
	// DrainTimeout bounds everything that happens after ctx of Run has ended.
	DrainTimeout time.Duration
	Log          *slog.Logger
	Outside
}

// process is a dispatcher.
type process struct {
	Options
	live *config.Live
	// shared is the database that the first configuration names; nil means SQLite.
	shared   *config.Postgres
	registry *prometheus.Registry
	metrics  *metrics.Metrics
	reporter *reporter
	ready    atomic.Bool
}

// Run runs a dispatcher until ctx ends, and then drains it. It returns an error
// when it cannot start or a part of it breaks. A store that does not let it
// start is no such error: it is alive, says why it is not ready, and tries again.
func Run(ctx context.Context, o Options) error {
	live, err := config.Open(o.ConfigPath, o.Log)
	if err != nil {
		return err
	}
	o.Outside = o.orReal()
	p := &process{Options: o, live: live, registry: prometheus.NewRegistry()}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.metrics = metrics.New(p.registry)
	p.reporter = &reporter{live: live, metrics: p.metrics, pod: o.Pod, startedAt: time.Now(), trouble: errOpening}
	doc, _ := live.Current()
	p.shared = doc.Store.Postgres
	doors, err := p.open(ctx)
	if err != nil {
		return err
	}
	p.Log.Info("starting", "admin", doors.admin.addr())
	return p.serve(ctx, doors)
}

// serve serves the admin port all the time, and everything else while the store lets it.
func (p *process) serve(ctx context.Context, doors *doors) error {
	group, running := errgroup.WithContext(ctx)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWatching()
	group.Go(func() error { return p.Watch(watching, p.live) })
	doors.admin.serve(group, (&admin{
		live: p.live, registry: p.registry, ready: p.ready.Load, report: p.reporter.report, refresh: p.reporter.refresh, log: p.Log,
		tests: pushtest.Handler(p.reporter.pushTests, p.Log), restores: deadletter.Handler(p.reporter.letters, p.Log),
	}).handler())

	worked := p.work(running, doors)
	stopWatching()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.DrainTimeout)
	defer cancel()
	return errors.Join(worked, doors.admin.shutdown(closing), group.Wait())
}

// work opens the store and runs the parts over it.
func (p *process) work(ctx context.Context, doors *doors) error {
	held, err := p.hold(ctx, doors.advertised)
	if err != nil {
		return errors.Join(err, doors.close())
	}
	if held.store == nil { // ctx has ended
		return doors.close()
	}
	parts, err := p.assemble(held) //nolint:contextcheck // what it makes takes the contexts of its callers
	if err != nil {
		return errors.Join(err, doors.close(), held.close(ctx))
	}
	return errors.Join(p.run(ctx, parts, doors), held.store.Close())
}
