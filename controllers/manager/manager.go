// Package manager assembles the controllers into one manager, for the command
// and for tests alike.
package manager

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/pushapp"
	"github.com/offlinepush/operator/controllers/pushchannel"
	"github.com/offlinepush/operator/controllers/pushtest"
	"github.com/offlinepush/operator/controllers/reference"
	"github.com/offlinepush/operator/controllers/render"
	"github.com/offlinepush/operator/controllers/secretwatch"
	"github.com/offlinepush/operator/dispatcher/provider"
	"github.com/offlinepush/operator/dispatcher/provider/catalog"
)

const (
	// shutdownTimeout is well within the pod's grace period.
	shutdownTimeout = 10 * time.Second
	// The API server's own priority and fairness guards it, and the workers bound what is under way; a limit here would only
	// keep a fleet of apps from settling.
	unlimited = -1
)

// Settings say what to watch and how to work.
type Settings struct {
	// Namespaces to watch; empty means every one.
	Namespaces []string
	// AccessPeriod is the time between two looks at the namespaces that do not let the manager in.
	AccessPeriod time.Duration
	// GetSecrets lets the manager get Secrets by name, and neither list nor watch them.
	GetSecrets bool
	// SecretPeriod is the time between two looks at a Secret when GetSecrets is set.
	SecretPeriod     time.Duration
	AllowedEndpoints pushchannel.Endpoints
	DispatcherImage  string
	// MaxConcurrentRollouts bounds the apps whose dispatchers are replaced at a time because the manager changed; 0 is no bound.
	MaxConcurrentRollouts int
	FastReload            bool
	LeaderElect           bool
	// LeaderElectionNamespace holds the lease; empty means the pod's own.
	LeaderElectionNamespace string
	MetricsAddr             string
	HealthAddr              string
	// Guard limits the addresses that a replaced endpoint may lead to.
	Guard provider.EndpointGuard
	// Reports reads the dispatchers' reports.
	Reports pushapp.ReportReader
	// ReportPeriod is the time between two reports.
	ReportPeriod time.Duration
	// PushTests takes PushTests to the dispatchers.
	PushTests pushtest.Pusher
	Log       *slog.Logger
}

// errShut is why a manager without a namespace is not ready.
var errShut = errors.New("no namespace of --namespaces lets the manager in: see its log")

// New makes a manager with all controllers, ready to start. All of its namespaces must let it in.
func New(ctx context.Context, cluster *rest.Config, s Settings) (ctrl.Manager, error) {
	mgr, err := newIdle(cluster, s)
	if err != nil {
		return nil, err
	}
	return mgr, errors.Join(
		reference.AddIndexes(ctx, mgr.GetFieldIndexer()),
		addControllers(mgr, s),
		mgr.AddReadyzCheck("ping", healthz.Ping),
	)
}

// newShut makes a manager that no namespace lets in: it has no controllers and is not ready.
func newShut(cluster *rest.Config, s Settings) (ctrl.Manager, error) {
	mgr, err := newIdle(cluster, s)
	if err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("namespaces", func(*http.Request) error { return errShut })
}

// newIdle makes a manager without controllers.
func newIdle(cluster *rest.Config, s Settings) (ctrl.Manager, error) {
	cluster = rest.CopyConfig(cluster)
	cluster.QPS = unlimited
	options, err := managerOptions(s)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(cluster, options)
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return mgr, mgr.AddHealthzCheck("ping", healthz.Ping)
}

func addControllers(mgr ctrl.Manager, s Settings) error {
	recorder := mgr.GetEventRecorder(render.ManagedBy)
	channels := &pushchannel.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: recorder,
		NewProvider: catalog.New, Guard: s.Guard, Allowed: s.AllowedEndpoints, Log: s.Log,
	}
	apps := &pushapp.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: recorder,
		Poller:   pushapp.NewPoller(mgr.GetClient(), s.Reports, s.ReportPeriod),
		Rollouts: pushapp.NewRollouts(mgr.GetClient(), s.MaxConcurrentRollouts),
		Image:    s.DispatcherImage, Namespaces: s.Namespaces, FastReload: s.FastReload,
	}
	tests := &pushtest.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: recorder, Dispatchers: s.PushTests,
	}
	if s.GetSecrets {
		secrets := secretwatch.New(secretwatch.Deps{Objects: mgr.GetClient(), Secrets: mgr.GetAPIReader(), Period: s.SecretPeriod, Log: s.Log})
		channels.Secrets, apps.Secrets = secrets.Channels(), secrets.Apps()
		if err := mgr.Add(secrets); err != nil {
			return fmt.Errorf("adding the watcher of Secrets: %w", err)
		}
	}
	return errors.Join(channels.SetupWithManager(mgr), apps.SetupWithManager(mgr), tests.SetupWithManager(mgr))
}

func managerOptions(s Settings) (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), pushv1.AddToScheme(scheme)); err != nil {
		return ctrl.Options{}, fmt.Errorf("building the scheme: %w", err)
	}
	return ctrl.Options{
		Scheme: scheme,
		Cache:  cacheOptions(s.Namespaces),
		// A manager for more namespaces follows one for fewer in the same process.
		Controller: ctrlconfig.Controller{SkipNameValidation: new(true)},
		Client: client.Options{
			FieldOwner: render.ManagedBy,
			// Secrets and ConfigMaps are read one by one; only their names are watched.
			Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}},
		},
		Metrics: metricsserver.Options{
			BindAddress:    s.MetricsAddr,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
			TLSOpts:        []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
		},
		HealthProbeBindAddress:        s.HealthAddr,
		LeaderElection:                s.LeaderElect,
		LeaderElectionNamespace:       s.LeaderElectionNamespace,
		LeaderElectionID:              "manager.offlinepush.io",
		LeaderElectionReleaseOnCancel: true, // Nothing of it works after that.
		GracefulShutdownTimeout:       new(shutdownTimeout),
	}, nil
}
