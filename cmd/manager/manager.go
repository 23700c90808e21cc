package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
	"github.com/offlinepush/operator/controllers/render"
)

// shutdownTimeout is well within the pod's grace period.
const shutdownTimeout = 10 * time.Second

func managerOptions(o options) (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), pushv1.AddToScheme(scheme)); err != nil {
		return ctrl.Options{}, fmt.Errorf("building the scheme: %w", err)
	}
	return ctrl.Options{
		Scheme: scheme,
		Cache:  cacheOptions(o.namespaces),
		Client: client.Options{
			FieldOwner: render.ManagedBy,
			// Secrets and ConfigMaps are read one by one; only their names are watched.
			Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}},
		},
		Metrics: metricsserver.Options{
			BindAddress:    o.metricsAddr,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
			TLSOpts:        []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
		},
		HealthProbeBindAddress:        o.healthAddr,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "manager.offlinepush.io",
		LeaderElectionReleaseOnCancel: true, // The process ends right after.
		GracefulShutdownTimeout:       new(shutdownTimeout),
	}, nil
}

// cacheOptions keep what the controllers read, and of that only what the manager made, without what they never look at.
func cacheOptions(namespaces []string) cache.Options {
	options := cache.Options{
		DefaultTransform: slim,
		ByObject:         map[client.Object]cache.ByObject{},
	}
	own := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{render.ManagedByLabel: render.ManagedBy})}
	for _, object := range []client.Object{
		&appsv1.Deployment{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.PersistentVolumeClaim{}, &corev1.Pod{},
	} {
		options.ByObject[object] = own
	}
	for _, name := range namespaces {
		if options.DefaultNamespaces == nil {
			options.DefaultNamespaces = map[string]cache.Config{}
		}
		options.DefaultNamespaces[name] = cache.Config{}
	}
	return options
}

// slim drops managed fields, and the annotations of Secrets and ConfigMaps, where kubectl keeps copies of their data.
func slim(object any) (any, error) {
	if m, ok := object.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	if m, ok := object.(*metav1.PartialObjectMetadata); ok {
		m.Annotations = nil
	}
	return object, nil
}
