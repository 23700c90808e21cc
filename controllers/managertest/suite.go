// Package managertest runs the manager as it is against a real kube-apiserver,
// with vendors and dispatchers that tests command. It is for tests only.
package managertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/manager"
	"github.com/offlinepush/operator/controllers/pushchannel"
	"github.com/offlinepush/operator/controllers/testenv"
	"github.com/offlinepush/operator/dispatcher/provider"
)

const (
	// patience only ends a hang.
	patience = 3 * time.Minute
	glance   = 50 * time.Millisecond
	// Reports are read this often, so that tests need not wait.
	reportPeriod = 200 * time.Millisecond
)

// Suite is a running manager with what it talks to.
type Suite struct {
	*testenv.Environment
	Vendor      *Vendor
	Dispatchers *Dispatchers
	Logs        *Logs
}

// Main runs the tests of a package beside a manager, which it stores in target before the first test.
func Main(m *testing.M, target **Suite) int {
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-test.fuzz=") }) {
		return m.Run() // Fuzz targets need no API server, and each of their workers would start one.
	}
	code, err := run(m, target)
	if err != nil {
		fmt.Fprintln(os.Stderr, "managertest:", err)
		return 1
	}
	return code
}

func run(m *testing.M, target **Suite) (code int, err error) {
	environment, err := testenv.Start()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, environment.Stop()) }()
	suite := &Suite{Environment: environment, Vendor: NewVendor(), Dispatchers: &Dispatchers{}, Logs: &Logs{}}
	defer suite.Vendor.Close()
	allowed, err := pushchannel.ParseEndpoints(suite.Vendor.Host())
	if err != nil {
		return 1, err
	}
	log := Logging(suite.Logs)
	ctx, stop := context.WithCancel(context.Background())
	mgr, err := manager.New(ctx, environment.Config, manager.Settings{
		AllowedEndpoints: allowed, DispatcherImage: "registry.example.com/dispatcher:test", FastReload: true,
		MetricsAddr: "0", HealthAddr: "0", Guard: provider.EndpointGuard{AllowLoopback: true},
		Reports: suite.Dispatchers, ReportPeriod: reportPeriod, PushTests: suite.Dispatchers, Log: log,
	})
	if err != nil {
		stop()
		return 1, err
	}
	var running sync.WaitGroup
	running.Go(func() { err = errors.Join(err, mgr.Start(ctx)) })
	defer running.Wait()
	defer stop()
	*target = suite
	code = m.Run()
	leaks, err := suite.leaks(ctx)
	if len(leaks) > 0 {
		err = errors.Join(err, errors.New("secrets leak:\n"+strings.Join(leaks, "\n")))
	}
	return code, err
}

// Logging makes the controllers log into logs.
func Logging(logs *Logs) *slog.Logger {
	log := slog.New(slog.NewTextHandler(logs, nil))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	return log
}

// Create makes objects.
func (s *Suite) Create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := s.Client.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T %s: %v", object, object.GetName(), err)
		}
	}
}

// Change edits an object, again when it changed meanwhile.
func Change[T client.Object](t *testing.T, s *Suite, object T, edit func(T)) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), glance, patience, true, func(ctx context.Context) (bool, error) {
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, err
		}
		edit(object)
		err := s.Client.Update(ctx, object)
		return err == nil, ignoreConflict(err)
	})
	if err != nil {
		t.Fatalf("changing %T %s: %v", object, object.GetName(), err)
	}
}

// ChangeStatus edits an object's status, as a kubelet or another controller would.
func ChangeStatus[T client.Object](t *testing.T, s *Suite, object T, edit func(T)) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), glance, patience, true, func(ctx context.Context) (bool, error) {
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
			return false, ignoreMissing(err)
		}
		edit(object)
		err := s.Client.Status().Update(ctx, object)
		return err == nil, ignoreConflict(err)
	})
	if err != nil {
		t.Fatalf("changing the status of %T %s: %v", object, object.GetName(), err)
	}
}

// Await reads an object until check returns nil, or fails with its last words. A status of this project that it ends with must
// keep the rules of every status.
func Await[T client.Object](t *testing.T, s *Suite, object T, check func(T) error) {
	t.Helper()
	last := errors.New("never read")
	err := wait.PollUntilContextTimeout(t.Context(), glance, patience, true, func(ctx context.Context) (bool, error) {
		now := s.Client.Get(ctx, client.ObjectKeyFromObject(object), object)
		if now == nil {
			now = check(object)
		}
		if ctx.Err() == nil {
			last = now
		}
		return now == nil, nil
	})
	if err != nil {
		t.Fatalf("%T %s: %v", object, object.GetName(), last)
	}
	if reconciled(object) {
		if err := testenv.CheckStatus(object); err != nil {
			t.Error(err)
		}
	}
}

// reconciled reports whether a status speaks of the newest spec.
func reconciled(object client.Object) bool {
	generation := object.GetGeneration()
	switch o := object.(type) {
	case *pushv1.PushChannel:
		return o.Status.ObservedGeneration == generation
	case *pushv1.PushApp:
		return o.Status.ObservedGeneration == generation
	case *pushv1.PushTest:
		return o.Status.ObservedGeneration == generation
	}
	return false
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}

func ignoreMissing(err error) error { return client.IgnoreNotFound(err) }

// Logs keeps what the manager logged.
type Logs struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (l *Logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	return len(b), nil
}

// String is everything so far.
func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// EndNamespace begins to delete a namespace. No controller ends that here, so that its objects stay until tests delete them.
func (s *Suite) EndNamespace(t *testing.T, name string) {
	t.Helper()
	if err := s.Client.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Fatalf("deleting Namespace %s: %v", name, err)
	}
}

// AwaitLeftAlone deletes objects of a namespace that ends, one after the other, and waits each time until the controller of the
// one that needs them came upon that. It expects no trouble of it: no error in the log, and nothing written to the object.
func AwaitLeftAlone[T client.Object](t *testing.T, s *Suite, object T, gone ...client.Object) {
	t.Helper()
	before := object.GetResourceVersion()
	for _, needed := range gone {
		seen := len(s.Logs.about(object, "the namespace is being deleted"))
		if err := s.Client.Delete(t.Context(), needed); err != nil {
			t.Fatalf("deleting %T %s: %v", needed, needed.GetName(), err)
		}
		Await(t, s, object, func(object T) error {
			if len(s.Logs.about(object, "the namespace is being deleted")) == seen {
				return errors.New("the controller did not come upon the end of the namespace")
			}
			return nil
		})
	}
	if lines := s.Logs.about(object, "level=ERROR"); len(lines) > 0 {
		t.Errorf("the log has %q", lines)
	}
	if after := object.GetResourceVersion(); after != before {
		t.Errorf("the object went from version %s to %s", before, after)
	}
}

// about are the lines of the log with the words that are about an object.
func (l *Logs) about(object client.Object, words string) (lines []string) {
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, words) && strings.Contains(line, " namespace="+object.GetNamespace()+" name="+object.GetName()+" ") {
			lines = append(lines, line)
		}
	}
	return lines
}
