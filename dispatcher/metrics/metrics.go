// Package metrics is the catalogue of everything that the dispatcher counts.
// Labels are the channel row, its vendor and closed sets; never a user, a
// device, a token or a message.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Metrics holds every instrument once.
type Metrics struct {
	// Accepted counts accept requests by result.
	Accepted *prometheus.CounterVec
	// Targets counts the ends of pushes by channel row, state and reason.
	Targets *prometheus.CounterVec
	// Outcomes counts vendor answers by channel row, vendor and class.
	Outcomes *prometheus.CounterVec
	// CallSeconds measures vendor calls by channel row and vendor.
	CallSeconds *prometheus.HistogramVec
	// Receipts counts what vendors report of pushes by channel row, vendor and event, each report once.
	Receipts *prometheus.CounterVec
	// InboxExpired counts the inbox entries that went before any device acknowledged them, by why they went.
	InboxExpired *prometheus.CounterVec
	// Pending shows the targets that wait, by channel row.
	Pending *prometheus.GaugeVec
	// Unexpanded shows the messages for many that are not brought to all their receivers yet.
	Unexpanded prometheus.Gauge
	// Expanded counts the receivers to whom messages for many were brought.
	Expanded prometheus.Counter
	// Unaccounted must be 0: admitted targets that are in no state.
	Unaccounted prometheus.Gauge
	// QuotaUsed and QuotaLimit show the pushes of the vendor's day over all dispatchers, by channel row and class.
	QuotaUsed, QuotaLimit *prometheus.GaugeVec
	// Letters shows the dead letters by channel row and reason.
	Letters *prometheus.GaugeVec
	// Requeued counts the dead letters that were pushed again.
	Requeued prometheus.Counter
	// Restored and Dropped count the tokens whose quarantine ended, by a restore by channel row, or with the token.
	Restored *prometheus.CounterVec
	Dropped  prometheus.Counter
	// Feedback counts the tokens that a vendor's list called dead, by channel row and vendor.
	Feedback *prometheus.CounterVec
	// Callbacks counts events for the app's server by what became of them.
	Callbacks *prometheus.CounterVec
	// Sessions shows the open sessions.
	Sessions prometheus.Gauge
	// ConfigLoaded is 1 while the newest configuration is in force, 0 while it is refused.
	ConfigLoaded prometheus.Gauge
	// ConfigUnknownFields counts configuration fields that this dispatcher is too old to know.
	ConfigUnknownFields prometheus.Gauge
}

// New registers the catalogue.
func New(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		Accepted:            counter("accepted_total", "Accept requests by result.", "result"),
		Targets:             counter("targets_total", "Ends of pushes: one per message and device.", "channel", "state", "reason"),
		Outcomes:            counter("vendor_outcomes_total", "Vendor answers, one per target.", "channel", "vendor", "class"),
		Receipts:            counter("receipts_total", "Vendor reports of pushes, each once.", "channel", "vendor", "event"),
		Letters:             prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("dead_letters", "Pushes that finally failed and are kept.")), []string{"channel", "reason"}),
		Requeued:            prometheus.NewCounter(prometheus.CounterOpts(opts("dead_letters_requeued_total", "Dead letters that were pushed again."))),
		Restored:            counter("tokens_restored_total", "Tokens whose quarantine was ended by a restore.", "channel"),
		Dropped:             prometheus.NewCounter(prometheus.CounterOpts(opts("tokens_dropped_total", "Tokens that were deleted after healthy days in quarantine."))),
		Feedback:            counter("feedback_tokens_total", "Tokens that a vendor's list called dead.", "channel", "vendor"),
		Callbacks:           counter("callbacks_total", "Events for the app's own server by result.", "result"),
		InboxExpired:        counter("inbox_expired_total", "Inbox entries that went before any device of their user acknowledged them.", "reason"),
		Pending:             prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("pending_targets", "Targets that wait for a channel row.")), []string{"channel"}),
		Unaccounted:         prometheus.NewGauge(prometheus.GaugeOpts(opts("unaccounted", "Admitted targets that are in no state; anything but 0 is a bug."))),
		Unexpanded:          prometheus.NewGauge(prometheus.GaugeOpts(opts("unexpanded", "Messages to groups and broadcasts that are not decided for all their receivers yet."))),
		Expanded:            prometheus.NewCounter(prometheus.CounterOpts(opts("expanded_total", "Receivers to whom messages to groups and broadcasts were brought."))),
		QuotaUsed:           prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("quota_used", "Pushes of the vendor's day, by all dispatchers of the app together.")), []string{"channel", "class"}),
		QuotaLimit:          prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("quota_limit", "The app's part of the vendor's daily quota.")), []string{"channel", "class"}),
		Sessions:            prometheus.NewGauge(prometheus.GaugeOpts(opts("sessions", "Open sessions."))),
		ConfigLoaded:        prometheus.NewGauge(prometheus.GaugeOpts(opts("config_loaded", "1 while the newest configuration is in force."))),
		ConfigUnknownFields: prometheus.NewGauge(prometheus.GaugeOpts(opts("config_unknown_fields", "Configuration fields that this dispatcher does not know."))),
		CallSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "offlinepush", Name: "vendor_call_seconds", Help: "Duration of vendor calls.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 12), NativeHistogramBucketFactor: 1.1,
		}, []string{"channel", "vendor"}),
	}
	r.MustRegister(m.Accepted, m.Targets, m.Outcomes, m.Receipts, m.Callbacks, m.InboxExpired, m.CallSeconds, m.Pending, m.Unexpanded, m.Expanded, m.Unaccounted, m.QuotaUsed, m.QuotaLimit, m.Sessions, m.ConfigLoaded, m.ConfigUnknownFields)
	r.MustRegister(m.Letters, m.Requeued, m.Restored, m.Dropped, m.Feedback)
	for _, result := range []string{"stored", "duplicate", "refused", "failed"} {
		m.Accepted.WithLabelValues(result)
	}
	return m
}

// Prepare makes the series of a channel row exist at zero.
func (m *Metrics) Prepare(channel, vendor string) {
	for _, c := range message.Classes() {
		m.Outcomes.WithLabelValues(channel, vendor, string(c))
	}
	m.Pending.WithLabelValues(channel)
}

// ForgetQuotas removes the quotas of a channel row.
func (m *Metrics) ForgetQuotas(channel string) {
	m.QuotaUsed.DeletePartialMatch(prometheus.Labels{"channel": channel})
	m.QuotaLimit.DeletePartialMatch(prometheus.Labels{"channel": channel})
}

func opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: "offlinepush", Name: name, Help: help}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
}
