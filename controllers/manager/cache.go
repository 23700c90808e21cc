package manager

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/offlinepush/operator/controllers/render"
)

// cacheOptions keep what the controllers read, and of that only what the manager made, without what they never look at.
func cacheOptions(namespaces []string) cache.Options {
	options := cache.Options{
		DefaultTransform: slim,
		ByObject:         map[client.Object]cache.ByObject{},
	}
	own := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{render.ManagedByLabel: render.ManagedBy})}
	for _, object := range []client.Object{
		&appsv1.Deployment{}, &corev1.Service{}, &corev1.ServiceAccount{}, &corev1.PersistentVolumeClaim{}, &corev1.Pod{},
		&policyv1.PodDisruptionBudget{}, &autoscalingv2.HorizontalPodAutoscaler{},
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

// slim drops managed fields, what pods are made of, which nobody reads and which is most of what a fleet of apps would take, and
// the annotations of Secrets and ConfigMaps, where kubectl keeps copies of their data.
func slim(object any) (any, error) {
	if m, ok := object.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	switch o := object.(type) {
	case *corev1.Pod:
		o.Spec = corev1.PodSpec{}
	case *appsv1.Deployment:
		o.Spec.Template.Spec = corev1.PodSpec{}
	case *metav1.PartialObjectMetadata:
		o.Annotations = nil
	}
	return object, nil
}
