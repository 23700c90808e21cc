package condition

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var conditionMetric = prometheus.NewDesc(
	"offlinepush_condition",
	"1 for each condition of an object as its status has it.",
	[]string{"kind", "namespace", "name", "type", "status", "reason"}, nil,
)

// published are the conditions of all objects, so that alerts ask for what people read. It needs the metric above.
var published = register(&statuses{objects: map[objectKey][]metav1.Condition{}})

// objectKey is a kind and the name of an object of it.
type objectKey struct {
	kind string
	types.NamespacedName
}

// statuses is a collector that never shows an object in two states, or in none, while it changes.
type statuses struct {
	mu      sync.Mutex
	objects map[objectKey][]metav1.Condition
}

func register(s *statuses) *statuses {
	metrics.Registry.MustRegister(s)
	return s
}

// Describe implements prometheus.Collector.
func (*statuses) Describe(to chan<- *prometheus.Desc) { to <- conditionMetric }

// Collect implements prometheus.Collector.
func (s *statuses) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, conditions := range s.objects {
		for _, c := range conditions {
			to <- prometheus.MustNewConstMetric(conditionMetric, prometheus.GaugeValue, 1,
				o.kind, o.Namespace, o.Name, c.Type, string(c.Status), c.Reason)
		}
	}
}

// Publish shows the conditions of an object as metrics, in place of those that it had.
func Publish(kind string, name types.NamespacedName, conditions []metav1.Condition) {
	published.mu.Lock()
	defer published.mu.Unlock()
	published.objects[objectKey{kind, name}] = slices.Clone(conditions)
}

// Forget takes away what Publish showed of an object that is gone.
func Forget(kind string, name types.NamespacedName) {
	published.mu.Lock()
	defer published.mu.Unlock()
	delete(published.objects, objectKey{kind, name})
}
