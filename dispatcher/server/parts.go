package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/offlinepush/operator/dispatcher/accept"
	"github.com/offlinepush/operator/dispatcher/binding"
	"github.com/offlinepush/operator/dispatcher/call"
	"github.com/offlinepush/operator/dispatcher/callback"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/deadletter"
	"github.com/offlinepush/operator/dispatcher/delivery"
	"github.com/offlinepush/operator/dispatcher/expand"
	"github.com/offlinepush/operator/dispatcher/hygiene"
	"github.com/offlinepush/operator/dispatcher/ingress"
	"github.com/offlinepush/operator/dispatcher/peer"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
	"github.com/offlinepush/operator/dispatcher/pushrule"
	"github.com/offlinepush/operator/dispatcher/pushtest"
	"github.com/offlinepush/operator/dispatcher/receipt"
	"github.com/offlinepush/operator/dispatcher/session"
	"github.com/offlinepush/operator/dispatcher/tracing"
	"github.com/offlinepush/operator/dispatcher/usertoken"
)

// maxSessions bounds the connections of one process.
const maxSessions = 50_000

// parts are what works over an open store.
type parts struct {
	held
	hub    *session.Hub
	places *session.Places
	engine *delivery.Engine
	users  *usertoken.Verifier
	events *callback.Notifier
	expand *expand.Worker
	tests  *pushtest.Service
	calls  *call.Service
	// letters restores quarantines for the admin port, too.
	letters *deadletter.Service
	hygiene *hygiene.Keeper
	tracer  *tracing.Tracer
	// bindings goes on with erasures.
	bindings *binding.Service
	// peers is nil for a dispatcher that is alone.
	peers                *peer.Peers
	device, server, peer http.Handler
}

// assemble connects the parts; nothing runs yet.
func (p *process) assemble(h held) (*parts, error) {
	guard := provider.EndpointGuard{AllowLoopback: p.AllowLoopbackEndpoints}
	client, err := provider.NewClient(config.Endpoint{}, provider.Deps{Guard: guard, Now: h.store.Now})
	if err != nil {
		return nil, fmt.Errorf("the client for key sets: %w", err)
	}
	a := &parts{held: h, hub: session.NewHub(maxSessions, p.metrics.Sessions)}
	a.users = usertoken.New(usertoken.Deps{Live: p.live, Client: client, Now: h.store.Now, Log: p.Log})
	a.events = callback.New(callback.Deps{
		Live: p.live, Now: h.store.Now, Events: p.metrics.Callbacks, Log: p.Log,
		NewClient: func(caBundle string) (*http.Client, error) {
			return provider.NewClient(config.Endpoint{CABundle: caBundle}, provider.Deps{Guard: guard, Now: h.store.Now})
		},
	})
	a.tracer = tracing.New(tracing.Deps{Live: p.live, Pod: p.Pod, Spans: p.metrics.Spans, Log: p.Log, NewClient: func() (*http.Client, error) {
		return provider.NewClient(config.Endpoint{}, provider.Deps{Guard: guard, Now: h.store.Now})
	}})
	a.engine = delivery.New(delivery.Deps{
		Live: p.live, Store: h.store, NewProvider: p.NewProvider, Lease: h.lease, Metrics: p.metrics, Tracer: a.tracer, Log: p.Log,
		Quota:    func(vendor string) provider.QuotaRules { return catalog.Quota(catalog.Vendor(vendor)) },
		Provider: provider.Deps{Guard: guard, Tokens: h.store, Now: h.store.Now, Log: p.Log},
	})
	a.letters = deadletter.New(deadletter.Deps{Store: h.store, Deliverer: a.engine, Live: p.live, Metrics: p.metrics})
	a.hygiene = hygiene.New(hygiene.Deps{Live: p.live, Store: h.store, Engine: a.engine, Metrics: p.metrics, Log: p.Log})
	a.tests = pushtest.New(pushtest.Deps{Store: h.store, Deliverer: a.engine, Live: p.live, Tracer: a.tracer})
	places := session.PlacesDeps{Hub: a.hub, Store: h.store, Lease: h.lease, Log: p.Log}
	bindings := binding.Deps{Store: h.store, Fence: a.engine, Sessions: a.hub, Events: a.events, Vendors: vendors(), Token: canonical}
	acceptor := accept.Deps{Store: h.store, Sessions: a.hub, Deliverer: a.engine, Live: p.live, Metrics: p.metrics, Tracer: a.tracer}
	if p.shared != nil {
		p.join(a)
		places.Peers, bindings.Peers, acceptor.Peers = a.peers, a.peers, a.peers
	}
	a.places = session.NewPlaces(places)
	a.bindings = binding.New(bindings)
	accepting := accept.New(acceptor)
	a.calls = call.New(call.Deps{Store: h.store, Acceptor: accepting, Log: p.Log})
	a.expand = expand.New(expand.Deps{Store: h.store, Acceptor: accepting, Lanes: a.engine, Metrics: p.metrics, Log: p.Log})
	p.planes(a, accepting)
	p.reporter.opened(a)
	return a, nil
}

