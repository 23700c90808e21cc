package fleet_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/testenv"
)

// badWay is a way to the kube-apiserver on which something happens to one request in twenty. Watches and leases are let through.
type badWay struct {
	next  http.RoundTripper
	count atomic.Uint32
}

// RoundTrip implements http.RoundTripper.
func (b *badWay) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.RawQuery, "watch=") || strings.Contains(r.URL.Path, "/leases") {
		return b.next.RoundTrip(r)
	}
	switch b.count.Add(1) % 101 {
	case 3: // It never gets there.
		return nil, errors.New("connection reset by peer")
	case 27: // It is done, and the answer is lost.
		response, err := b.next.RoundTrip(r)
		if err == nil {
			_ = response.Body.Close()
		}
		return nil, errors.New("i/o timeout")
	case 47:
		return failure(r, http.StatusGatewayTimeout, "Timeout"), nil
	case 67:
		if r.Method != http.MethodGet {
			return failure(r, http.StatusConflict, "Conflict"), nil
		}
	case 87:
		return failure(r, http.StatusInternalServerError, "InternalError"), nil
	}
	return b.next.RoundTrip(r)
}

func failure(r *http.Request, code int, reason string) *http.Response {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	body := `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"` + reason + `","message":"injected"}`
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Request: r, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// TestConflictsAndTimeouts: with one request in twenty failing, before or after it was done, everything becomes Ready, and no
// status ever calls for people.
func TestConflictsAndTimeouts(t *testing.T) {
	f := launch(t, few)
	stalled := f.watchStalled(t)
	p := f.start(t, func(s *settings) { s.Trouble = true })
	f.ready(t, 2*patience)
	f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.PodLabels = map[string]string{"team": "chat"} })
	f.become(t, "app-0", map[string]string{"Ready": "True/Ready"})
	f.ready(t, patience)
	for _, trouble := range stalled() {
		t.Error(trouble)
	}
	if !strings.Contains(p.logs.String(), "injected") {
		t.Error("nothing failed, so nothing was proved")
	}
}

// TestAPIServerRestarts: the manager outlives a kube-apiserver that is gone for a while and comes back, and does what people
// ask for then.
func TestAPIServerRestarts(t *testing.T) {
	f := launch(t, few)
	p := f.start(t)
	f.states(t)
	f.idle(t, p, patience)
	before := f.versions(t)
	away := f.asks(f.apps)
	environment.RestartAPIServer(t, func() {
		until(t, patience, "reports go on while the kube-apiserver is away", func() error {
			if f.asks(f.apps) < away+5 {
				return errors.New("nobody is asked")
			}
			return nil
		})
	})
	f.unchanged(t, before, "a restart of the kube-apiserver")
	stalled := f.watchStalled(t)
	f.change(t, "app-0", func(a *pushv1.PushApp) { a.Spec.Dispatcher.Image = "registry.example.com/dispatcher:2" })
	f.become(t, "app-0", map[string]string{"Ready": "True/Ready"})
	for _, trouble := range stalled() {
		if strings.HasPrefix(trouble, "app-") {
			t.Error(trouble)
		}
	}
	if v := p.vitals(t); v.Passes["pushapp"] == 0 {
		t.Errorf("it is another manager: %+v", v)
	}
}

// watchStalled collects what calls for people at any time until it is asked, and what breaks the rules of every status.
func (f *fleet) watchStalled(t *testing.T) func() []string {
	t.Helper()
	var (
		mu       sync.Mutex
		found    []string
		watchers sync.WaitGroup
		watches  []watch.Interface
	)
	for _, list := range []client.ObjectList{&pushv1.PushAppList{}, &pushv1.PushChannelList{}} {
		w, err := environment.Client.Watch(t.Context(), list, f.here())
		if err != nil {
			t.Fatal(err)
		}
		watches = append(watches, w)
		watchers.Go(func() {
			for e := range w.ResultChan() {
				if trouble := troubleOf(e.Object); trouble != "" {
					mu.Lock()
					found = append(found, trouble)
					mu.Unlock()
				}
			}
		})
	}
	return func() []string {
		for _, w := range watches {
			w.Stop()
		}
		watchers.Wait()
		return found
	}
}

// troubleOf is what is wrong with a status, empty when nothing is.
func troubleOf(object runtime.Object) string {
	var (
		is         client.Object
		observed   int64
		conditions []metav1.Condition
	)
	switch o := object.(type) {
	case *pushv1.PushApp:
		is, observed, conditions = o, o.Status.ObservedGeneration, o.Status.Conditions
	case *pushv1.PushChannel:
		is, observed, conditions = o, o.Status.ObservedGeneration, o.Status.Conditions
	default: // The end of the watch.
		return ""
	}
	if stalled := meta.FindStatusCondition(conditions, pushv1.ConditionStalled); stalled != nil {
		return fmt.Sprintf("%s is Stalled: %s", is.GetName(), stalled.Message)
	}
	if observed != is.GetGeneration() { // The status is yet to follow.
		return ""
	}
	if err := testenv.CheckStatus(is); err != nil {
		return err.Error()
	}
	return ""
}
