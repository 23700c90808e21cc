package pushapp

import (
	"context"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/admin"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/dispatcher/config"
	"github.com/offlinepush/operator/dispatcher/report"
)

const (
	// ReportPeriod is the usual time between two reports of a dispatcher that runs as it should.
	ReportPeriod = 15 * time.Second
	// eagerPeriod is the time between two reports while dispatchers have yet to load the newest configuration.
	eagerPeriod = time.Second
	// eagerReports bounds the eager reports: a dispatcher that never gets there is asked at leisure.
	eagerReports = 180
	// wakeBuffer is the number of apps that can wait to be woken.
	wakeBuffer = 1024
)

// ReportReader reads the report of the dispatcher at an address.
type ReportReader interface {
	Read(ctx context.Context, podIP string, key config.Secret) (report.Report, error)
}

// Poller reads the dispatchers' reports and wakes the app's controller when something in them matters. Reports cost no
// call to the API server, so an app in peace costs none.
type Poller struct {
	client  client.Reader
	reports ReportReader
	period  time.Duration
	// changed wakes the app's controller, due wakes the poller itself.
	changed, due chan event.GenericEvent

	mu   sync.Mutex
	apps map[types.NamespacedName]polled
}

// target is what an app's dispatchers should report.
type target struct {
	key      config.Secret
	hash     string
	revision string
}

// polled is what is known of an app.
type polled struct {
	target   target
	readings map[string]reading
	eager    int
	// heard says that the dispatchers were asked, whatever they said.
	heard bool
}

// reading is what one pod reported, or why it did not.
type reading struct {
	report  report.Report
	problem string
	// early says that the pod has yet to report or to accept work for the first time.
	early bool
}

// NewPoller makes a poller that finds pods with reader and asks them once in every period.
func NewPoller(reader client.Reader, reports ReportReader, period time.Duration) *Poller {
	return &Poller{
		client: reader, reports: reports, period: period,
		changed: make(chan event.GenericEvent, wakeBuffer), due: make(chan event.GenericEvent, wakeBuffer),
		apps: map[types.NamespacedName]polled{},
	}
}

// Reconcile reads the reports of one app's dispatchers.
func (p *Poller) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	app, ok := p.of(request.NamespacedName)
	if !ok {
		return ctrl.Result{}, nil
	}
	pods, err := admin.LivePods(ctx, p.client, request.NamespacedName)
	if err != nil {
		return ctrl.Result{}, err
	}
	readings := p.readAll(ctx, app, pods)
	if p.store(request.NamespacedName, app.target, readings) {
		wake(ctx, p.changed, request.NamespacedName)
	}
	if app.eager < eagerReports && !settled(app.target, readings) {
		return ctrl.Result{RequeueAfter: min(eagerPeriod, p.period)}, nil
	}
	return ctrl.Result{RequeueAfter: p.period}, nil
}

// readAll asks all pods of the current revision at the same time.
func (p *Poller) readAll(ctx context.Context, app polled, pods []corev1.Pod) map[string]reading {
	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		readings = map[string]reading{}
	)
	for _, pod := range pods {
		if pod.Labels[render.RevisionLabel] != app.target.revision || pod.Status.PodIP == "" {
			continue
		}
		wg.Go(func() {
			var r reading
			var err error
			if r.report, err = p.reports.Read(ctx, pod.Status.PodIP, app.target.key); err != nil {
				r = reading{problem: err.Error(), early: app.early(pod)}
			}
			mu.Lock()
			defer mu.Unlock()
			readings[pod.Name] = r
		})
	}
	wg.Wait()
	return readings
}

// early reports whether a pod has yet to report or to accept work for the first time.
func (p polled) early(pod corev1.Pod) bool {
	former, asked := p.readings[pod.Name]
	return !admin.Ready(pod) && (!asked || former.early)
}

// settled reports whether every pod runs on the newest configuration.
func settled(t target, readings map[string]reading) bool {
	for _, r := range readings {
		if r.problem != "" || r.report.Config.Hash != t.hash || !r.report.Store.Ready {
			return false
		}
	}
	return len(readings) > 0
}

// track says what an app's dispatchers should report, and asks them at once when that is new.
func (p *Poller) track(ctx context.Context, name types.NamespacedName, t target) {
	p.mu.Lock()
	app, known := p.apps[name]
	fresh := !known || app.target != t
	if fresh {
		app.target, app.eager = t, 0
		p.apps[name] = app
	}
	p.mu.Unlock()
	if fresh {
		wake(ctx, p.due, name)
	}
}

func (p *Poller) forget(name types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.apps, name)
}

func (p *Poller) of(name types.NamespacedName) (polled, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	app, ok := p.apps[name]
	return app, ok
}

// store keeps readings and reports whether they matter to a status.
func (p *Poller) store(name types.NamespacedName, t target, readings map[string]reading) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	app, ok := p.apps[name]
	if !ok {
		return false
	}
	matters := !app.heard || !reflect.DeepEqual(essence(app.readings), essence(readings))
	app.readings, app.heard = readings, true
	app.eager++
	if settled(t, readings) {
		app.eager = 0
	}
	p.apps[name] = app
	return matters
}

// essence is what a status is made of: no counters, no times.
func essence(readings map[string]reading) map[string]reading {
	out := make(map[string]reading, len(readings))
	for pod, r := range readings {
		e := reading{problem: r.problem, early: r.early}
		e.report.Config = report.Config{Hash: r.report.Config.Hash, Error: r.report.Config.Error}
		e.report.Store = r.report.Store
		for _, c := range r.report.Channels {
			e.report.Channels = append(e.report.Channels, rowEssence(c))
		}
		out[pod] = e
	}
	return out
}

// rowEssence leaves out when a quota runs out as it goes, which changes with every count; a status that is written for
// another cause tells it.
func rowEssence(c report.Channel) report.Channel {
	e := report.Channel{Name: c.Name, State: c.State, Code: c.Code, Message: c.Message, Blocked: c.Blocked}
	for _, q := range c.Quotas {
		if !q.UsedUpUntil.IsZero() {
			e.Quotas = append(e.Quotas, report.Quota{Class: q.Class, UsedUpUntil: q.UsedUpUntil, Waiting: q.Waiting})
		}
	}
	return e
}

// wake enqueues an app unless the manager ends.
func wake(ctx context.Context, queue chan<- event.GenericEvent, name types.NamespacedName) {
	app := &pushv1.PushApp{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	select {
	case queue <- event.GenericEvent{Object: app}:
	case <-ctx.Done():
	}
}