// join makes the dispatcher one of several.
func (p *process) join(a *parts) {
	credential := p.credential()
	a.peers = peer.New(peer.Deps{
		Store: a.store, Sessions: a.hub, Deliverer: a.engine, Credential: credential, Incarnation: a.lease.Incarnation, Log: p.Log,
	})
	a.peer = peer.Handler(peer.HandlerDeps{Sessions: a.hub, Calls: a.engine, Incarnation: a.lease.Incarnation, Log: p.Log})
}

// credential is the one that the configuration in force has.
func (p *process) credential() peer.Credential {
	return peer.Credential{Key: func() config.Secret {
		doc, _ := p.live.Current()
		return doc.Keys.Peer
	}}
}

func (p *process) planes(a *parts, acceptor *accept.Acceptor) {
	rules := pushrule.New(a.store, acceptor)
	a.device = ingress.Device(ingress.DeviceDeps{
		Live: p.live, Bindings: a.bindings, Badges: a.store, Rules: rules, Users: a.users, Calls: a.calls, Tracer: a.tracer, Log: p.Log,
		Receipts: receipt.New(receipt.Deps{
			Live: p.live, Store: a.store, Read: catalog.Receipts, Token: canonical, Metrics: p.metrics, Log: p.Log,
			Distrust: a.engine.Distrust,
		}),
		Session: session.NewServer(session.Deps{
			Hub: a.hub, Places: a.places, Devices: a.bindings, Users: a.users, Store: a.store, Live: p.live, Events: a.events, Log: p.Log,
		}),
	})
	a.server = ingress.Server(ingress.ServerDeps{
		Live: p.live, Bindings: a.bindings, Acceptor: acceptor, Rules: rules, Calls: a.calls, Letters: a.letters, Store: a.store,
		Tracer: a.tracer, Log: p.Log,
	})
}

func vendors() (names []string) {
	for _, v := range catalog.Vendors() {
		names = append(names, string(v))
	}
	return names
}

func canonical(vendor, token string) (string, error) {
	return catalog.Token(catalog.Vendor(vendor), token)
}

// run runs the parts until ctx ends or one of them breaks, then drains them.
func (p *process) run(ctx context.Context, a *parts, d *doors) error {
	beyond := context.WithoutCancel(ctx)
	sending, stopSending := context.WithCancel(beyond)
	defer stopSending()
	a.engine.Start(sending)
	talking, stopTalking := context.WithCancel(beyond)
	defer stopTalking()
	var talks sync.WaitGroup
	talks.Go(func() { a.places.Run(talking) })
	if a.peers != nil {
		talks.Go(func() { a.peers.Run(talking) })
	}
	group, running := errgroup.WithContext(ctx)
	var expanding sync.WaitGroup
	expanding.Go(func() { a.expand.Run(running) }) // What is left is for the others.
	background, stopBackground := context.WithCancel(beyond)
	defer stopBackground()
	group.Go(func() error { a.users.Run(background); return nil })
	group.Go(func() error { a.calls.Run(background); return nil })
	group.Go(func() error { a.events.Run(background); return nil })
	group.Go(func() error { janitor(background, a.store, p.live, p.metrics.InboxExpired, p.Log); return nil })
	group.Go(func() error { a.hygiene.Run(background); return nil })
	group.Go(func() error { a.tracer.Run(background); return nil })
	group.Go(func() error { eraser(background, a.bindings, p.Log); return nil })
	d.serve(group, a)
	p.ready.Store(true)
	p.Log.Info("ready", d.addrs()...)

	<-running.Done()
	drained := p.drain(beyond, a, d, func() {
		expanding.Wait()
		stopTalking()
		talks.Wait()
		stopSending()
		a.engine.Wait()
	})
	stopBackground()
	return errors.Join(group.Wait(), drained)
}

// drain gives the phones time to connect elsewhere, sends clients away, ends sessions, lets open vendor calls finish and
// gives the rest back to the store. The other dispatchers are answered until then.
func (p *process) drain(ctx context.Context, a *parts, d *doors, stop func()) error {
	p.Log.Info("draining")
	p.ready.Store(false)
	ctx, cancel := context.WithTimeout(ctx, p.DrainTimeout)
	defer cancel()
	// Before the first session ends, so that no message meets a phone without a session and without grace.
	if err := a.lease.Drain(ctx); err != nil {
		p.Log.Warn("phones may be pushed while they connect elsewhere", "error", err)
	}
	var group errgroup.Group
	group.Go(func() error { return a.hub.Close(ctx) })
	group.Go(func() error {
		d.dismiss(ctx)
		return errors.Join(d.device.shutdown(ctx), d.server.shutdown(ctx))
	})
	planes := group.Wait()
	stop()
	released := a.lease.Release(ctx)
	ended := errors.Join(planes, released, d.peer.shutdown(ctx))
	a.tracer.Close(ctx) // Nobody waits for this process any more.
	p.Log.Info("drained")
	return ended
}
