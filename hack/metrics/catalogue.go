package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	dispatcher "github.com/offlinepush/operator/dispatcher/metrics"
)

// managerScope is in place of a dispatcher's.
const managerScope dispatcher.Scope = "manager"

// dispatchers are the metrics that every dispatcher has.
func dispatchers() []dispatcher.Metric { return dispatcher.New(prometheus.NewRegistry()).Catalogue() }

// manager lists the metrics of the controllers, which register where they are made.
func manager() []dispatcher.Metric {
	return []dispatcher.Metric{
		{
			Name: "offlinepush_app_certificate_expiry_timestamp_seconds", Type: "gauge", Scope: managerScope,
			Labels: []string{"namespace", "name"},
			Help:   "When the certificate that the dispatchers of a PushApp serve runs out, in seconds since 1970; absent without exposure.tls.",
		},
		{
			Name: "offlinepush_channel_credential_expiry_timestamp_seconds", Type: "gauge", Scope: managerScope,
			Labels: []string{"namespace", "name"},
			Help:   "When the credential of a PushChannel runs out, in seconds since 1970; absent where it does not.",
		},
		{
			Name: "offlinepush_condition", Type: "gauge", Scope: managerScope,
			Labels: []string{"kind", "namespace", "name", "type", "status", "reason"},
			Help:   "1 for each condition of an object as its status has it.",
		},
		{
			Name: "offlinepush_namespace_access", Type: "gauge", Scope: managerScope, Labels: []string{"namespace"},
			Help: "1 for each namespace of --namespaces that lets the manager in, 0 for one that does not and is therefore left out.",
		},
	}
}

// others are the metrics of libraries and of Prometheus that our alerts and dashboards ask for.
func others() []dispatcher.Metric {
	return []dispatcher.Metric{
		{Name: "controller_runtime_reconcile_errors_total", Type: "counter", Scope: managerScope, Labels: []string{"controller"}, Help: "Passes that ended with an error."},
		{
			Name: "controller_runtime_reconcile_time_seconds", Type: "histogram", Scope: managerScope, Labels: []string{"controller"},
			Help: "Duration of passes.",
		},
		{
			Name: "controller_runtime_reconcile_total", Type: "counter", Scope: managerScope, Labels: []string{"controller", "result"},
			Help: "Passes by result.",
		},
		{Name: "go_goroutines", Type: "gauge", Scope: "process", Help: "Goroutines."},
		{Name: "process_cpu_seconds_total", Type: "counter", Scope: "process", Help: "Processor time."},
		{Name: "process_resident_memory_bytes", Type: "gauge", Scope: "process", Help: "Memory."},
		{Name: "process_start_time_seconds", Type: "gauge", Scope: "process", Help: "When the process started, in seconds since 1970."},
		{Name: "up", Type: "gauge", Scope: "Prometheus", Help: "1 while Prometheus can read the metrics."},
		{Name: "workqueue_depth", Type: "gauge", Scope: managerScope, Labels: []string{"name", "controller", "priority"}, Help: "Objects that wait for a pass."},
	}
}
