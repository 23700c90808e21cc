// Package metrics is the catalogue of everything that the dispatcher counts.
// Labels are the channel row, its vendor and closed sets; never a user, a
// device, a token or a message.
package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/message"
)

// Metrics holds every instrument once.
type Metrics struct {
	// Accepted counts accept requests by result.
	Accepted *prometheus.CounterVec
	// AcceptSeconds measures batches of accept requests.
	AcceptSeconds prometheus.Observer
	// Targets counts the ends of pushes by channel row, state and reason.
	Targets *prometheus.CounterVec
	// Outcomes counts vendor answers by channel row, vendor and class.
	Outcomes *prometheus.CounterVec
	// CallSeconds measures vendor calls by channel row and vendor.
	CallSeconds *prometheus.HistogramVec
	// PushSeconds measures the time from accepting a message until the vendor took its push, by channel row and vendor.
	PushSeconds *prometheus.HistogramVec
	// Receipts counts what vendors report of pushes by channel row, vendor and event, each report once.
	Receipts *prometheus.CounterVec
	// InboxExpired counts the inbox entries that went before any device acknowledged them, by why they went.
	InboxExpired *prometheus.CounterVec
	// ChannelState shows the state of each channel row.
	ChannelState *prometheus.GaugeVec
	// Pending shows the targets that wait, by channel row.
	Pending *prometheus.GaugeVec
	// Unexpanded shows the messages for many that are not brought to all their receivers yet.
	Unexpanded prometheus.Gauge
	// Expanded counts the receivers to whom messages for many were brought.
	Expanded prometheus.Counter
	// Account shows the targets by state since the store was made.
	Account *prometheus.GaugeVec
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
	// Spans counts the spans of traces by what became of them.
	Spans *prometheus.CounterVec
	// Sessions shows the open sessions.
	Sessions prometheus.Gauge
	// StoreReady is 1 while the store answers.
	StoreReady prometheus.Gauge
	// ConfigLoaded is 1 while the newest configuration is in force, 0 while it is refused.
	ConfigLoaded prometheus.Gauge
	// ConfigUnknownFields counts configuration fields that this dispatcher is too old to know.
	ConfigUnknownFields prometheus.Gauge

	made []Metric
}

// New registers the catalogue.
func New(r prometheus.Registerer) *Metrics {
	c := &catalogue{registerer: r}
	m := &Metrics{
		Accepted:            c.counters("accepted_total", "Accept requests by result.", "result"),
		AcceptSeconds:       c.seconds("accept_seconds", "Time until a batch of accept requests is stored or refused.", 0.001, 14).WithLabelValues(),
		Targets:             c.counters("targets_total", "Ends of pushes: one per message and device.", "channel", "state", "reason"),
		Outcomes:            c.counters("vendor_outcomes_total", "Vendor answers, one per target.", "channel", "vendor", "class"),
		CallSeconds:         c.seconds("vendor_call_seconds", "Duration of vendor calls.", 0.005, 12, "channel", "vendor"),
		PushSeconds:         c.seconds("push_seconds", "Time from accepting a message until the vendor took its push, waits included.", 0.01, 18, "channel", "vendor"),
		Receipts:            c.counters("receipts_total", "Vendor reports of pushes, each once.", "channel", "vendor", "event"),
		Letters:             c.appGauges("dead_letters", "Pushes that finally failed and are kept.", "channel", "reason"),
		Requeued:            c.counter("dead_letters_requeued_total", "Dead letters that were pushed again."),
		Restored:            c.counters("tokens_restored_total", "Tokens whose quarantine was ended by a restore.", "channel"),
		Dropped:             c.counter("tokens_dropped_total", "Tokens that were deleted after healthy days in quarantine."),
		Feedback:            c.counters("feedback_tokens_total", "Tokens that a vendor's list called dead.", "channel", "vendor"),
		Callbacks:           c.counters("callbacks_total", "Events for the app's own server by result.", "result"),
		Spans:               c.counters("trace_spans_total", "Spans of traces by result: what was not exported is lost.", "result"),
		InboxExpired:        c.counters("inbox_expired_total", "Inbox entries that went before any device of their user acknowledged them.", "reason"),
		ChannelState:        c.gauges("channel_state", "1 for the state that this dispatcher sees a channel row in, 0 for every other.", "channel", "vendor", "state"),
		Pending:             c.appGauges("pending_targets", "Targets that wait for a channel row.", "channel"),
		Account:             c.appGauges("account_targets", "Targets since the store was made, by state: Admitted is the sum of all others.", "state"),
		Unaccounted:         c.appGauge("unaccounted", "Admitted targets that are in no state; anything but 0 is a bug."),
		Unexpanded:          c.appGauge("unexpanded", "Messages to groups and broadcasts that are not decided for all their receivers yet."),
		Expanded:            c.counter("expanded_total", "Receivers to whom messages to groups and broadcasts were brought."),
		QuotaUsed:           c.appGauges("quota_used", "Pushes of the vendor's day, by all dispatchers of the app together.", "channel", "class"),
		QuotaLimit:          c.appGauges("quota_limit", "The app's part of the vendor's daily quota.", "channel", "class"),
		Sessions:            c.gauge("sessions", "Open sessions."),
		StoreReady:          c.gauge("store_ready", "1 while the store takes what this dispatcher reads and writes."),
		ConfigLoaded:        c.gauge("config_loaded", "1 while the newest configuration is in force."),
		ConfigUnknownFields: c.gauge("config_unknown_fields", "Configuration fields that this dispatcher does not know."),
	}
	m.made = c.made
	for _, result := range []string{"stored", "duplicate", "refused", "failed"} {
		m.Accepted.WithLabelValues(result)
	}
	return m
}

// Catalogue describes every instrument, in order of the name.
func (m *Metrics) Catalogue() []Metric {
	return slices.SortedFunc(slices.Values(m.made), func(a, b Metric) int { return strings.Compare(a.Name, b.Name) })
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
