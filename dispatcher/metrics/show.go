package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/report"
)

// admitted is beside the states of targets, whose sum it is.
const admitted = "Admitted"

// ShowState shows a channel row in a state and in no other.
func (m *Metrics) ShowState(channel, vendor string, is report.ChannelState) {
	for _, state := range report.ChannelStates() {
		value := 0.0
		if state == is {
			value = 1
		}
		m.ChannelState.WithLabelValues(channel, vendor, string(state)).Set(value)
	}
}

// Forget takes away the state of a channel row that the app does not have any more. What waits for it goes on waiting.
func (m *Metrics) Forget(channel string) {
	m.ChannelState.DeletePartialMatch(prometheus.Labels{"channel": channel})
}

// ShowAccount shows what the store counts.
func (m *Metrics) ShowAccount(a report.Account) {
	m.Unaccounted.Set(float64(a.Unaccounted()))
	m.Unexpanded.Set(float64(a.Unexpanded))
	m.Account.WithLabelValues(admitted).Set(float64(a.Admitted))
	for state, n := range map[message.State]int64{
		message.Handed: a.Handed, message.Suppressed: a.Suppressed, message.Failed: a.Failed, message.Expired: a.Expired,
		message.Cancelled: a.Cancelled, message.Quarantined: a.Quarantined, message.Pending: a.Pending,
	} {
		m.Account.WithLabelValues(string(state)).Set(float64(n))
	}
}
